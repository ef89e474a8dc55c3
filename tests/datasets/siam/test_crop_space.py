"""Numbers of the square around an object are those of the original's scripts (executed once, noted here)."""

from __future__ import annotations

import numpy as np
import pytest

from mmdet.datasets.siam.crop_space import CROP_SIZE, CropView, box_in_window, size_in_crop, template_side

WHOLE = np.array([0.0, 0.0, 510.0, 510.0])
PAD = (7, 8, 9)


def middle(size: int) -> np.ndarray:
    return np.array([255 - (size - 1) / 2] * 2 + [255 + (size - 1) / 2] * 2)


@pytest.fixture
def white_box() -> CropView:
    """A frame of 300 x 200 pixels, 7 8 9 everywhere but for a white box at (100, 80, 160, 120)."""
    image, mask = np.full((200, 300, 3), PAD, np.uint8), np.zeros((200, 300), np.uint8)
    image[80:120, 100:160], mask[80:120, 100:160] = 255, 1
    return CropView.around(image, mask, np.array([100, 80, 160, 120]))


def test_sides(white_box: CropView) -> None:
    assert template_side(60, 40) == pytest.approx(99.498744)
    assert white_box.step * (CROP_SIZE - 1) == pytest.approx(400.345339)
    assert size_in_crop(60, 40) == pytest.approx([76.583882, 51.055921])


def test_square_of_a_frame(white_box: CropView) -> None:
    square, outline = white_box.picture(WHOLE, CROP_SIZE), white_box.outline(WHOLE, CROP_SIZE)
    assert outline is not None
    for found in (square[..., 0] > 127, outline > 0):
        rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
        assert (columns[0], columns[-1], rows[0], rows[-1]) == (217, 292, 229, 279)


def test_outside_is_filled_with_the_mean_colour(white_box: CropView) -> None:
    assert white_box.picture(WHOLE, CROP_SIZE)[0, 0] == pytest.approx(white_box.image.mean((0, 1)), abs=0.51)


@pytest.mark.parametrize(
    ('size', 'expected'),
    [
        (255, (88.708059, 101.472039, 165.291941, 152.527961)),
        (127, (24.708059, 37.472039, 101.291941, 88.527961)),
    ],
)
def test_box_in_the_middle(white_box: CropView, size: int, expected: tuple[float, ...]) -> None:
    assert box_in_window(white_box.box, middle(size), size) == pytest.approx(expected)


def test_a_picture_of_a_frame_is_that_of_its_square(white_box: CropView) -> None:
    window = np.array([130.5, 140.0, 380.0, 400.25])
    square = white_box.picture(WHOLE, CROP_SIZE)
    stored = CropView(square, None, np.zeros(2), 1.0, white_box.size)
    direct, twice = white_box.picture(window, 255).astype(int), stored.picture(window, 255).astype(int)
    assert np.abs(direct - twice).mean() < 0.5  # one interpolation instead of two
    assert stored.outline(window, 255) is None


def test_mask_and_box_agree(white_box: CropView) -> None:
    window = np.array([130.5, 140.0, 380.0, 400.25])
    outline = white_box.outline(window, 255)
    assert outline is not None and set(np.unique(outline)) == {0, 1}
    columns = np.flatnonzero(outline.any(0))
    x1, _, x2, _ = box_in_window(white_box.box, window, 255)
    assert (columns[0], columns[-1]) == pytest.approx((x1, x2), abs=1.1)
