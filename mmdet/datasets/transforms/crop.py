"""Random crops of clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdet.datasets.clip import Clip, ClipFrame, FrameObjects
from mmdet.errors import ConfigError
from mmdet.registry import TRANSFORMS

__all__ = ['RandomCrop']

ATTEMPTS = 10


@TRANSFORMS.register_module()
class RandomCrop:
    """Cut the same window out of every frame of a clip.

    Objects whose box or mask does not reach into the window are removed with box, mask and id. A window that leaves the
    key frame without any object is drawn again, after ten times the clip stays whole.

    Args:
        min_size: smallest (width, height) of the window in pixels.
        max_size: largest; both are cut down to the frame's size.
        prob: share of the clips that are cropped.
    """

    def __init__(self, min_size: Sequence[int], max_size: Sequence[int], prob: float = 1.0) -> None:
        self.min_size = np.array(min_size)
        self.max_size = np.array(max_size)
        if self.min_size.shape != (2,) or self.max_size.shape != (2,):
            raise ConfigError('RandomCrop sizes are (width, height) in pixels')
        if (self.min_size < 1).any() or (self.min_size > self.max_size).any():
            raise ConfigError(f'RandomCrop needs 1 <= min_size <= max_size, got {min_size} and {max_size}')
        if not 0 <= prob <= 1:
            raise ConfigError(f'RandomCrop(prob) is a probability, got {prob}')
        self.prob = prob

    def __call__(self, clip: Clip, rng: np.random.Generator) -> Clip:
        if rng.random() >= self.prob:
            return clip
        for _ in range(ATTEMPTS):
            window = self._window(clip.frames[0], rng)
            if _keeps_object(clip.frames[0], window):
                for frame in clip.frames:
                    _cut(frame, window)
                break
        return clip

    def _window(self, frame: ClipFrame, rng: np.random.Generator) -> tuple[int, int, int, int]:
        limit = np.array(frame.pixels.shape[1::-1])  # width, height
        low, high = np.minimum(self.min_size, limit), np.minimum(self.max_size, limit)
        size = rng.integers(low, high, endpoint=True)
        x, y = rng.integers(0, limit - size, endpoint=True).tolist()
        return x, y, x + int(size[0]), y + int(size[1])


def _inside(objects: FrameObjects, window: tuple[int, int, int, int]) -> FrameObjects:
    x1, y1, x2, y2 = window
    cut = FrameObjects(
        objects.bboxes - np.array([x1, y1, x1, y1], dtype=np.float32),
        objects.labels,
        objects.ids,
        objects.crowd,
        objects.masks[:, y1:y2, x1:x2],
    ).clipped()
    return cut.select(np.flatnonzero(cut.masks.any(axis=(1, 2))))


def _keeps_object(frame: ClipFrame, window: tuple[int, int, int, int]) -> bool:
    return frame.objects is None or bool((~_inside(frame.objects, window).crowd).any())


def _cut(frame: ClipFrame, window: tuple[int, int, int, int]) -> None:
    x1, y1, x2, y2 = window
    frame.image = frame.pixels[y1:y2, x1:x2]
    if frame.objects is not None:
        frame.objects = _inside(frame.objects, window)
