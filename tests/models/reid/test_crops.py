"""Crops against OpenCV, box by box."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from mmdet.geometry import whole_pixels
from mmdet.models.reid import resize_crops

SIZE = (16, 32)
BOXES = {
    'whole pixels': [10, 5, 30, 45],
    'fractions': [10.2, 5.7, 29.1, 44.6],
    'one pixel': [3.2, 4.1, 3.9, 4.8],
    'one column': [7, 0, 8, 60],
    'over the border': [-9, -3, 12, 20],
    'over the other border': [70, 50, 200, 90],
    'the frame': [0, 0, 80, 60],
    'larger than the result': [1, 1, 79, 59],
}


@pytest.fixture(scope='module')
def frames() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (2, 3, 60, 80), generator=generator, dtype=torch.uint8)


def by_opencv(frame: torch.Tensor, box: list[float]) -> np.ndarray:
    """One crop: cut, to float, resize."""
    x1, y1 = max(int(np.floor(box[0])), 0), max(int(np.floor(box[1])), 0)
    x2, y2 = min(int(np.ceil(box[2])), 80), min(int(np.ceil(box[3])), 60)
    crop = frame.permute(1, 2, 0).numpy()[y1:y2, x1:x2].astype(np.float32)
    return cv2.resize(crop, SIZE, interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)


@pytest.mark.parametrize('case', BOXES)
def test_a_crop_is_what_opencv_makes(frames: torch.Tensor, case: str) -> None:
    crops, empty = resize_crops(frames, torch.tensor([1]), torch.tensor([BOXES[case]]), SIZE)
    assert crops.shape == (1, 3, 32, 16)
    assert not empty[0]
    np.testing.assert_allclose(crops[0].numpy(), by_opencv(frames[1], BOXES[case]), atol=2e-3)


def test_all_boxes_of_all_frames_at_once(frames: torch.Tensor) -> None:
    boxes = torch.tensor(list(BOXES.values()))
    frame_of = torch.arange(len(boxes)) % 2
    together, _ = resize_crops(frames, frame_of, boxes, SIZE)
    for index, (frame, box) in enumerate(zip(frame_of.tolist(), boxes)):
        alone, _ = resize_crops(frames, torch.tensor([frame]), box[None], SIZE)
        assert torch.equal(together[index], alone[0])


EMPTY = {
    'no width': [10, 10, 10, 20],
    'turned inside out': [20, 10, 10, 20],
    'no height inside a pixel': [10.3, 5.5, 20, 5.5],
    'left of the frame': [-20, 5, -3, 20],
    'below the frame': [5, 60, 20, 90],
    'not a number': [float('nan'), 5, 20, 9],
    'infinite': [5, 5, float('inf'), 9],
}


@pytest.mark.parametrize('case', EMPTY)
def test_empty_crops_are_told(frames: torch.Tensor, case: str) -> None:
    boxes = torch.tensor([EMPTY[case], [1.0, 1, 5, 5]])
    crops, empty = resize_crops(frames, torch.tensor([0, 0]), boxes, SIZE)
    assert empty.tolist() == [True, False]
    assert crops.isfinite().all()


def test_no_boxes(frames: torch.Tensor) -> None:
    crops, empty = resize_crops(frames, torch.zeros(0, dtype=torch.long), torch.zeros(0, 4), SIZE)
    assert (crops.shape, empty.shape) == ((0, 3, 32, 16), (0,))


def test_whole_pixels() -> None:
    boxes = torch.tensor([[1.0, 2, 3, 4], [1.5, 2.5, 3.1, 4.9], [-5, -5, 100, 100]])
    assert whole_pixels(boxes, (20, 30)).tolist() == [[1, 2, 3, 4], [1, 2, 4, 5], [0, 0, 30, 20]]
