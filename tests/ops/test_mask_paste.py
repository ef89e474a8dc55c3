"""Pasting masks into frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from torch.nn import functional

from mmdet.ops.mask_paste import paste_on_device
from mmdet.structures import RoIMasks


def _slow_modern(probabilities: torch.Tensor, box: torch.Tensor, canvas: tuple[int, int]) -> torch.Tensor:
    """The whole canvas through grid_sample: the obvious form of the modern rule."""
    height, width = canvas
    x1, y1, x2, y2 = box.tolist()
    ys = (torch.arange(height) + 0.5 - y1) / (y2 - y1) * 2 - 1
    xs = (torch.arange(width) + 0.5 - x1) / (x2 - x1) * 2 - 1
    grid = torch.stack(torch.meshgrid(ys, xs, indexing='ij')[::-1], -1)
    return functional.grid_sample(probabilities[None, None], grid[None], align_corners=False)[0, 0]


def _random_masks(seed: int, canvas: tuple[int, int], legacy: bool = False) -> RoIMasks:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(12, 2, generator=generator) * 60 - 10
    size = torch.rand(12, 2, generator=generator) * 50 + 0.5
    probabilities = torch.rand(12, 28, 28, generator=generator)
    return RoIMasks(probabilities, torch.cat([corner, corner + size], 1), canvas, legacy=legacy)


def test_t14_legacy_paste() -> None:
    # inclusive box [10.7, 5.2, 29.9, 14.9] of the 2019 programs
    masks = RoIMasks(torch.ones(1, 28, 28), torch.tensor([[10.7, 5.2, 30.9, 15.9]]), (40, 50), legacy=True)
    rows, columns = np.nonzero(masks.to_dense()[0].numpy())
    assert len(rows) == 200
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 14, 10, 29)


@pytest.mark.parametrize('canvas', [(48, 64), (30, 30), (64, 20)])
def test_modern_paste_equals_grid_sample(canvas: tuple[int, int]) -> None:
    masks = _random_masks(3, canvas)
    dense = masks.to_dense()
    for mask, probabilities, box in zip(dense, masks.probabilities, masks.bboxes):
        slow = _slow_modern(probabilities, box, canvas)
        sure = (slow - 0.5).abs() > 1e-5
        assert ((slow > 0.5) == mask)[sure].all()


@pytest.mark.parametrize('legacy', [False, True])
@pytest.mark.parametrize('canvas', [(48, 64), (30, 30), (12, 90)])
def test_rle_is_that_of_the_dense_mask(canvas: tuple[int, int], legacy: bool) -> None:
    masks = _random_masks(5, canvas, legacy)
    for rle, mask in zip(masks.to_rle(), masks.to_dense().numpy()):
        expected = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert rle == {'size': list(canvas), 'counts': expected['counts'].decode()}


@pytest.mark.parametrize(
    'box',
    [[-50.0, -50, -10, -10], [100, 100, 120, 120], [5, 5, 5, 9], [9, 9, 4, 4]],
    ids=['left of the frame', 'right of the frame', 'no width', 'inverted'],
)
def test_boxes_without_pixels_give_empty_masks(box: list[float]) -> None:
    masks = RoIMasks(torch.ones(1, 28, 28), torch.tensor([box]), (20, 30))
    assert coco_mask.area(masks.to_rle()[0]) == 0


def test_full_frame_mask_is_one_run() -> None:
    masks = RoIMasks(torch.ones(1, 28, 28), torch.tensor([[-5.0, -5, 40, 40]]), (20, 30))
    assert coco_mask.area(masks.to_rle()[0]) == 600


@pytest.mark.parametrize('legacy', [False, True])
@pytest.mark.parametrize('threshold', [0.5, 0.1])
@pytest.mark.parametrize('canvas', [(48, 64), (30, 30), (12, 90)])
def test_the_form_for_devices_gives_the_same(canvas: tuple[int, int], threshold: float, legacy: bool) -> None:
    masks = _random_masks(7, canvas, legacy)
    masks.threshold = threshold
    odd = torch.tensor([[5.0, 5, 5, 9], [9, 9, 4, 4], [-50, -50, -10, -10], [-5, -5, 200, 200], [3, 3, 3.2, 3.2]])
    masks.bboxes[:5] = odd
    differing = paste_on_device(masks) != masks.to_dense()
    assert differing.float().mean() < 1e-5
    assert not differing[:3].any()
