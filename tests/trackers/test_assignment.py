"""Costs and assignment."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from mmdet import geometry
from mmdet.errors import DataError
from mmdet.ops.rle import encode
from mmdet.trackers.assignment import assign, box_iou, forbid_other_classes, mask_iou

INF = np.inf


@pytest.mark.parametrize(
    ('case', 'cost', 'limit', 'pairs', 'left_rows', 'left_columns'),
    [
        ('plain', [[0.1, 0.9], [0.9, 0.2]], 1.0, [(0, 0), (1, 1)], [], []),
        ('too expensive', [[0.1, 0.9], [0.9, 0.95]], 0.9, [(0, 0)], [1], [1]),
        ('limit itself is allowed', [[0.5]], 0.5, [(0, 0)], [], []),
        # solving first would pair (0, 1) and (1, 0) for 1.1 instead of 1.2, and then throw one of them away
        ('gated before solving', [[0.2, 0.35], [0.75, 1.0]], 0.7, [(0, 0)], [1], [1]),
        ('forbidden', [[INF, 0.3], [INF, 0.2]], 0.7, [(1, 1)], [0], [0]),
        ('all forbidden', [[INF, INF]], 0.7, [], [0], [1, 0]),
        ('no rows', np.zeros((0, 2)), 0.7, [], [], [0, 1]),
        ('no columns', np.zeros((2, 0)), 0.7, [], [0, 1], []),
    ],
)
def test_assign(
    case: str, cost: list, limit: float, pairs: list, left_rows: list[int], left_columns: list[int]
) -> None:
    found = assign(np.array(cost), limit)
    assert list(zip(found.rows.tolist(), found.columns.tolist())) == pairs, case
    assert found.unmatched_rows.tolist() == left_rows
    assert found.unmatched_columns.tolist() == left_columns


def test_only_some_rows_and_columns_take_part() -> None:
    cost = np.array([[0.0, 0.0, 0.0], [0.0, 0.2, 0.1], [0.0, 0.9, 0.4]])
    found = assign(cost, 0.6, rows=np.array([2, 1]), columns=np.array([2, 1]))
    assert found.rows.tolist() == [2, 1] and found.columns.tolist() == [2, 1]


@pytest.mark.parametrize('seed', range(10))
def test_is_the_best_of_all_assignments(seed: int) -> None:
    cost, limit = np.random.default_rng(seed).uniform(0, 1, (4, 5)), 0.4

    def total(columns: tuple) -> float:
        return sum(min(cost[row, column] - limit, 0) for row, column in enumerate(columns))

    best = min(total(columns) for columns in permutations(range(5), 4))
    found = assign(cost, limit)
    assert (cost[found.rows, found.columns] - limit).sum() == pytest.approx(best)


def test_box_iou_is_that_of_geometry() -> None:
    corner = np.random.default_rng(0).uniform(0, 50, (12, 2))
    boxes = np.concatenate([corner, corner + np.random.default_rng(1).uniform(0, 40, (12, 2))], 1)
    expected = geometry.box_iou(torch.from_numpy(boxes[:5]), torch.from_numpy(boxes[5:]))
    np.testing.assert_allclose(box_iou(boxes[:5], boxes[5:]), expected.numpy())


@pytest.mark.parametrize(
    ('other', 'expected'),
    [((20, 10, 40, 50), 1 / 3), ((24, 10, 44, 50), 0.176471), ((30, 10, 50, 50), 0), ((10, 10, 10, 10), 0)],
)
def test_t21_overlaps(other: tuple, expected: float) -> None:
    box = np.array([[10.0, 10, 30, 50]])
    assert box_iou(box, np.array([other], np.float64))[0, 0] == pytest.approx(expected, abs=1e-6)


def test_mask_iou() -> None:
    masks = np.zeros((3, 6, 8), np.uint8)
    masks[0, 1:4, 1:5], masks[1, 2:5, 2:6] = 1, 1
    first, second = [encode(mask) for mask in masks[:2]], [encode(mask) for mask in masks]
    pixels = masks.reshape(3, -1).astype(int)
    common = pixels[:2] @ pixels.T
    expected = common / np.maximum(pixels[:2].sum(1)[:, None] + pixels.sum(1)[None] - common, 1)
    np.testing.assert_allclose(mask_iou(first, second), expected)
    assert mask_iou([], second).shape == (0, 3)


def test_masks_of_different_sizes() -> None:
    with pytest.raises(DataError, match=r'different sizes.*\(4, 5\), \(6, 8\)'):
        mask_iou([encode(np.ones((6, 8)))], [encode(np.ones((4, 5)))])


@pytest.mark.parametrize('labels', [[0, 0], [0, 1]], ids=['one class', 'two classes'])
def test_forbid_other_classes(labels: list[int]) -> None:
    cost = forbid_other_classes(np.zeros((2, 1)), np.array(labels), np.array([0]))
    assert cost[:, 0].tolist() == [0, 0 if labels[1] == 0 else INF]
