"""Procedural textures: fields of grey in [0, 1] and the colours laid over them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]  # (H, W) in [0, 1]
Generator = np.random.Generator


def fractal_noise(rng: Generator, shape: tuple[int, int], cells: float, octaves: int = 4, decay: float = 0.55) -> Field:
    """Sum of smooth random grids, each twice as fine and ``decay`` times as strong as the last: (H, W) in [0, 1].

    ``cells`` is the number of grid cells along the longer side in the coarsest grid.
    """
    height, width = shape
    total = np.zeros(shape, np.float32)
    weight = 1.0
    for _ in range(octaves):
        per_pixel = min(cells / max(shape), 0.5)
        grid = rng.random((int(height * per_pixel) + 3, int(width * per_pixel) + 3), dtype=np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        weight *= decay
        cells *= 2
    return _normalise(total)


def stripes(rng: Generator, shape: tuple[int, int]) -> Field:
    """Parallel bands in a random direction, straight or gently bent."""
    bend = rng.uniform(0, 1.5) * (fractal_noise(rng, shape, 2, octaves=1) - 0.5)
    return _soft_square(_phase(rng, shape, rng.uniform(2.5, 6)) + bend, sharpness=3)


def checker(rng: Generator, shape: tuple[int, int]) -> Field:
    """Two crossed sets of bands: tiles."""
    angle = rng.uniform(0, np.pi)
    count = rng.uniform(2, 4)
    first = np.sin(2 * np.pi * _ramp(shape, angle) * count)
    second = np.sin(2 * np.pi * _ramp(shape, angle + np.pi / 2) * count)
    return (0.5 + 0.5 * np.tanh(6 * first * second)).astype(np.float32)


def dots(rng: Generator, shape: tuple[int, int]) -> Field:
    """Round spots on a square grid."""
    angle = rng.uniform(0, np.pi)
    count = rng.uniform(3, 6)
    first = np.cos(2 * np.pi * _ramp(shape, angle) * count)
    second = np.cos(2 * np.pi * _ramp(shape, angle + np.pi / 2) * count)
    return (0.5 + 0.5 * np.tanh(5 * (first + second - 0.6))).astype(np.float32)


def gradient(rng: Generator, shape: tuple[int, int]) -> Field:
    """One smooth ramp across the picture."""
    return _normalise(_ramp(shape, rng.uniform(0, 2 * np.pi)))


def marble(rng: Generator, shape: tuple[int, int]) -> Field:
    """Bands whose phase is pushed about by noise: veins."""
    bend = rng.uniform(0.8, 1.6) * fractal_noise(rng, shape, 3, octaves=4)
    return (0.5 + 0.5 * np.sin(2 * np.pi * (_phase(rng, shape, rng.uniform(1, 2.5)) + bend))).astype(np.float32)


def clouds(rng: Generator, shape: tuple[int, int]) -> Field:
    """Plain fractal noise, coarse to fine."""
    return fractal_noise(rng, shape, rng.uniform(2, 5), octaves=4)


def patches(rng: Generator, shape: tuple[int, int]) -> Field:
    """Blotches with clear borders, as camouflage cloth has."""
    steps = 3 * fractal_noise(rng, shape, rng.uniform(3, 6), octaves=3)
    return ((np.floor(steps) + _soft_step(steps - np.floor(steps))) / 3).astype(np.float32)


PATTERNS: dict[str, Callable[[Generator, tuple[int, int]], Field]] = {
    f.__name__: f for f in (clouds, stripes, checker, dots, gradient, marble, patches)
}


def colourise(field: Field, colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay a ramp through ``colours`` (K, 3) over ``field``: (H, W, 3) in the units of the colours."""
    stops = np.linspace(0, 255, len(colours))
    table = np.stack([np.interp(np.arange(256), stops, channel) for channel in colours.T], axis=1).astype(np.float32)
    return table[np.clip(field * 255, 0, 255).astype(np.uint8)]


def hsv_colours(hue: NDArray | float, saturation: NDArray | float, value: NDArray | float) -> NDArray[np.float32]:
    """RGB colours (K, 3) in [0, 255] from hue in turns (wraps), saturation and value in [0, 1]."""
    columns = np.broadcast_arrays(np.atleast_1d(np.mod(hue, 1.0) * 360), saturation, value)
    hsv = np.stack(columns, axis=-1).astype(np.float32)[None]
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0] * np.float32(255)


def _normalise(values: NDArray) -> Field:
    low, high = float(values.min()), float(values.max())
    return ((values - low) / max(high - low, 1e-6)).astype(np.float32)


def _ramp(shape: tuple[int, int], angle: float) -> NDArray[np.float32]:
    """Position along a direction, in lengths of the longer side."""
    height, width = shape
    x = np.arange(width, dtype=np.float32) * np.float32(np.cos(angle) / max(shape))
    y = np.arange(height, dtype=np.float32) * np.float32(np.sin(angle) / max(shape))
    return y[:, None] + x[None]


def _phase(rng: Generator, shape: tuple[int, int], count: float) -> NDArray[np.float32]:
    return np.float32(count) * _ramp(shape, rng.uniform(0, np.pi)) + np.float32(rng.random())


def _soft_square(phase: NDArray, sharpness: float) -> Field:
    return (0.5 + 0.5 * np.tanh(sharpness * np.sin(2 * np.pi * phase))).astype(np.float32)


def _soft_step(fraction: NDArray) -> NDArray:
    return np.clip(fraction / 0.12, 0, 1)
