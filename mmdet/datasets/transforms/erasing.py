"""Covering a part of the image, so that a network does not rely on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdet.datasets.clip import PipelineClip
from mmdet.errors import ConfigError
from mmdet.registry import TRANSFORMS

__all__ = ['RandomErasing']

ATTEMPTS = 10


@TRANSFORMS.register_module()
class RandomErasing:
    """Fill the same random rectangle of every frame of a clip with one colour (arXiv 1708.04896).

    Objects keep boxes and masks: they are still there. A rectangle that does not fit the frame is drawn again, at most
    ten times.

    Args:
        prob: share of the clips that are touched.
        area: smallest and largest share of the frame that is covered.
        aspect: smallest and largest height / width of the rectangle.
        fill: colour in RGB; the default is the mean that networks subtract.
    """

    def __init__(
        self,
        prob: float = 0.5,
        area: Sequence[float] = (0.02, 0.4),
        aspect: Sequence[float] = (0.3, 3.3),
        fill: Sequence[int] = (124, 116, 104),
    ) -> None:
        if not 0 <= prob <= 1:
            raise ConfigError(f'RandomErasing(prob) is a probability, got {prob}')
        if not 0 < area[0] <= area[1] <= 1 or not 0 < aspect[0] <= aspect[1]:
            raise ConfigError(f'RandomErasing needs ranges 0 < low <= high (area up to 1), got {area} and {aspect}')
        self.prob, self.area, self.aspect = prob, (area[0], area[1]), (aspect[0], aspect[1])
        self.fill = np.array(fill, dtype=np.uint8)

    def __call__(self, clip: PipelineClip, rng: np.random.Generator) -> PipelineClip:
        if rng.random() >= self.prob:
            return clip
        height, width = clip.frames[0].pixels.shape[:2]
        for _ in range(ATTEMPTS):
            covered = rng.uniform(*self.area) * height * width
            ratio = np.exp(rng.uniform(*np.log(self.aspect)))
            h, w = round(np.sqrt(covered * ratio)), round(np.sqrt(covered / ratio))
            if 0 < h <= height and 0 < w <= width:
                y, x = int(rng.integers(height - h, endpoint=True)), int(rng.integers(width - w, endpoint=True))
                for frame in clip.frames:
                    frame.image = frame.pixels.copy()  # the same picture may be shown in several frames
                    frame.image[y : y + h, x : x + w] = self.fill
                break
        return clip
