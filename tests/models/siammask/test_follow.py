"""One step of following, with dictated responses: numbers of the original program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.models.siammask import TrackingOptions
from mmdet.models.siammask.candidates import penalty
from mmdet.models.siammask.crops import context_side, mean_colour, square_crop
from mmdet.models.siammask.follow import follow
from mmdet.models.siammask.placing import place, resolve_overlaps, rotated_box, whole_frame
from mmdet.models.siammask.search import CropGeometry, SearchArea, limited_to_frame
from mmdet.models.siammask.target import Target

Make = Callable[..., Any]
VOT = dict(penalty_k=0.04, window_influence=0.42, lr=0.25, mask_threshold=0.3)


def target(x: float = 160, y: float = 120, width: float = 64, height: float = 64) -> Target:
    return Target(0, np.array([x, y]), np.array([width, height]), np.zeros(3, np.uint8), {})


def step(model: Any, *targets: Target) -> Any:
    return follow(model, np.zeros((240, 320, 3), np.uint8), list(targets), {})


@pytest.mark.parametrize(
    ('size', 'template', 'search'),
    [((64, 64), 128, 257), ((100, 50), 148, 297), ((30, 40), 70, 140), ((200, 120), 317, 637)],
)
def test_crop_sides(size: tuple[int, int], template: int, search: int) -> None:
    assert round(float(context_side(np.array(size, float), 0.5))) == template
    area = SearchArea.around([target(0, 0, *size)], CropGeometry(), 0.5)
    assert area.sides.tolist() == [search]


def test_crop_is_filled_with_the_truncated_mean_colour() -> None:
    image = np.full((10, 10, 3), 100, np.uint8)
    crop = square_crop(image, np.array([0.0, 0.0]), 5, 5, np.array([10.7, 20.2, 30.9]).astype(np.uint8))
    assert crop[0, 0].tolist() == [10, 20, 30] and crop[4, 4].tolist() == [100] * 3
    image[:5] = 101
    assert mean_colour(image).tolist() == [100] * 3


@pytest.mark.parametrize('centre', [(-50.0, 3.0), (5.0, 5.0), (500.0, -80.0)], ids=['left', 'over all sides', 'far'])
def test_crop_against_pixel_by_pixel(centre: tuple[float, float]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (12, 9, 3), dtype=np.uint8)
    crop = square_crop(image, np.array(centre), 21, 21, np.array([1, 2, 3], np.uint8))
    left, top = round(centre[0] - 11), round(centre[1] - 11)
    for y in range(21):
        for x in range(21):
            inside = 0 <= top + y < 12 and 0 <= left + x < 9
            assert crop[y, x].tolist() == (image[top + y, left + x].tolist() if inside else [1, 2, 3])


def test_penalty_of_the_anchors() -> None:
    boxes = torch.tensor([[[0, 0, w, h] for w, h in ((104, 32), (88, 40), (64, 64), (40, 80), (32, 96))]]).float()
    found = penalty(boxes, torch.tensor([[64.0, 64.0]]) * 127 / 128, 0.04)[0]
    np.testing.assert_allclose(found, [0.910058, 0.952287, 0.999685, 0.955168, 0.920381], atol=1e-6)


@pytest.mark.parametrize(
    ('size', 'expected'), [((64, 64), (64.06297225, 64.06297225)), ((100, 50), (100.309032, 49.574807))]
)
def test_zero_response_stays_in_place(dictated: Make, size: tuple, expected: tuple) -> None:
    found = step(dictated(test_cfg=VOT).model, target(160, 120, *size))
    np.testing.assert_allclose(found.centres[0], (160, 120), atol=1e-9)
    np.testing.assert_allclose(found.sizes[0], expected, rtol=1e-6)
    assert found.scores[0] == pytest.approx(0.5)


def test_a_confident_cell_moves_the_target(dictated: Make) -> None:
    stub = dictated(test_cfg=VOT)
    stub.cls[0, 5 + 2, 10, 14] = 8
    found = step(stub.model, target())
    np.testing.assert_allclose(found.centres[0], (176.12598419, 103.87401581), rtol=1e-7)
    np.testing.assert_allclose(found.sizes[0], 64.12590227, rtol=1e-6)
    assert found.scores[0] == pytest.approx(0.99966466, abs=1e-6)


def test_size_is_limited() -> None:
    centre, size = limited_to_frame(np.array([5.0, 5.0]), np.array([6.0, 4.0]), 240, 320, 10)
    assert centre.tolist() == [5, 5] and size.tolist() == [10, 10]
    centre, size = limited_to_frame(np.array([-3.0, 250.0]), np.array([999.0, 20.0]), 240, 320, 10)
    assert centre.tolist() == [0, 240] and size.tolist() == [320, 20]


def block() -> torch.Tensor:
    mask = torch.full((127, 127), -10.0)
    mask[31:96, 31:96] = 10
    return mask


@pytest.mark.parametrize(
    ('cell', 'mask', 'count', 'x', 'y'),
    [
        ((12, 12), torch.full((127, 127), 10.0), 16129, (96, 222), (56, 182)),
        ((12, 12), block(), 4225, (127, 191), (87, 151)),
        ((10, 14), block(), 4225, (143, 207), (71, 135)),
    ],
)
def test_refined_masks_in_the_frame(
    dictated: Make, cell: tuple[int, int], mask: torch.Tensor, count: int, x: tuple, y: tuple
) -> None:
    stub = dictated(test_cfg=VOT)
    stub.cls[0, 5 + 2, cell[0], cell[1]] = 8
    stub.mask = mask
    values = step(stub.model, target()).masks[0].dense(240, 320)
    rows, columns = np.nonzero(values > 0.3)
    assert len(rows) == count and values.min() == -1 and values.dtype == np.float32
    assert (columns.min(), columns.max()) == x and (rows.min(), rows.max()) == y


def test_coarse_masks_in_the_frame(dictated: Make) -> None:
    stub = dictated('base')
    stub.cls[0, 5 + 2, 12, 12] = 8
    stub.mask = torch.full((63, 63), 10.0)
    rows, columns = np.nonzero(step(stub.model, target()).masks[0].dense(240, 320) > 0.3)
    assert len(rows) == 16002
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (95, 221, 56, 181)


def test_placing_against_bilinear_sampling() -> None:
    mask = np.random.default_rng(0).random((20, 20), dtype=np.float32)
    left, top, side, height, width = -13.3, 20.7, 71.4, 60, 80
    found = place(mask, left, top, side, height, width).dense(height, width)
    padded = np.pad(mask, 1, constant_values=-1)
    for y in range(height):
        for x in range(width):
            u = (x - left * (width - 1) / width) * width / (width - 1) * 20 / side
            v = (y - top * (height - 1) / height) * height / (height - 1) * 20 / side
            if not (-1 < u < 20 and -1 < v < 20):
                expected = -1.0
            else:
                i, j, a, b = int(np.floor(v)), int(np.floor(u)), v % 1, u % 1
                low = padded[i + 1, j + 1] * (1 - b) + padded[i + 1, j + 2] * b
                high = padded[i + 2, j + 1] * (1 - b) + padded[i + 2, j + 2] * b
                expected = low * (1 - a) + high * a
            assert abs(found[y, x] - expected) < 0.08  # positions are rounded to 1/32 of a cell


@pytest.mark.parametrize('where', [(-500.0, 5.0), (5.0, 900.0)], ids=['left', 'below'])
def test_a_mask_beside_the_frame_is_empty(where: tuple[float, float]) -> None:
    placed = place(np.ones((8, 8), np.float32), *where, 50.0, 40, 60)
    assert (placed.dense(40, 60) == -1).all()
    assert rotated_box(placed.values > 0, placed.region[:2], 0) is None


@pytest.mark.parametrize(('threshold', 'bottom'), [(0.35, 2), (0.45, 0)])
def test_pixels_belong_to_the_highest_value(threshold: float, bottom: int) -> None:
    maps = [whole_frame(np.zeros((10, 8), bool)) for _ in range(2)]
    maps[0].values[:5], maps[0].values[5:] = 0.9, 0.1
    maps[1].values[:5], maps[1].values[5:] = 0.2, 0.4
    resolve_overlaps(maps, 10, 8)
    labels = np.zeros((10, 8), int)
    for label, placed in enumerate(maps, 1):
        labels[placed.values > threshold] = label
    assert (labels[:5] == 1).all() and (labels[5:] == bottom).all()


def test_rotated_box_of_the_largest_part() -> None:
    bitmap = np.zeros((60, 80), bool)
    bitmap[10:31, 20:61] = True
    bitmap[50:52, 2:4] = True
    corners = rotated_box(bitmap, (100, 200), 100)
    assert corners is not None
    assert sorted(map(tuple, corners.round().tolist())) == [(120, 210), (120, 230), (160, 210), (160, 230)]
    assert rotated_box(bitmap, (0, 0), 800) is None and rotated_box(bitmap, (0, 0), 799) is not None


def test_options_of_the_published_configurations() -> None:
    assert TrackingOptions() == TrackingOptions.from_config(None)
    own = TrackingOptions()
    assert (own.penalty_k, own.window_influence, own.lr, own.mask_threshold) == (0.09, 0.39, 0.38, 0.3)
