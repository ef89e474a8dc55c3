"""Box arithmetic in both conventions. Tables are written with inclusive corners where they state the 2019 programs."""

from __future__ import annotations

import math

import pytest
import torch

from mmdet.errors import ConfigError
from mmdet.geometry import BoxConvention, box_iou, decode_deltas, encode_deltas, roi_levels

MODERN, LEGACY = BoxConvention('modern'), BoxConvention('legacy')


def exclusive(*inclusive: float) -> torch.Tensor:
    """An inclusive-corner box as the exclusive one that the code works on, (1, 4)."""
    x1, y1, x2, y2 = inclusive
    return torch.tensor([[x1, y1, x2 + 1, y2 + 1]], dtype=torch.float32)


def inclusive(boxes: torch.Tensor) -> list[float]:
    """First box of (N, 4) with inclusive corners."""
    return (boxes[0] - boxes.new_tensor([0, 0, 1, 1])).tolist()


@pytest.mark.parametrize(
    ('flip', 'resized', 'expected'),
    [(False, [5, 10, 20, 30], [5, 10, 19.5, 29.5]), (True, [620, 10, 635, 30], [619.5, 10, 634, 29.5])],
    ids=['T1 resized by a half', 'T1 resized and flipped in width 640'],
)
def test_legacy_training_boxes(flip: bool, resized: list[float], expected: list[float]) -> None:
    boxes = LEGACY.targets_from_resized(torch.tensor([resized]).float(), (0.5, 0.5), flip)
    assert inclusive(boxes) == expected


@pytest.mark.parametrize('convention', [MODERN, LEGACY], ids=['modern', 'legacy'])
def test_original_and_resized_pixels_are_inverse(convention: BoxConvention) -> None:
    boxes = torch.tensor([[3.0, 4, 50, 60], [0, 0, 1, 1]])
    back = convention.to_original(convention.to_resized(boxes, (0.5, 0.75)), (0.5, 0.75))
    torch.testing.assert_close(back, boxes)


def test_legacy_results_scale_inclusive_corners() -> None:
    assert inclusive(LEGACY.to_original(exclusive(5, 10, 19.5, 29.5), (0.5, 0.5))) == [10, 20, 39, 59]


@pytest.mark.parametrize(
    ('stride', 'expected'),
    [
        (4, [[-21, -9, 24, 12], [-14, -14, 17, 17], [-9, -21, 12, 24]]),
        (8, [[-41, -19, 48, 26], [-28, -28, 35, 35], [-19, -41, 26, 48]]),
        (64, [[-330, -149, 393, 212], [-224, -224, 287, 287], [-149, -330, 212, 393]]),
    ],
)
def test_t3_legacy_anchors(stride: int, expected: list[list[float]]) -> None:
    anchors = LEGACY.base_anchors(stride, (8,), (0.5, 1, 2)) - torch.tensor([0, 0, 1, 1])
    assert anchors.tolist() == expected


def test_modern_anchors_are_centred_and_not_rounded() -> None:
    anchors = MODERN.base_anchors(4, (8,), (0.5, 1, 2))
    assert anchors[1].tolist() == [-16, -16, 16, 16]
    torch.testing.assert_close(anchors[0], torch.tensor([-16 * 2**0.5, -8 * 2**0.5, 16 * 2**0.5, 8 * 2**0.5]))


@pytest.mark.parametrize(
    ('box', 'level'),
    [
        ([0, 0, 110, 110], 0),
        ([0, 0, 111, 111], 1),
        ([0, 0, 222, 222], 1),
        ([0, 0, 223, 223], 2),
        ([0, 0, 446, 446], 2),
        ([0, 0, 447, 447], 3),
        ([0, 0, 31, 255], 0),
        ([0, 0, 2000, 2000], 3),
    ],
)
def test_t4_level_of_a_box(box: list[float], level: int) -> None:
    assert roi_levels(exclusive(*box), 56, 4).item() == level


@pytest.mark.parametrize(
    ('deltas', 'expected'),
    [([0, 0, 0, 0], [10, 20, 29, 59]), ([1, -1, math.log(2) / 0.2, 0], [2, 16, 41, 55])],
    ids=['no change', 'shifted and widened'],
)
def test_t5_decode(deltas: list[float], expected: list[float]) -> None:
    boxes = decode_deltas(exclusive(10, 20, 29, 59), torch.tensor([deltas]), stds=(0.1, 0.1, 0.2, 0.2))
    assert inclusive(boxes[:, 0]) == pytest.approx(expected, abs=1e-4)


