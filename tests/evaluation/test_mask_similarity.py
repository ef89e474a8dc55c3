"""J and F of masks: the published numbers of shifted squares, and the definition written out pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from mmdet.evaluation.mask_similarity import (
    accuracy,
    boundary_map,
    boundary_tolerance,
    box_around,
    outline,
    similarity,
)


def both(truth: np.ndarray, result: np.ndarray, radius: int) -> tuple[float, float]:
    """J and F in the common box of two masks."""
    box = box_around((truth | result).astype(np.uint8))
    a, b = outline(truth, radius, box), outline(result, radius, box)
    return similarity(a, b), accuracy(a, b)


def slow_boundary(mask: np.ndarray) -> np.ndarray:
    """The definition: unlike the right, lower or lower right neighbour, where there is one on the border's terms."""
    height, width = mask.shape
    edge = np.zeros(mask.shape, bool)
    for y in range(height):
        for x in range(width):
            if y + 1 < height and x + 1 < width:
                others = [mask[y, x + 1], mask[y + 1, x], mask[y + 1, x + 1]]
            elif x + 1 < width:
                others = [mask[y, x + 1]]
            else:
                others = [mask[y + 1, x]] if y + 1 < height else []
            edge[y, x] = any(other != mask[y, x] for other in others)
    return edge


def slow_f(truth: np.ndarray, result: np.ndarray, radius: int) -> float:
    """Distances of all pairs of boundary pixels."""
    a, b = np.argwhere(slow_boundary(truth)), np.argwhere(slow_boundary(result))
    if not len(a) or not len(b):
        return float(len(a) == len(b))
    near = ((a[:, None] - b[None]) ** 2).sum(-1) <= radius**2
    recall, precision = near.any(1).mean(), near.any(0).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@pytest.mark.parametrize(
    ('size', 'pixels'), [((480, 854), 8), ((480, 910), 9), ((720, 1280), 12), ((100, 100), 2)], ids=str
)
def test_tolerance(size: tuple[int, int], pixels: int) -> None:
    assert boundary_tolerance(*size) == pixels


SHIFTS = {1: (0.951220, 1), 2: (0.904762, 1), 3: (0.860465, 0.525), 4: (0.818182, 0.5125), 10: (0.6, 0.4375)}


@pytest.mark.parametrize(('shift', 'expected'), SHIFTS.items())
def test_shifted_square(shift: int, expected: tuple[float, float]) -> None:
    truth = np.zeros((100, 100), bool)
    truth[20:60, 20:60] = True
    assert both(truth, np.roll(truth, shift, 1), 2) == pytest.approx(expected, abs=1e-6)


def test_boundary_of_a_square() -> None:
    mask = np.zeros((100, 100), np.uint8)
    mask[20:60, 20:60] = 1
    rows, columns = np.nonzero(boundary_map(mask))
    assert (len(rows), rows.min(), rows.max(), columns.min(), columns.max()) == (160, 19, 59, 19, 59)


SQUARE = np.pad(np.ones((4, 4), bool), 3)
NOTHING = np.zeros((10, 10), bool)
EMPTY = {
    'both empty': (NOTHING, NOTHING, (1, 1)),
    'truth only': (SQUARE, NOTHING, (0, 0)),
    'result only': (NOTHING, SQUARE, (0, 0)),
    'the whole frame has no boundary': (NOTHING, ~NOTHING, (0, 1)),
}


@pytest.mark.parametrize(('truth', 'result', 'expected'), EMPTY.values(), ids=EMPTY)
def test_empty(truth: np.ndarray, result: np.ndarray, expected: tuple[float, float]) -> None:
    assert both(truth, result, 2) == expected


@pytest.mark.parametrize('seed', range(30))
def test_random_masks_against_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width, radius = rng.integers(3, 40), rng.integers(3, 40), int(rng.integers(1, 9))
    truth, result = (rng.random((height, width)) < rng.uniform(0, 0.4) for _ in range(2))
    if seed % 3 == 0:  # blobs at the border
        truth = np.zeros_like(truth)
        truth[height // 2 :, : width // 2] = True
        result = np.roll(truth, 1, 0)
    union = (truth | result).sum()
    expected = (truth & result).sum() / union if union else 1.0
    assert both(truth, result, radius) == pytest.approx((expected, slow_f(truth, result, radius)), abs=1e-12)
    np.testing.assert_array_equal(boundary_map(truth.astype(np.uint8)), slow_boundary(truth))
