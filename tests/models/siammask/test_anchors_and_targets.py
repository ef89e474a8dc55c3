"""Anchors of the original sizes, and what they are trained to say."""

from __future__ import annotations

import pytest
import torch

from mmdet.geometry import BoxConvention, box_iou
from mmdet.models.siammask import SiamAnchorGenerator, SiamAnchorTarget

ANCHORS = SiamAnchorGenerator()
GRID = ANCHORS.grid(25, 127)


def targets(box: tuple[float, ...] | None, seed: int = 0, cells: int = 25):  # type: ignore[no-untyped-def]
    bbox = None if box is None else torch.tensor(box, dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    return SiamAnchorTarget()(ANCHORS.grid(cells, 127 if cells == 25 else 71), cells, bbox, generator)


def corners(row: torch.Tensor) -> list[float]:
    x, y, w, h = row.tolist()
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def test_sizes_follow_from_truncated_widths() -> None:
    assert ANCHORS.sizes().tolist() == [[104, 32], [88, 40], [64, 64], [40, 80], [32, 96]]
    usual = BoxConvention().base_anchors(64, (1.0,), (0.33, 0.5, 1, 2, 3))
    widths = (usual[:, 2] - usual[:, 0]).round().tolist()
    assert widths != ANCHORS.sizes()[:, 0].tolist()  # those of other detectors do not fit the published weights


@pytest.mark.parametrize(
    ('cells', 'centre', 'row', 'expected'),
    [
        (25, 127, 0, [-21, 15, 83, 47]),
        (25, 127, 624, [171, 207, 275, 239]),
        (25, 0, 0, [-148, -112, -44, -80]),
        (25, 0, 3124, [80, 48, 112, 144]),
    ],
)
def test_grid(cells: int, centre: float, row: int, expected: list[float]) -> None:
    assert corners(ANCHORS.grid(cells, centre)[row]) == expected


def test_grid_order_is_anchor_then_row_then_column() -> None:
    grid = ANCHORS.grid(25)
    assert grid[624].tolist() == [96, 96, 104, 32] and grid[625].tolist() == [-96, -96, 88, 40]
    assert grid[1].tolist() == [-88, -96, 104, 32]
    assert sorted(set(ANCHORS.grid(3, 71)[:, 0].tolist())) == [63, 71, 79]


def test_window() -> None:
    window = ANCHORS.window(25).view(5, 25, 25)
    assert torch.allclose(window[:, 12, 12], torch.ones(5)) and torch.allclose(window[:, 12, 6], torch.tensor(0.5))
    assert torch.allclose(window[:, 6, 6], torch.tensor(0.25))
    assert window[:, 0].abs().max() < 1e-7 and window[:, :, 24].abs().max() < 1e-7


@pytest.mark.parametrize(
    ('box', 'positives', 'negatives'),
    [
        ((95, 95, 159, 159), 9, 55),
        ((85, 101, 165, 153), 16, 48),
        ((75, 111, 179, 143), 10, 54),
        ((0, 0, 20, 20), 0, 64),
    ],
)
def test_counts(box: tuple[float, ...], positives: int, negatives: int) -> None:
    found = targets(box)
    assert (found.labels == 1).sum() == positives and (found.labels == 0).sum() == negatives
    assert (found.labels == -1).sum() == 3125 - positives - negatives
    assert float(found.weights.sum()) == pytest.approx(1 - 1e-6 / max(positives, 1) if positives else 0, abs=1e-6)
    assert ((found.weights > 0) == (found.labels == 1)).all()
    assert found.mask_weights.shape == (25, 25) and set(found.mask_weights.unique().tolist()) <= {-1, 0, 1}


def test_deltas() -> None:
    found = targets((95, 95, 159, 159))
    assert found.deltas.shape == (4, 5, 25, 25)
    assert found.deltas[:, 2, 12, 12].tolist() == [0, 0, 0, 0]
    assert found.deltas[:, 2, 12, 13].tolist() == [-0.125, 0, 0, 0]
    assert found.labels[2, 12, 12] == 1 and found.labels[2, 12, 13] == 1 and found.labels[2, 13, 13] == 1
    assert found.labels[2, 13, 14] == -1
    grid = torch.tensor([corners(row) for row in GRID]).view(5, 25, 25, 4)
    cells = torch.stack([grid[2, 12, 12], grid[2, 12, 13], grid[2, 13, 13]])
    overlaps = box_iou(cells, torch.tensor([[95.0, 95, 159, 159]]))[:, 0]
    assert overlaps.tolist() == pytest.approx([1, 0.7777778, 0.6202532], abs=1e-7)


def test_negative_pair_looks_at_the_middle() -> None:
    found = targets(None)
    rows = torch.nonzero(found.labels == 0)
    assert len(rows) == 16 and (found.labels == 1).sum() == 0 and found.weights.sum() == 0
    assert rows[:, 1:].min() >= 9 and rows[:, 1:].max() <= 15


def test_draw_is_that_of_the_seed() -> None:
    box = (85, 101, 165, 153)
    assert targets(box, 4).labels.equal(targets(box, 4).labels)
    assert not targets(box, 4).labels.equal(targets(box, 5).labels)


def test_small_grid_of_the_refined_variant() -> None:
    found = targets((39, 39, 103, 103), cells=3)
    assert found.labels.shape == (5, 3, 3) and found.labels[2, 1, 1] == 1
