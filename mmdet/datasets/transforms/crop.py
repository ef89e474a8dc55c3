"""Crops of clips: anywhere, or around an object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdet.datasets.clip import ClipFrame, FrameObjects, PipelineClip
from mmdet.errors import ConfigError
from mmdet.registry import TRANSFORMS

__all__ = ['CropAroundObject', 'RandomCrop', 'object_window']

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

    def __call__(self, clip: PipelineClip, rng: np.random.Generator) -> PipelineClip:
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


def object_window(centre: Sequence[float], size: Sequence[int], frame: Sequence[int]) -> tuple[int, int, int, int]:
    """Window x1 y1 x2 y2 of a given size around a point, moved (and, in a smaller frame, cut) to lie inside the frame.

    Args:
        centre: x and y in pixels.
        size: width and height of the window.
        frame: width and height of the frame.
    """
    wide, high = (min(edge, limit) for edge, limit in zip(size, frame))
    x, y = (int(np.clip(c - edge / 2, 0, limit - edge)) for c, edge, limit in zip(centre, (wide, high), frame))
    return x, y, x + wide, y + high


@TRANSFORMS.register_module()
class CropAroundObject:
    """Cut a window of one size out of every frame of a clip, around a random object of the key frame.

    The window's centre is the mean pixel of the object's mask. Objects of which nothing is left are removed, as in
    :class:`RandomCrop`. A frame smaller than the window is cut as far as it goes; batches pad it.

    Args:
        size: (width, height) of the window in pixels.
        prob: share of the clips whose window lies around an object; the others, and those without an object in their
            key frame, get one anywhere.
    """

    def __init__(self, size: Sequence[int], prob: float = 1.0) -> None:
        if len(size) != 2 or not all(isinstance(edge, int) and edge > 0 for edge in size):
            raise ConfigError(f'CropAroundObject(size) is (width, height) in pixels, got {size!r}')
        if not 0 <= prob <= 1:
            raise ConfigError(f'CropAroundObject(prob) is a probability, got {prob}')
        self.size, self.prob = (size[0], size[1]), prob

    def __call__(self, clip: PipelineClip, rng: np.random.Generator) -> PipelineClip:
        window = self._window(clip.frames[0], rng)
        for frame in clip.frames:
            _cut(frame, window)
        return clip

    def _window(self, frame: ClipFrame, rng: np.random.Generator) -> tuple[int, int, int, int]:
        height, width = frame.pixels.shape[:2]
        around, place, pick = rng.random() < self.prob, rng.random(2), rng.random()  # drawn always: same stream for all
        masks = frame.objects.masks[~frame.objects.crowd] if frame.objects is not None else np.zeros((0, 1, 1))
        masks = masks[masks.any(axis=(1, 2))]
        if around and len(masks):
            rows, columns = masks[int(pick * len(masks))].nonzero()
            return object_window((columns.mean(), rows.mean()), self.size, (width, height))
        free = [max(limit - edge, 0) + 1 for edge, limit in zip(self.size, (width, height))]
        corner = [int(share * room) for share, room in zip(place, free)]
        centre = [start + edge / 2 for start, edge in zip(corner, self.size)]
        return object_window(centre, self.size, (width, height))


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
