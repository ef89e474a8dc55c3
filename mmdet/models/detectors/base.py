"""What every detector offers, and the clip that is handed to it and to track heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from mmdet.geometry import BoxConvention
from mmdet.models.samplers import SampledRoIs
from mmdet.structures import Features, FrameSample, InstanceData


@dataclass
class Clip:
    """T consecutive frames of one video on their way through the slots.

    Attributes:
        images: (T, 3, H, W) normalised, padded network input.
        samples: T samples with the meta of ``structures``.
        features: pyramid of the T frames; empty for a detector without one.
        convention: how the detector scales boxes between original and resized pixels.
        frames: (T, 3, h, w) uint8 RGB resized frames before normalisation, for heads that look at pixels; on any
            device. Frames of a training batch differ in size: a sample's ``img_shape`` says what is not padding.
    """

    images: Tensor
    samples: Sequence[FrameSample]
    features: Features
    convention: BoxConvention
    frames: Tensor | None = None

    def frame(self, index: int) -> Clip:
        """Frame ``index`` alone, in memory of its own: who keeps it does not keep the whole clip."""
        one = slice(index, index + 1)
        features = tuple(level[one].clone() for level in self.features)
        frames = None if self.frames is None else self.frames[one].clone()
        return Clip(self.images[one].clone(), [self.samples[index]], features, self.convention, frames)


class Detector(nn.Module):
    """Base of detectors.

    Attributes:
        provides: what later slots may use: any of ``pyramid`` (``features`` of a clip), ``masks``, and ``embeddings``
            where the detector itself gives a vector per detection.
        reads_pixels: whether it looks at the frames; one that does not also works on frames that were never read.
    """

    provides: frozenset[str] = frozenset()
    reads_pixels: bool = True
    convention: BoxConvention = BoxConvention()

    def extract_feat(self, images: Tensor) -> Features:
        """(T, 3, H, W) normalised images -> pyramid; an empty tuple where there is none."""
        raise NotImplementedError(f'{type(self).__name__} needs a method extract_feat')

    def loss(
        self, features: Features, samples: Sequence[FrameSample], roi_features: Features | None = None
    ) -> tuple[dict[str, Tensor], list[SampledRoIs]]:
        """Losses on annotated frames, and the boxes sampled on each of them for a track head.

        ``roi_features`` serve boxes and masks in place of ``features`` where they are given.
        """
        raise NotImplementedError(f'{type(self).__name__} needs a method loss')

    def predict(self, clip: Clip, roi_variants: Sequence[Sequence[Features]] | None = None) -> list[InstanceData]:
        """T detections sets: ``bboxes`` in original pixels, ``labels``, ``scores``, ``masks``.

        ``roi_variants`` holds for each frame several pyramids that its boxes and masks are averaged over.
        """
        raise NotImplementedError(f'{type(self).__name__} needs a method predict')
