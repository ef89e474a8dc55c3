"""Large unlabelled things that stand or sweep in front of the objects: pillars and bushes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdet.datasets.shapes import textures
from mmdet.datasets.shapes.config import ShapesConfig
from mmdet.datasets.shapes.motion import Motion
from mmdet.datasets.shapes.sprites import Appearance, Sprite, make_sprite

Generator = np.random.Generator


def draw_pillar(rng: Generator, config: ShapesConfig) -> tuple[Sprite, Motion]:
    """A post or trunk from above the frame to below it, with a wavy outline, that sweeps sideways."""
    radius = 0.85 * config.height
    half_width = rng.uniform(0.06, 0.12) * config.width / radius  # in radii
    size = _resolution(radius)
    rows = np.linspace(-1, 1, size, dtype=np.float32)
    columns = rows[None]
    edges = half_width * (1 + rng.uniform(0.1, 0.5) * (textures.fractal_noise(rng, (size, 2), 4) - 0.5))  # (S, 2)
    lean = rng.normal(0, 0.08) * rows
    inside = np.minimum(columns - (lean - edges[:, 0])[:, None], (lean + edges[:, 1])[:, None] - columns)
    middle = rng.uniform(0.15, 0.85) * config.width
    speed = rng.choice([-1, 1]) * rng.uniform(0, 0.016) * config.width
    return _finish(rng, config, inside, radius, np.array([middle, config.height / 2]), speed)


def draw_bush(rng: Generator, config: ShapesConfig) -> tuple[Sprite, Motion]:
    """A lumpy mass that reaches into the frame from its lower or upper border."""
    radius = rng.uniform(0.4, 0.6) * config.height
    size = _resolution(radius)
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    distance = np.hypot(axis[:, None], axis[None])
    inside = 0.75 + 0.45 * (textures.fractal_noise(rng, (size, size), 7, octaves=3) - 0.5) - distance
    border = config.height if rng.random() < 0.75 else 0
    centre = np.array([rng.uniform(0.1, 0.9) * config.width, border])
    speed = rng.choice([-1, 1]) * rng.uniform(0, 0.01) * config.width
    return _finish(rng, config, inside, radius, centre, speed)


def _resolution(radius: float) -> int:
    return int(np.clip(-(-2 * radius // 32) * 32, 64, 2048))


def _finish(
    rng: Generator, config: ShapesConfig, inside: NDArray, radius: float, middle: NDArray, speed: float
) -> tuple[Sprite, Motion]:
    """Paint an outline given as signed distance (S, S) in radii, and let it drift past ``middle``."""
    size = len(inside)
    alpha = np.clip(inside * size / 2 + 0.5, 0, 1).astype(np.float32)
    hue = rng.choice([0.08, 0.1, 0.3, 0.6]) + rng.normal(0, 0.02)
    colours = textures.hsv_colours(hue, rng.uniform(0.1, 0.5), np.sort(rng.uniform(0.1, 0.6, 3)))
    pattern = str(rng.choice(['clouds', 'marble', 'patches', 'stripes']))
    look = Appearance(pattern, int(rng.integers(2**31)), colours, aspect=1.0, shear=0.0, rim=0.3)
    frames = np.arange(config.num_frames)
    drift = speed * (frames - (config.num_frames - 1) / 2)
    if config.num_frames > 1 and speed:  # long videos: come back instead of leaving for good
        span = 0.45 * config.width
        drift = span * np.sin(drift / span)
    centre = middle + np.stack([drift, np.zeros_like(drift)], axis=1)
    still = np.ones(config.num_frames)
    return make_sprite(cv2.GaussianBlur(alpha, (3, 3), 0), look), Motion(centre, radius * still, 0 * still)