def test_encode_and_decode_are_inverse() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 20], [5, 5, 50, 9]])
    targets = torch.tensor([[2.0, 1, 14, 15], [0, 0, 40, 40]])
    stds = (0.1, 0.1, 0.2, 0.2)
    torch.testing.assert_close(decode_deltas(boxes, encode_deltas(boxes, targets, stds=stds), stds=stds)[:, 0], targets)


def test_decode_limits_the_change_of_size() -> None:
    boxes = decode_deltas(torch.tensor([[0.0, 0, 16, 16]]), torch.tensor([[0, 0, 99.0, -99.0]]))[0, 0]
    assert (boxes[2] - boxes[0]).item() == pytest.approx(1000, rel=1e-4)
    assert (boxes[3] - boxes[1]).item() == pytest.approx(0.256, rel=1e-4)


@pytest.mark.parametrize(
    ('convention', 'expected'), [(MODERN, [[0, 0, 64, 40]]), (LEGACY, [[0, 0, 64, 40]])], ids=['modern', 'legacy']
)
def test_clip(convention: BoxConvention, expected: list[list[float]]) -> None:
    assert convention.clip(torch.tensor([[-5.0, -5, 99, 99]]), (40, 64)).tolist() == expected


def test_legacy_clip_keeps_at_least_one_pixel() -> None:
    assert LEGACY.clip(torch.tensor([[99.0, 99, 120, 120]]), (40, 64)).tolist() == [[63, 39, 64, 40]]


@pytest.mark.parametrize(
    ('box', 'expected'), [([0, 0, 31, 31], [2, 6]), ([4, 4, 27, 27], [2.5, 5.5])], ids=['whole map', 'inner box']
)
def test_t6_legacy_roi_align(box: list[float], expected: list[float]) -> None:
    feature = torch.arange(8.0).expand(8, 8)[None, None]
    rois = torch.cat([torch.zeros(1, 1), exclusive(*box)], 1)
    pooled = LEGACY.roi_align(feature, rois, 2, 0.25, 2)
    torch.testing.assert_close(pooled[0, 0], torch.tensor([expected, expected]).float())


def test_modern_roi_align_differs_on_the_same_box() -> None:
    feature = torch.arange(8.0).expand(8, 8)[None, None]
    pooled = MODERN.roi_align(feature, torch.tensor([[0.0, 4, 4, 27, 27]]), 2, 0.25, 2)
    assert pooled[0, 0, 0].tolist() == pytest.approx([1.9375, 4.8125])


@pytest.mark.parametrize(
    ('first', 'second', 'expected'),
    [([0, 0, 10, 10], [5, 0, 15, 10], 1 / 3), ([0, 0, 1, 1], [1, 0, 2, 1], 0), ([0, 0, 0, 0], [0, 0, 0, 0], 0)],
    ids=['half', 'touching', 'empty'],
)
def test_box_iou(first: list[float], second: list[float], expected: float) -> None:
    assert box_iou(torch.tensor([first]).float(), torch.tensor([second]).float()).item() == pytest.approx(expected)


def test_unknown_convention() -> None:
    with pytest.raises(ConfigError, match="'modern' or 'legacy'"):
        BoxConvention('old')  # type: ignore[arg-type]


@pytest.mark.parametrize(
    'fraction, box, grown',
    [
        (0.1, [20, 30, 40, 70], [18, 26, 42, 74]),
        (0.0, [1, 2, 3, 4], [1, 2, 3, 4]),
        (0.5, [0, 60, 90, 80], [0, 50, 100, 80]),
    ],
)
def test_grow(fraction, box, grown):
    assert BoxConvention().grow(torch.tensor([box]).float(), fraction, (80, 100)).tolist() == [grown]


@pytest.mark.parametrize('autocast', [False, True])
@pytest.mark.parametrize('name', ['modern', 'legacy'])
def test_pooling_half_precision_maps_keeps_the_coordinates(name, autocast):
    """Bfloat16 would move x = 601.3 by more than a pixel."""
    ramp = torch.arange(200.0).expand(1, 1, 90, 200) - 150  # a map that says where it was sampled
    rois = torch.tensor([[0, 601.3, 100.7, 617.9, 121.2]])
    exact = BoxConvention(name).roi_align(ramp, rois, 7, 0.25, 2)
    with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        half = BoxConvention(name).roi_align(ramp.bfloat16(), rois, 7, 0.25, 2)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), exact, atol=0.01, rtol=0.004)
