"""Box head: targets and losses, and the order of detections, worked out by hand."""

from __future__ import annotations

import pytest
import torch

from mmdet.geometry import BoxConvention
from mmdet.models.roi_heads.bbox_head import BBoxHead
from mmdet.models.samplers import SampledRoIs
from mmdet.registry import register_all

BACKGROUND = 2


def make_head(**options: float) -> BBoxHead:
    register_all()
    losses = dict(loss_cls=dict(type='CrossEntropyLoss'), loss_bbox=dict(type='SmoothL1Loss'))
    return BBoxHead(num_classes=2, in_channels=1, roi_size=1, fc_channels=1, **losses, **options)


def test_losses_of_a_batch() -> None:
    """Class of the object alone is refined; both losses are divided by all four sampled boxes."""
    sampled = [
        SampledRoIs(
            torch.tensor([[0.0, 0, 10, 20], [70, 70, 80, 80], [0, 0, 5, 5]]),
            torch.tensor([0]),
            torch.tensor([1, BACKGROUND, BACKGROUND]),
        ),
        SampledRoIs(torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([1]), torch.tensor([0])),
    ]
    objects = [torch.tensor([[2.0, 1, 14, 21]]), torch.tensor([[50.0, 50, 60, 60], [0, 0, 10, 10]])]
    logits = torch.tensor([[0.0, 2, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]])
    deltas = torch.full((4, 8), 99.0)
    deltas[0, 4:] = torch.tensor([3.0, 0, 0.911608, 0])  # the truth is 3, 0.5, ln(1.2) / 0.2, 0
    deltas[3, :4] = torch.tensor([0.0, 0, 0, 2])  # the truth is 0
    losses = make_head().loss(logits, deltas, sampled, objects)
    rows = [0.239545, 0.551445, 1.098612, 0.551445]
    assert losses['loss_cls'].item() == pytest.approx(sum(rows) / 4, abs=1e-5)
    assert losses['loss_bbox'].item() == pytest.approx((0.125 + 1.5) / 4, abs=1e-5)
    assert losses['acc'].item() == 75


def test_losses_without_objects_are_zero_for_boxes() -> None:
    none = torch.zeros(0, dtype=torch.long)
    sampled = [SampledRoIs(torch.tensor([[0.0, 0, 5, 5]]), none, torch.tensor([BACKGROUND]))]
    losses = make_head().loss(torch.zeros(1, 3), torch.full((1, 8), 9.0), sampled, [torch.zeros(0, 4)])
    assert losses['loss_bbox'].item() == 0
    assert losses['loss_cls'].item() == pytest.approx(1.098612, abs=1e-5)


PROPOSALS = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10], [40, 0, 50, 9]])
PROBABILITIES = [
    [0.05, 0.9, 0.05],
    [0.6, 0.05, 0.35],
    [0.05, 0.7, 0.25],
    [0.8, 0.05, 0.15],
    [0.3, 0.4, 0.3],  # nearly the place of the third: goes as class 1, stays as class 0
]


@pytest.mark.parametrize(
    ('convention', 'limit', 'expected'),
    [
        pytest.param('modern', 9, [(0, 1), (3, 0), (2, 1), (1, 0), (4, 0)], id='modern: by score'),
        pytest.param('legacy', 9, [(3, 0), (1, 0), (4, 0), (0, 1), (2, 1)], id='legacy: by class, then score'),
        pytest.param('legacy', 5, [(3, 0), (1, 0), (4, 0), (0, 1), (2, 1)], id='legacy: as many as allowed'),
        pytest.param('legacy', 4, [(0, 1), (3, 0), (2, 1), (1, 0)], id='legacy: too many, by score'),
        pytest.param('modern', 2, [(0, 1), (3, 0)], id='modern: too many'),
    ],
)
def test_order_of_detections(convention: str, limit: int, expected: list[tuple[int, int]]) -> None:
    head = make_head(score_threshold=0.1, max_per_image=limit)
    logits = torch.tensor(PROBABILITIES).log()
    boxes, scores, labels = head.detect(logits, torch.zeros(5, 8), PROPOSALS, (40, 80), BoxConvention(convention))
    torch.testing.assert_close(boxes, PROPOSALS[[row for row, _ in expected]])
    assert labels.tolist() == [label for _, label in expected]
    assert scores.tolist() == pytest.approx([PROBABILITIES[row][label] for row, label in expected])


def test_detections_take_the_deltas_of_their_class_and_stay_inside_the_image() -> None:
    deltas = torch.tensor([[[1.0, 0, 0, 0], [0, -2, 0, 0]]]).view(1, 8)  # a tenth of a width, two tenths of a height
    logits = torch.zeros(1, 3)
    boxes, _, labels = make_head().detect(logits, deltas, torch.tensor([[10.0, 0, 20, 10]]), (40, 20), BoxConvention())
    found = dict(zip(labels.tolist(), boxes.tolist()))
    assert found[0] == pytest.approx([11, 0, 20, 10]) and found[1] == pytest.approx([10, 0, 20, 8])


def test_scores_at_the_threshold_do_not_count() -> None:
    logits = torch.tensor([[0.0, -1e9, 0.0]])  # one half, nothing, one half
    for threshold, count in ((0.5, 0), (0.499, 1)):
        head = make_head(score_threshold=threshold)
        assert len(head.detect(logits, torch.zeros(1, 8), PROPOSALS[:1], (40, 80), BoxConvention())[0]) == count
