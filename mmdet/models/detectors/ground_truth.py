"""A detector that knows the answer, to train and to judge a track head or a tracker alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmdet.errors import DataError
from mmdet.models.detectors.base import Clip, Detector
from mmdet.models.samplers import SampledRoIs
from mmdet.registry import MODELS
from mmdet.structures import BitmapMasks, Features, FrameSample, InstanceData


@MODELS.register_module()
class GroundTruthDetector(Detector):
    """Predicts the annotated objects, all with score 1. Has no weights, learns nothing and makes no features.

    What is trained behind it is the track head alone; what is tested behind it is association alone. The pipelines of
    training and testing data sets must have ``LoadAnnotations``. Crowds are not predicted.
    """

    provides = frozenset({'masks'})

    def extract_feat(self, images: Tensor) -> Features:
        """No features."""
        return ()

    def loss(
        self, features: Features, samples: Sequence[FrameSample], roi_features: Features | None = None
    ) -> tuple[dict[str, Tensor], list[SampledRoIs]]:
        """No losses, and the annotated boxes as samples."""
        return {}, [annotated_rois(sample) for sample in samples]

    def predict(self, clip: Clip, roi_variants: Sequence[Sequence[Features]] | None = None) -> list[InstanceData]:
        """The annotated objects of T frames, with boxes in original pixels.

        Raises:
            DataError: a frame comes without annotations.
        """
        return [self._detections(sample, clip.images.device) for sample in clip.samples]

    def _detections(self, sample: FrameSample, device: torch.device) -> InstanceData:
        truth = annotations_of(sample)
        found = InstanceData()
        found.bboxes = self.convention.to_original(truth.bboxes, sample.scale_factor).to(device)
        found.labels = truth.labels.to(device)
        found.scores = torch.ones(len(truth.labels), device=device)
        found.masks = BitmapMasks(truth.masks.to(device).bool(), tuple(sample.ori_shape))
        return found


def annotated_rois(sample: FrameSample) -> SampledRoIs:
    """The annotated boxes of a frame as if a sampler had drawn them, all positive."""
    truth = annotations_of(sample)
    return SampledRoIs(truth.bboxes, torch.arange(len(truth.labels), device=truth.labels.device), truth.labels)


def annotations_of(sample: FrameSample) -> InstanceData:
    """``gt_instances`` of a frame.

    Raises:
        DataError: there are none; the message says how to get them.
    """
    if 'gt_instances' not in sample:
        raise DataError(
            f'video {sample.video_id}, frame {sample.frame_id}: there are no annotations to predict or to learn from. '
            'Add LoadAnnotations after LoadFrames to the pipeline; a set without ground truth needs another detector'
        )
    return sample.gt_instances
