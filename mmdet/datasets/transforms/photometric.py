"""Changes of brightness, contrast and colour."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mmdet.datasets.clip import PipelineClip
from mmdet.errors import ConfigError
from mmdet.registry import TRANSFORMS

__all__ = ['PhotometricDistortion']


@dataclass(frozen=True)
class _Change:
    brightness: float
    contrast: float
    contrast_last: bool
    saturation: float
    hue: float


@TRANSFORMS.register_module()
class PhotometricDistortion:
    """Change brightness, contrast, saturation and hue of the whole clip, each with probability 0.5 (SSD, section 2.2).

    Args:
        brightness: largest shift, in grey levels of 255.
        contrast: range of the factor.
        saturation: range of the factor.
        hue: largest turn in degrees of 360.
        prob: share of the clips that are touched at all.
    """

    def __init__(
        self,
        brightness: float = 32,
        contrast: tuple[float, float] = (0.5, 1.5),
        saturation: tuple[float, float] = (0.5, 1.5),
        hue: float = 18,
        prob: float = 1.0,
    ) -> None:
        for name, (low, high) in (('contrast', contrast), ('saturation', saturation)):
            if not 0 <= low <= high:
                raise ConfigError(f'PhotometricDistortion({name}) is a range (low, high), got {(low, high)}')
        if not 0 <= prob <= 1:
            raise ConfigError(f'PhotometricDistortion(prob) is a probability, got {prob}')
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
        self.prob = prob

    def __call__(self, clip: PipelineClip, rng: np.random.Generator) -> PipelineClip:
        touched = rng.random() < self.prob
        change = self._draw(rng)
        if touched:
            for frame in clip.frames:
                frame.image = _apply(frame.pixels, change)
        return clip

    def _draw(self, rng: np.random.Generator) -> _Change:
        on = rng.random(5) < 0.5
        return _Change(
            brightness=rng.uniform(-self.brightness, self.brightness) * on[0],
            contrast=rng.uniform(*self.contrast) if on[1] else 1.0,
            contrast_last=bool(on[2]),
            saturation=rng.uniform(*self.saturation) if on[3] else 1.0,
            hue=rng.uniform(-self.hue, self.hue) * on[4],
        )


def _apply(image: np.ndarray, change: _Change) -> np.ndarray:
    pixels = image.astype(np.float32)
    pixels += change.brightness
    if not change.contrast_last:
        pixels *= change.contrast
    if change.saturation != 1 or change.hue != 0:
        # On float images OpenCV's hue is in degrees, saturation in [0, 1] and value in the unit of the input.
        hsv = cv2.cvtColor(pixels.clip(0, 255) / 255, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0] + change.hue) % 360
        hsv[..., 1] = (hsv[..., 1] * change.saturation).clip(0, 1)
        pixels = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255
    if change.contrast_last:
        pixels *= change.contrast
    return (pixels + 0.5).clip(0, 255).astype(np.uint8)
