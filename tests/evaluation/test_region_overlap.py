"""Overlap in pixels: the VOT tool's numbers, and counting pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from mmdet.evaluation.region_overlap import raster_overlap


def box(x: float, y: float, w: float, h: float) -> np.ndarray:
    return np.array([[[x, y], [x + w, y], [x + w, y + h], [x, y + h]]], dtype=float)


CASES = {
    'same': ((0, 0, 10, 10), (0, 0, 10, 10), None, 1.0),
    'half beside': ((0, 0, 10, 10), (5, 0, 10, 10), None, 0.375),
    'touching': ((0, 0, 10, 10), (10, 0, 10, 10), None, 0.0),
    'apart': ((0, 0, 10, 10), (30, 0, 10, 10), None, 0.0),
    'half outside, unbounded': ((-10, -10, 20, 20), (0, 0, 10, 10), None, 0.2743764),
    'half outside': ((-10, -10, 20, 20), (0, 0, 10, 10), (100, 100), 1.0),
    'border included': ((90, 90, 30, 30), (95, 95, 20, 20), (100, 100), 0.2975207),
    'border moved in': ((90, 90, 30, 30), (95, 95, 20, 20), (99, 99), 0.25),
    'shift rounded away': ((0, 0, 20, 20), (0.4, 0.4, 20, 20), None, 1.0),
    'shift rounded up': ((0, 0, 20, 20), (0.6, 0.6, 20, 20), None, 0.8298755),
    'outside the frame': ((120, 0, 10, 10), (120, 0, 10, 10), (100, 100), 0.0),
}


@pytest.mark.parametrize(('first', 'second', 'bounds', 'expected'), CASES.values(), ids=CASES)
def test_boxes(first: tuple, second: tuple, bounds: tuple[int, int] | None, expected: float) -> None:
    assert raster_overlap(box(*first), box(*second), bounds)[0] == pytest.approx(expected, abs=1e-6)


def inside(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels of a convex polygon of whole numbers: those of a row from the pixel left of its left crossing on."""
    mask = np.zeros(shape, bool)
    for y in range(shape[0]):
        crossings = []
        for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0)):
            if y1 != y2 and min(y1, y2) <= y <= max(y1, y2):
                crossings.append(x1 + (y - y1) * (x2 - x1) / (y2 - y1))
        if crossings:
            left, right = int(np.floor(min(crossings))), int(np.floor(max(crossings)))
            mask[y, max(left, 0) : right + 1] = True
    return mask


@pytest.mark.parametrize('seed', range(10))
def test_rotated_boxes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    polygons = []
    for _ in range(2):
        angle, (w, h) = rng.uniform(0, np.pi), rng.uniform(6, 30, 2)
        corners = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        polygons.append(corners @ turn.T + rng.uniform(25, 35, 2))
    a, b = (inside(np.floor(p + 0.5), (60, 60)) for p in polygons)
    expected = (a & b).sum() / (a | b).sum()
    assert raster_overlap(polygons[0][None], polygons[1][None], (59, 59))[0] == pytest.approx(expected, abs=1e-12)
