"""Region proposals: targets, losses and decoding on four anchors of a level, worked out by hand.

A level of stride 8 with 2 x 2 cells has the anchors [-4, -4, 4, 4], [4, -4, 12, 4], [-4, 4, 4, 12], [4, 4, 12, 12].
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mmdet.geometry import BoxConvention
from mmdet.models.dense_heads.rpn_head import RPNHead
from mmdet.registry import register_all
from mmdet.structures import FrameSample

OBJECT = torch.tensor([[4.0, 4, 12, 14]])  # overlaps the last anchor by 64 / 80, the others not at all
NOTHING = torch.zeros(0, 4)
LOGITS = torch.tensor([[[[0.0, 2], [-1, 1]]]])
NEGATIVES, POSITIVE = 0.693147 + 2.126928 + 0.313262, 0.313262  # their cross entropies; the last anchor's as positive
AS_NEGATIVE = 1.313262  # the last anchor's
COORDINATES = 0.045 + 0.167588  # 9 / 2 * 0.1 ** 2 for x; ln(10 / 8) - 1 / 18 for the height


def sample(shape: tuple[int, int] = (16, 16)) -> FrameSample:
    return FrameSample(metainfo=dict(img_shape=shape, sample_seed=3))


@pytest.fixture
def head() -> Callable[..., RPNHead]:
    """``head(logits, deltas, ...)``: a head that answers with these maps, whatever it sees."""

    def make(logits: list[Tensor], deltas: list[Tensor], strides: tuple[int, ...] = (8,), **options: int) -> RPNHead:
        register_all()
        made = RPNHead(
            in_channels=1,
            anchor_generator=dict(type='AnchorGenerator', strides=strides, scales=(1,), ratios=(1,)),
            assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.3),
            sampler=dict(type='RandomSampler', num=64, pos_fraction=0.5),
            loss_cls=dict(type='BinaryCrossEntropyLoss'),
            loss_bbox=dict(type='SmoothL1Loss', beta=1 / 9),
            feat_channels=1,
            **options,
        )
        made.forward = lambda features: (logits, deltas)
        return made

    return make


def predicted_deltas() -> Tensor:
    """(1, 4, 2, 2): far off everywhere but at the last anchor, which is 0.1 off in x and does not grow."""
    deltas = torch.full((1, 4, 2, 2), 99.0)
    deltas[0, :, 1, 1] = torch.tensor([0.1, 0.125, 0.0, 0.0])  # the truth is 0, 0.125, 0, ln(10 / 8)
    return deltas


@pytest.mark.parametrize(
    ('allowed_border', 'shape', 'scores', 'boxes'),
    [
        pytest.param(-1, (16, 16), (NEGATIVES + POSITIVE) / 4, COORDINATES / 4, id='all anchors'),
        pytest.param(0, (16, 16), POSITIVE, COORDINATES, id='only what lies inside the image'),
        pytest.param(4, (12, 12), (NEGATIVES + POSITIVE) / 4, COORDINATES / 4, id='or almost'),
        pytest.param(0, (10, 16), 0, 0, id='inside before padding'),
    ],
)
def test_losses_of_one_image(
    head: Callable, allowed_border: int, shape: tuple[int, int], scores: float, boxes: float
) -> None:
    rpn = head([LOGITS], [predicted_deltas()], allowed_border=allowed_border)
    features = (torch.zeros(1, 1, 2, 2),)
    losses, _ = rpn.loss_and_proposals(features, [sample(shape)], [OBJECT], BoxConvention())
    assert losses['loss_rpn_cls'].item() == pytest.approx(scores, abs=1e-5)
    assert losses['loss_rpn_bbox'].item() == pytest.approx(boxes, abs=1e-5)


def test_both_losses_are_divided_by_all_sampled_anchors_of_the_batch(head: Callable) -> None:
    rpn = head([LOGITS.repeat(2, 1, 1, 1)], [predicted_deltas().repeat(2, 1, 1, 1)])
    features = (torch.zeros(2, 1, 2, 2),)
    losses, _ = rpn.loss_and_proposals(features, [sample(), sample()], [OBJECT, NOTHING], BoxConvention())
    expected = (NEGATIVES + POSITIVE + NEGATIVES + AS_NEGATIVE) / 8
    assert losses['loss_rpn_cls'].item() == pytest.approx(expected, abs=1e-5)
    assert losses['loss_rpn_bbox'].item() == pytest.approx(COORDINATES / 8, abs=1e-5)


HALF = -math.log(2)
UPPER = [4, 0, 12, 4]  # the second anchor inside the image
LOWER = [[0, 4, 4, 12], [4, 4, 12, 12]]
COARSE = [0, 0, 8, 8]  # the only anchor of stride 16 inside the image


@pytest.mark.parametrize(
    ('first', 'coarse', 'options', 'expected'),
    [
        pytest.param([1, 0, 0, 0], [0] * 4, {}, [UPPER, COARSE, *LOWER], id='moved onto its neighbour, which goes'),
        pytest.param([1, 0, 0, 0], [0] * 4, {'nms_pre': 2}, [UPPER, COARSE], id='two anchors of a level enter'),
        pytest.param([1, 0, 0, 0], [0] * 4, {'max_per_image': 1}, [UPPER], id='one is kept in all'),
        pytest.param(
            [1, 0, 0, 0], [0.5, 0, HALF, HALF], {}, [UPPER, UPPER, *LOWER], id='levels do not suppress each other'
        ),
        pytest.param([-2, 0, 0, 0], [0] * 4, {}, [COARSE, UPPER, *LOWER], id='nothing left inside the image'),
        pytest.param(
            [0, 0, 9, 0], [0] * 4, {}, [[0, 0, 16, 4], COARSE, UPPER, *LOWER], id='growth is limited, then clipped'
        ),
    ],
)
def test_proposals(
    head: Callable, first: list[float], coarse: list[float], options: dict, expected: list[list[float]]
) -> None:
    logits = [torch.tensor([[[[3.0, 2], [1, 0]]]]), torch.tensor([[[[2.5]]]])]
    deltas = [torch.zeros(1, 4, 2, 2), torch.tensor(coarse).float().view(1, 4, 1, 1)]
    deltas[0][0, :, 0, 0] = torch.tensor(first).float()
    rpn = head(logits, deltas, strides=(8, 16), **options)
    features = (torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 1, 1))
    (proposals,) = rpn.predict(features, [sample()], BoxConvention())
    torch.testing.assert_close(proposals, torch.tensor(expected).float(), rtol=0, atol=1e-5)
