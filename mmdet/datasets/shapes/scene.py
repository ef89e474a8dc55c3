"""Everything that is decided once for a video: who is in it, who is in front of whom, camera, light and lens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mmdet.datasets.shapes import textures
from mmdet.datasets.shapes.background import Camera, Picture, draw_camera, draw_canvas
from mmdet.datasets.shapes.config import ShapesConfig
from mmdet.datasets.shapes.motion import Motion, cross, draw_motion, draw_path, orbit
from mmdet.datasets.shapes.occluders import draw_bush, draw_pillar
from mmdet.datasets.shapes.sprites import Appearance, Sprite, make_sprite, outline, outline_alpha

Generator = np.random.Generator
STYLES = ('orbit', 'cross', 'free')  # how an object relates to an earlier one
STYLE_WEIGHTS = {'normal': (0.05, 0.2, 0.75), 'heavy': (0.5, 0.25, 0.25)}


@dataclass(frozen=True)
class Actor:
    """One thing in front of the background.

    Attributes:
        sprite: what it looks like.
        motion: where it is.
        category: its class name, or None for an occluder, which is never annotated.
    """

    sprite: Sprite
    motion: Motion
    category: str | None


@dataclass(frozen=True)
class Grade:
    """Light and lens of a video.

    Attributes:
        exposure: (T,) factor on all grey levels.
        tint: (3,) factor per colour channel.
        vignette: share of the light that is missing in the corners.
        softness: standard deviation of the lens blur in pixels.
        noise: standard deviation of the sensor noise in grey levels.
        shadow: (dx, dy, strength) of shadows, offsets in radii of the object.
    """

    exposure: NDArray[np.float64]
    tint: NDArray[np.float32]
    vignette: float
    softness: float
    noise: float
    shadow: tuple[float, float, float]


@dataclass(frozen=True)
class ShapesScene:
    """A video before it is rendered. ``actors`` go from back to front; objects are numbered in that order."""

    canvas: Picture
    camera: Camera
    actors: list[Actor]
    grade: Grade

    @property
    def categories(self) -> list[str]:
        """Class name of each annotated object, (N,), in their numbering."""
        return [actor.category for actor in self.actors if actor.category is not None]


def draw_scene(rng: Generator, config: ShapesConfig) -> ShapesScene:
    """A random scene; ``rng`` decides everything about it."""
    canvas = draw_canvas(rng, config)
    count = int(rng.integers(config.objects[0], config.objects[1] + 1))
    radii = config.height / 2 * rng.uniform(*config.object_size, count)
    motions = _draw_motions(rng, config, radii)
    identities = _draw_identities(rng, config, count, canvas.mean((0, 1)))
    resolution = sprite_resolution(config)
    actors = [
        Actor(make_sprite(_class_alpha(category, resolution), look), motion, category)
        for (category, look), motion in zip(identities, motions, strict=True)
    ]
    order = rng.permutation(count)
    stage = [actors[i] for i in order]
    for occluder in _draw_occluders(rng, config):
        stage.insert(int(rng.integers(len(stage) // 2, len(stage) + 1)), occluder)
    return ShapesScene(canvas, draw_camera(rng, config), stage, _draw_grade(rng, config))


def sprite_resolution(config: ShapesConfig) -> int:
    """Side of a sprite's finest picture: enough for the largest object, in steps of 32 pixels."""
    largest = config.height * config.object_size[1]
    return int(np.clip(-(-largest // 32) * 32, 64, 1024))


@lru_cache(maxsize=64)
def _class_alpha(category: str, resolution: int) -> NDArray[np.float32]:
    alpha = outline_alpha(outline(category), resolution)
    alpha.setflags(write=False)
    return alpha


def _draw_motions(rng: Generator, config: ShapesConfig, radii: NDArray[np.float64]) -> list[Motion]:
    """One path per object. The first object starts inside the frame, so that no video begins empty."""
    motions: list[Motion] = []
    alone: list[int] = []  # objects that nobody circles yet: three in one place would hide each other for good
    for i, radius in enumerate(radii):
        start = _roomy_start(rng, config, radius, motions)
        enters = bool(rng.random() < config.enter_probability) and i > 0
        path = draw_path(rng, config, radius, start, enters)
        style = str(rng.choice(STYLES, p=STYLE_WEIGHTS[config.occlusion])) if alone else 'free'
        partner = alone[int(rng.integers(len(alone)))] if alone else -1
        if style == 'cross':
            path = cross(rng, config, motions[partner], path)
        motion = draw_motion(rng, config, radius, path)
        if style == 'orbit':
            motion = orbit(rng, config, motions[partner], motion)
            alone.remove(partner)
        else:
            alone.append(i)
        motions.append(motion)
    return motions


def _roomy_start(rng: Generator, config: ShapesConfig, radius: float, motions: list[Motion]) -> NDArray[np.float64]:
    """The best of a few random points: the one with most air to the objects that are already there."""
    margin = min(0.8 * radius, 0.45 * config.height)
    low, high = np.array([margin, margin]), np.array(config.size) - margin
    points = rng.uniform(low, np.maximum(high, low + 1e-6), (6, 2))
    if not motions:
        return points[0]
    gaps = [np.hypot(*(points - m.centre[0]).T) - m.radius[0] for m in motions]  # each (6,)
    return points[int(np.argmax(np.min(gaps, axis=0)))]


def _draw_identities(
    rng: Generator, config: ShapesConfig, count: int, behind: NDArray[np.float32]
) -> list[tuple[str, Appearance]]:
    """Class and appearance of each object; some are nearly copies of an earlier one."""
    identities: list[tuple[str, Appearance]] = []
    for _ in range(count):
        if identities and rng.random() < config.lookalike_probability:
            category, look = identities[int(rng.integers(len(identities)))]
            shade = rng.uniform(0.9, 1.1, 3) + rng.uniform(-0.06, 0.06)
            colours = np.clip(look.colours * shade, 0, 255).astype(np.float32)
            identities.append((category, replace(look, colours=colours)))
        else:
            category = config.classes[int(rng.integers(len(config.classes)))]
            identities.append((category, draw_appearance(rng, behind)))
    return identities


def draw_appearance(rng: Generator, behind: NDArray[np.float32]) -> Appearance:
    """A random texture in two or three vivid colours whose mean stands out from the colour ``behind`` (3,)."""
    palettes = [_vivid_colours(rng) for _ in range(4)]
    contrast = [float(np.abs(p.mean(0) - behind).max()) for p in palettes]
    enough = [p for p, c in zip(palettes, contrast, strict=True) if c > 45]
    names = tuple(textures.PATTERNS)
    return Appearance(
        pattern=names[int(rng.integers(len(names)))],
        seed=int(rng.integers(2**31)),
        colours=enough[0] if enough else palettes[int(np.argmax(contrast))],
        aspect=float(rng.uniform(0.85, 1.18)),
        shear=float(rng.normal(0, 0.05)),
        rim=float(rng.uniform(0.1, 0.6)) if rng.random() < 0.6 else 0.0,
    )


def _vivid_colours(rng: Generator) -> NDArray[np.float32]:
    hue = rng.random() + np.array([0, rng.normal(0, 0.06), rng.uniform(0.1, 0.9)])
    value = np.array([rng.uniform(0.25, 0.65), rng.uniform(0.6, 0.9), rng.uniform(0.7, 1.0)])
    return textures.hsv_colours(hue, rng.uniform(0.35, 1.0, 3), value)


def _draw_occluders(rng: Generator, config: ShapesConfig) -> list[Actor]:
    if config.occlusion == 'heavy':
        makers = [draw_pillar] * int(rng.integers(1, 3)) + [draw_bush] * int(rng.integers(0, 2))
    else:
        makers = [draw_pillar] if rng.random() < 0.1 else []
    return [Actor(*maker(rng, config), category=None) for maker in makers]


def _draw_grade(rng: Generator, config: ShapesConfig) -> Grade:
    frames = np.arange(config.num_frames)
    swing = config.brightness_change * rng.uniform(0, 1)
    exposure = 1 + swing * np.sin(rng.uniform(0.05, 0.4) * frames + rng.uniform(0, 2 * np.pi))
    strength = rng.uniform(0.2, 0.5) if config.shadows else 0.0
    return Grade(
        exposure=exposure * rng.uniform(0.85, 1.1),
        tint=rng.uniform(0.94, 1.06, 3).astype(np.float32),
        vignette=float(rng.uniform(0, 0.35)),
        softness=float(rng.uniform(0.3, 0.6)) * config.height / 144,
        noise=float(config.noise * rng.uniform(0.2, 1)),
        shadow=(float(rng.uniform(-0.25, 0.25)), float(rng.uniform(0.08, 0.25)), float(strength)),
    )
