"""What is behind the objects, and the camera that looks at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from mmdet.datasets.shapes import textures
from mmdet.datasets.shapes.config import ShapesConfig

Generator = np.random.Generator
Picture = NDArray[np.float32]  # (H, W, 3) RGB in [0, 255]
CANVAS = 1.5  # the picture behind the scene is this much larger than the frame, so that the camera can pan


@dataclass(frozen=True)
class Camera:
    """How the camera moves in T frames.

    Attributes:
        pan: (T, 2) shift of the view over the background in pixels.
        shake: (T, 2) small shift of everything in pixels.
        zoom: (T,) magnification of everything.
    """

    pan: NDArray[np.float64]
    shake: NDArray[np.float64]
    zoom: NDArray[np.float64]

    def project(self, t: int, points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
        """Points (..., 2) of the scene in pixels of frame ``t``."""
        middle = np.array(size) / 2
        return (points - middle) * self.zoom[t] + middle + self.shake[t]


def draw_camera(rng: Generator, config: ShapesConfig) -> Camera:
    """A random smooth camera; ``config.camera`` scales all of its motion."""
    frames = np.arange(config.num_frames)
    reach = 0.2 * np.array(config.size)
    fastest = 0.014 * config.width * config.camera
    rate = fastest * rng.uniform(0, 1, 2) / reach  # radians per frame, so that the speed stays below the fastest
    pan = reach * np.sin(rate * frames[:, None] + rng.uniform(0, 2 * np.pi, 2))
    hand = rng.normal(0, 0.008 * config.height, (config.num_frames, 2)) * config.camera * rng.uniform(0, 1)
    shake = gaussian_filter1d(hand, 1.5, axis=0, mode='nearest')
    swing = 0.12 * min(config.camera, 1.0) * rng.uniform(0, 1)
    zoom = 1 + swing * np.sin(rng.uniform(0.03, 0.15) * frames + rng.uniform(0, 2 * np.pi))
    return Camera(pan, shake, zoom)


def look(canvas: Picture, camera: Camera, t: int, size: tuple[int, int]) -> Picture:
    """The part of ``canvas`` that the camera sees in frame ``t``: (H, W, 3), as a new array."""
    width, height = size
    zoom = camera.zoom[t]
    shift = np.array([width, height]) / 2 + camera.shake[t]
    middle = np.array([canvas.shape[1], canvas.shape[0]]) / 2 + camera.pan[t]
    matrix = np.array([[1 / zoom, 0, middle[0] - shift[0] / zoom], [0, 1 / zoom, middle[1] - shift[1] / zoom]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(canvas, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)


def draw_canvas(rng: Generator, config: ShapesConfig) -> Picture:
    """A random background picture, larger than the frame."""
    shape = (round(config.height * CANVAS), round(config.width * CANVAS))
    kinds: tuple[Callable[[Generator, tuple[int, int]], Picture], ...] = (_surface, _surface, _landscape, _layers)
    picture = kinds[int(rng.integers(len(kinds)))](rng, shape)
    detail = 1 + 0.35 * (textures.fractal_noise(rng, shape, 24, octaves=4, decay=0.8) - 0.5)
    light = 1 + rng.uniform(0, 0.5) * (textures.gradient(rng, shape) - 0.5)
    return np.clip(picture * (detail * light)[..., None], 0, 255).astype(np.float32)


def _muted_colours(rng: Generator, count: int) -> NDArray[np.float32]:
    """Colours (count, 3) of one family, duller than those of the objects, from dark to light."""
    hue = rng.random() + rng.normal(0, 0.06, count)
    value = np.sort(rng.uniform(0.2, 0.85, count))
    return textures.hsv_colours(hue, rng.uniform(0.05, 0.45, count), value)


def _surface(rng: Generator, shape: tuple[int, int]) -> Picture:
    """A wall, a floor or a cloth: one pattern in muted colours."""
    patterns = (textures.clouds, textures.stripes, textures.checker, textures.marble, textures.patches)
    pattern = patterns[int(rng.integers(len(patterns)))]
    return textures.colourise(pattern(rng, shape), _muted_colours(rng, 3))


def _landscape(rng: Generator, shape: tuple[int, int]) -> Picture:
    """Sky, a hilly horizon and ground."""
    height, width = shape
    ridge = height * (rng.uniform(0.3, 0.55) + 0.25 * (textures.fractal_noise(rng, (4, width), 3)[0] - 0.5))
    is_ground = np.clip(np.arange(height)[:, None] - ridge[None] + 0.5, 0, 1).astype(np.float32)[..., None]
    sky_colours = textures.hsv_colours(rng.uniform(0.5, 0.65), np.array([0.5, 0.1]), np.array([0.7, 0.95]))
    sky = textures.colourise(textures.fractal_noise(rng, shape, 3), sky_colours)
    ground = _surface(rng, shape)
    return sky * (1 - is_ground) + ground * is_ground


def _layers(rng: Generator, shape: tuple[int, int]) -> Picture:
    """Two surfaces, one showing through ragged holes of the other."""
    border = textures.fractal_noise(rng, shape, rng.uniform(2, 4), octaves=4)
    cover = np.clip((border - np.median(border)) * 25 + 0.5, 0, 1).astype(np.float32)[..., None]
    return _surface(rng, shape) * (1 - cover) + _surface(rng, shape) * cover
