"""Mask R-CNN (arXiv 1703.06870), the detector of MaskTrack R-CNN."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmdet.errors import ConfigError
from mmdet.geometry import BoxConvention, ConventionName
from mmdet.models.detectors.base import Clip, Detector
from mmdet.models.samplers import SampledRoIs
from mmdet.registry import MODELS
from mmdet.structures import Features, FrameSample, InstanceData


@MODELS.register_module()
class MaskRCNN(Detector):
    """Backbone, pyramid, region proposals, boxes and masks.

    Args:
        backbone, neck, rpn_head, roi_head: config dicts.
        convention: ``modern``, or ``legacy`` for weights of the 2019 programs (see docs/design.md, Boxes).
        detail: config dict of a module that makes one fine map of the frame (:class:`DetailStem`); the map follows the
            pyramid's levels, and ``roi_head.mask_detail_extractor`` pools it for the mask head. None as published.

    Raises:
        ConfigError: only one of ``detail`` and ``roi_head.mask_detail_extractor`` is given.
    """

    provides = frozenset({'pyramid', 'masks'})

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        rpn_head: dict,
        roi_head: dict,
        convention: ConventionName = 'modern',
        detail: dict | None = None,
    ) -> None:
        super().__init__()
        self.convention = BoxConvention(convention)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck)
        self.rpn_head = MODELS.build(rpn_head)
        self.roi_head = MODELS.build(roi_head)
        self.detail = MODELS.build(detail) if detail else None
        if (self.detail is None) != (self.roi_head.mask_detail_extractor is None):
            raise ConfigError('detector.detail and roi_head.mask_detail_extractor belong together: give both or none')

    def extract_feat(self, images: Tensor) -> Features:
        """(T, 3, H, W) -> pyramid of ``num_outs`` maps, and the detail map after them where there is one."""
        pyramid = self.neck(self.backbone(images))
        return pyramid if self.detail is None else (*pyramid, self.detail(images))

    def _pyramid(self, features: Features) -> Features:
        return features if self.detail is None else features[:-1]

    def target_bboxes(self, sample: FrameSample) -> Tensor:
        """Ground truth boxes (G, 4) of a training frame in this detector's convention, resized pixels."""
        return self.convention.targets_from_resized(sample.gt_instances.bboxes, sample.scale_factor, sample.flip)

    def loss(
        self, features: Features, samples: Sequence[FrameSample], roi_features: Features | None = None
    ) -> tuple[dict[str, Tensor], list[SampledRoIs]]:
        """Losses of RPN (on ``features``) and RoI heads (on ``roi_features`` where given, else ``features``)."""
        gt_bboxes = [self.target_bboxes(sample) for sample in samples]
        losses, proposals = self.rpn_head.loss_and_proposals(
            self._pyramid(features), samples, gt_bboxes, self.convention
        )
        roi_losses, sampled = self.roi_head.loss(
            roi_features or features, proposals, samples, gt_bboxes, self.convention
        )
        return {**losses, **roi_losses}, sampled

    def predict(self, clip: Clip, roi_variants: Sequence[Sequence[Features]] | None = None) -> list[InstanceData]:
        """Detections of T frames; see :meth:`RoIHead.predict` for ``roi_variants``."""
        proposals = self.rpn_head.predict(self._pyramid(clip.features), clip.samples, self.convention)
        return self.roi_head.predict(clip.features, proposals, clip.samples, self.convention, roi_variants)
