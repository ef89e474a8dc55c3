"""A model that finds a bright square, and videos with one that moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from mmdet.ops.rle import encode
from mmdet.structures import FrameSample, InstanceData

PIPELINE = [dict(type='LoadFrames'), dict(type='PackClip')]


def square_at(index: int, height: int = 48, width: int = 64) -> tuple[int, int, int, int]:
    x, y = 2 + 3 * index % (width - 16), 2 + 2 * index % (height - 16)
    return x, y, x + 10, y + 8


def square_frame(index: int, height: int = 48, width: int = 64) -> np.ndarray:
    frame = np.full((height, width, 3), 40, np.uint8)
    x1, y1, x2, y2 = square_at(index, height, width)
    frame[y1:y2, x1:x2] = (250, 60, 60)
    return frame


class SquareSession:
    """Finds the square; holds the last ``delay`` frames back as a model that looks ahead does."""

    def __init__(self, model: SquareModel) -> None:
        self.model = model
        self.waiting: list[tuple[torch.Tensor, FrameSample]] = []

    def step(self, frames: torch.Tensor, samples: Sequence[FrameSample]) -> list[FrameSample]:
        self.model.chunks.append([sample.frame_id for sample in samples])
        self.model.work(samples)
        self.waiting += zip(frames, samples)
        ready = len(self.waiting) - self.model.delay
        return [self._track(*self.waiting.pop(0)) for _ in range(max(ready, 0))]

    def finish(self) -> list[FrameSample]:
        return [self._track(*self.waiting.pop(0)) for _ in range(len(self.waiting))]

    def _track(self, frame: torch.Tensor, sample: FrameSample) -> FrameSample:
        mask = (frame[0] > 150).numpy()
        ys, xs = np.nonzero(mask)
        tracks = InstanceData()
        tracks.bboxes = torch.tensor([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], dtype=torch.float32)
        tracks.labels, tracks.scores = torch.tensor([0]), torch.tensor([0.9])
        tracks.instance_ids, tracks.masks = torch.tensor([4]), [encode(mask)]
        result = FrameSample(metainfo=sample.metainfo)
        result.pred_tracks = tracks
        return result


class SquareModel(torch.nn.Module):
    def __init__(self, delay: int = 0) -> None:
        super().__init__()
        self.delay, self.classes = delay, ('square',)
        self.cfg: Any = dict(test_dataloader=dict(dataset=dict(pipeline=PIPELINE)))
        self.chunks: list[list[int]] = []
        self.work: Callable[[Sequence[FrameSample]], None] = lambda samples: None

    def start_video(self) -> SquareSession:
        return SquareSession(self)


@pytest.fixture
def square_model() -> type[SquareModel]:
    """Class of the model that finds the square."""
    return SquareModel


@pytest.fixture
def frames() -> Callable[..., list[np.ndarray]]:
    """Maker of the first n frames with a moving square."""
    return lambda count, height=48, width=64: [square_frame(i, height, width) for i in range(count)]


@pytest.fixture
def boxes() -> Callable[[int], list[list[int]]]:
    """Where the square is in the first n frames."""
    return lambda count: [list(square_at(i)) for i in range(count)]


@pytest.fixture
def write_video() -> Callable[..., Path]:
    """Maker of a video file; the suffix chooses its codec."""

    def write(path: Path, images: Sequence[np.ndarray], fps: float = 10) -> Path:
        codec = {'.mp4': 'mp4v', '.avi': 'MJPG'}[path.suffix]
        height, width = images[0].shape[:2]
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, (width, height))
        for image in images:
            writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        writer.release()
        return path

    return write


@pytest.fixture
def write_folder() -> Callable[..., Path]:
    """Maker of a folder of PNG images with the given names."""

    def write(path: Path, images: Sequence[np.ndarray], names: Sequence[str] | None = None) -> Path:
        path.mkdir(parents=True)
        for index, image in enumerate(images):
            name = names[index] if names else f'{index}.png'
            cv2.imwrite(str(path / name), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        return path

    return write
