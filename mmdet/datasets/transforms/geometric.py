"""Resizing and mirroring of clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from mmdet.datasets.clip import ClipFrame, PipelineClip
from mmdet.errors import ConfigError
from mmdet.registry import TRANSFORMS

__all__ = ['RandomFlip', 'Resize', 'rescaled_size', 'resize_masks']

Scale = tuple[int, int]


def rescaled_size(size: Scale, scale: Scale) -> tuple[Scale, float]:
    """Largest size with the same aspect that fits: long edge <= max(scale), short edge <= min(scale).

    Args:
        size: (width, height) of the image.
        scale: the two limits in any order.

    Returns:
        (width, height) rounded half up, and the exact factor before rounding.
    """
    width, height = size
    factor = min(max(scale) / max(width, height), min(scale) / min(width, height))
    return (max(int(width * factor + 0.5), 1), max(int(height * factor + 0.5), 1)), factor


def resize_masks(masks: np.ndarray, size: Scale) -> np.ndarray:
    """Nearest-neighbour resize of (N, H, W) masks to (width, height): pixel i shows floor(i * old / new)."""
    height, width = masks.shape[1:]
    rows = (np.arange(size[1]) * (height / size[1])).astype(np.intp).clip(max=height - 1)
    columns = (np.arange(size[0]) * (width / size[0])).astype(np.intp).clip(max=width - 1)
    return np.take(masks[:, rows], columns, axis=2)


@TRANSFORMS.register_module()
class Resize:
    """Resize images (bilinear), boxes and masks (nearest neighbour).

    Args:
        scale: (width, height) limits of the one size; with ``keep_ratio`` the long and the short edge in any order.
        scales: several sizes instead, one drawn per clip.
        mode: with ``scales``: ``'value'`` draws one of them; ``'range'`` takes exactly two and draws the long and the
            short edge independently between them.
        keep_ratio: keep the aspect ratio; otherwise the size is exactly ``scale``.
        single_factor: record, and scale boxes by, the one factor before sizes were rounded (programs of 2019), not
            the new size divided by the old for each axis.

    Raises:
        ConfigError: not exactly one of ``scale`` and ``scales``, or values that make no size.
    """

    def __init__(
        self,
        scale: Sequence[int] | None = None,
        scales: Sequence[Sequence[int]] | None = None,
        mode: Literal['value', 'range'] = 'value',
        keep_ratio: bool = True,
        single_factor: bool = False,
    ) -> None:
        if (scale is None) == (scales is None):
            raise ConfigError('Resize needs either scale=(width, height) or scales=[(width, height), ...]')
        self.scales = [_as_scale(s) for s in (scales if scale is None else [scale]) or ()]
        if mode not in ('value', 'range'):
            raise ConfigError(f"Resize mode must be 'value' or 'range', got {mode!r}")
        if not self.scales or (mode == 'range' and len(self.scales) != 2):
            raise ConfigError(f"Resize(mode='{mode}') got {len(self.scales)} scales; 'range' needs 2, 'value' any")
        if single_factor and not keep_ratio:
            raise ConfigError('Resize(single_factor=True) needs keep_ratio=True: two axes have two factors')
        self.mode = mode
        self.keep_ratio = keep_ratio
        self.single_factor = single_factor

    def __call__(self, clip: PipelineClip, rng: np.random.Generator) -> PipelineClip:
        scale = self.draw(rng)
        for frame in clip.frames:
            self._resize(frame, scale)
        return clip

    def draw(self, rng: np.random.Generator) -> Scale:
        """The scale of one clip."""
        if self.mode == 'value':
            return self.scales[int(rng.integers(len(self.scales)))]
        longs, shorts = [max(s) for s in self.scales], [min(s) for s in self.scales]
        long_edge = int(rng.integers(min(longs), max(longs), endpoint=True))
        short_edge = int(rng.integers(min(shorts), max(shorts), endpoint=True))
        return long_edge, short_edge

    def _resize(self, frame: ClipFrame, scale: Scale) -> None:
        height, width = frame.pixels.shape[:2]
        new, factor = rescaled_size((width, height), scale) if self.keep_ratio else (scale, 1.0)
        factors = (factor, factor) if self.single_factor else (new[0] / width, new[1] / height)
        frame.scale_factor = (frame.scale_factor[0] * factors[0], frame.scale_factor[1] * factors[1])
        same = new == (width, height)
        if not same:
            frame.image = cv2.resize(frame.pixels, new, interpolation=cv2.INTER_LINEAR)
        if frame.objects is None:
            return
        frame.objects.bboxes = frame.objects.bboxes * np.array(factors * 2, dtype=np.float32)
        if not same:
            frame.objects.masks = resize_masks(frame.objects.masks, new)
        frame.objects = frame.objects.clipped()


def _as_scale(scale: Sequence[int]) -> Scale:
    if len(scale) != 2 or not all(isinstance(edge, int) and edge > 0 for edge in scale):
        raise ConfigError(f'a scale is two whole numbers of pixels (width, height), got {scale!r}')
    return scale[0], scale[1]


@TRANSFORMS.register_module()
class RandomFlip:
    """Mirror the whole clip left to right with probability ``prob``."""

    def __init__(self, prob: float = 0.5) -> None:
        if not 0 <= prob <= 1:
            raise ConfigError(f'RandomFlip(prob) is a probability, got {prob}')
        self.prob = prob

    def __call__(self, clip: PipelineClip, rng: np.random.Generator) -> PipelineClip:
        if rng.random() < self.prob:
            for frame in clip.frames:
                _mirror(frame)
        return clip


def _mirror(frame: ClipFrame) -> None:
    width = frame.pixels.shape[1]
    frame.image = cv2.flip(frame.pixels, 1)
    frame.flip = not frame.flip
    if frame.objects is not None:
        x1, y1, x2, y2 = frame.objects.bboxes.T
        frame.objects.bboxes = np.stack([width - x2, y1, width - x1, y2], axis=1)
        frame.objects.masks = frame.objects.masks[:, :, ::-1]
