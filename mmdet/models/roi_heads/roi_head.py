"""RoI head: proposals in; boxes, classes and masks out. Joins pooling, box head and mask head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from mmdet.errors import ConfigError
from mmdet.geometry import BoxConvention
from mmdet.models.roi_heads.roi_extractor import to_rois
from mmdet.models.samplers import SampledRoIs, sampling_generator
from mmdet.registry import MODELS
from mmdet.structures import Features, FrameSample, InstanceData, RoIMasks


@MODELS.register_module()
class RoIHead(nn.Module):
    """Second stage of Mask R-CNN.

    Args:
        bbox_roi_extractor, bbox_head: config dicts.
        mask_roi_extractor, mask_head: config dicts; without a mask head the detector gives boxes only.
        assigner, sampler: config dicts, for training.
        mask_margin: fraction of a box's width and height that its mask reaches beyond it on every side. 0 as published:
            what a box cuts off is lost to its mask. 0.1 to 0.25 lets the mask mend a box that is a little too small,
            which matters where a pixel is a large part of the object.
        mask_detail_extractor: config dict; pools the last map of the features, the detector's ``detail``, at the mask
            head's ``mask_size``, for a mask head with ``detail_channels``.

    Raises:
        ConfigError: a negative margin, or an extractor of details that does not fit the mask head.
    """

    def __init__(
        self,
        bbox_roi_extractor: dict,
        bbox_head: dict,
        assigner: dict,
        sampler: dict,
        mask_roi_extractor: dict | None = None,
        mask_head: dict | None = None,
        mask_margin: float = 0.0,
        mask_detail_extractor: dict | None = None,
    ) -> None:
        super().__init__()
        if mask_margin < 0:
            raise ConfigError(f'mask_margin is a fraction of the box, 0 or more, got {mask_margin}')
        self.mask_margin = mask_margin
        self.bbox_roi_extractor = MODELS.build(bbox_roi_extractor)
        self.bbox_head = MODELS.build(bbox_head)
        self.mask_roi_extractor: Any = MODELS.build(mask_roi_extractor) if mask_roi_extractor else None
        self.mask_head: Any = MODELS.build(mask_head) if mask_head else None
        self.mask_detail_extractor: Any = MODELS.build(mask_detail_extractor) if mask_detail_extractor else None
        self._check_detail()
        self.assigner = MODELS.build(assigner)
        self.sampler = MODELS.build(sampler)

    def _check_detail(self) -> None:
        wanted = getattr(self.mask_head, 'detail_channels', 0) > 0  # other mask heads need not know of details
        if wanted != (self.mask_detail_extractor is not None):
            raise ConfigError('mask_head.detail_channels and mask_detail_extractor belong together: give both or none')
        if wanted and self.mask_detail_extractor.output_size != self.mask_head.mask_size:
            raise ConfigError(
                f'mask_detail_extractor.output_size is {self.mask_detail_extractor.output_size}, but the mask head '
                f'works on mask_size {self.mask_head.mask_size}'
            )

    def loss(
        self,
        features: Features,
        proposals: Sequence[Tensor],
        samples: Sequence[FrameSample],
        gt_bboxes: Sequence[Tensor],
        convention: BoxConvention,
    ) -> tuple[dict[str, Tensor], list[SampledRoIs]]:
        """Losses of both heads, and the sampled boxes, which a track head trains on too."""
        sampled = [self._sample(p, s, b) for p, s, b in zip(proposals, samples, gt_bboxes)]
        pooled = self.bbox_roi_extractor(features, to_rois([s.bboxes for s in sampled]), convention)
        losses = self.bbox_head.loss(*self.bbox_head(pooled), sampled, gt_bboxes)
        if self.mask_head is not None:
            windows = [self._mask_boxes(s.positive_bboxes, f, convention) for s, f in zip(sampled, samples)]
            labels = torch.cat([s.labels[: s.num_positives] for s in sampled])
            logits = self._own_masks(features, to_rois(windows), labels, convention)
            masks = [sample.gt_instances.masks for sample in samples]
            within = [replace(s, bboxes=w, labels=s.labels[: s.num_positives]) for s, w in zip(sampled, windows)]
            losses.update(self.mask_head.loss(logits, within, masks, convention))
        return losses, sampled

    def _own_masks(self, features: Features, rois: Tensor, labels: Tensor, convention: BoxConvention) -> Tensor:
        """Mask logits (R, M, M) of rois (R, 5), each of its own class."""
        pooled = self.mask_roi_extractor(features, rois, convention)
        if self.mask_detail_extractor is None:
            return self.mask_head(pooled, labels)
        return self.mask_head(pooled, labels, self.mask_detail_extractor(features[-1:], rois, convention))

    def _mask_boxes(self, boxes: Tensor, sample: FrameSample, convention: BoxConvention) -> Tensor:
        """The parts of the resized frame (N, 4) that the masks of boxes cover."""
        return convention.grow(boxes, self.mask_margin, sample.img_shape) if self.mask_margin else boxes

    @torch.no_grad()
    def _sample(self, proposals: Tensor, sample: FrameSample, gt_bboxes: Tensor) -> SampledRoIs:
        ignored = sample.ignored_instances.bboxes if 'ignored_instances' in sample else None
        assigned = self.assigner.assign(proposals, gt_bboxes, ignored)
        if self.sampler.add_gt_as_proposals:
            proposals = torch.cat([gt_bboxes, proposals])
            assigned = torch.cat([torch.arange(len(gt_bboxes), device=assigned.device), assigned])
        generator = sampling_generator(sample.sample_seed, purpose=1)
        positives, negatives = self.sampler.sample(assigned, generator)
        gt_inds = assigned[positives]
        background = gt_inds.new_full((len(negatives),), self.bbox_head.num_classes)
        labels = torch.cat([sample.gt_instances.labels[gt_inds], background])
        return SampledRoIs(torch.cat([proposals[positives], proposals[negatives]]), gt_inds, labels)

    @torch.no_grad()
    def predict(
        self,
        features: Features,
        proposals: Sequence[Tensor],
        samples: Sequence[FrameSample],
        convention: BoxConvention,
        variants: Sequence[Sequence[Features]] | None = None,
    ) -> list[InstanceData]:
        """Detections of each frame: boxes in original pixels, labels, scores, masks (:class:`RoIMasks`).

        Args:
            features: (T, C, H_l, W_l) per level.
            variants: per frame several pyramids with a batch axis of 1; class logits, deltas and mask logits are
                averaged over them before softmax, decoding and sigmoid. None: the frame's own ``features``.
        """
        outputs = self._box_outputs(features, proposals, convention, variants)
        found = [
            self.bbox_head.detect(logits, deltas, boxes, sample.img_shape, convention)
            for (logits, deltas), boxes, sample in zip(outputs, proposals, samples)
        ]
        results = []
        for (boxes, scores, labels), sample in zip(found, samples):
            instances = InstanceData()
            instances.bboxes = convention.to_original(boxes, sample.scale_factor)
            instances.scores, instances.labels = scores, labels
            results.append(instances)
        if self.mask_head is not None:
            windows = [self._mask_boxes(f[0], sample, convention) for f, sample in zip(found, samples)]
            logits = self._mask_logits(features, windows, [f[2] for f in found], convention, variants)
            for instances, own, boxes, sample in zip(results, logits, windows, samples):
                instances.masks = self._to_masks(own, boxes, sample, convention)
        return results

    def _box_outputs(
        self,
        features: Features,
        boxes: Sequence[Tensor],
        convention: BoxConvention,
        variants: Sequence[Sequence[Features]] | None,
    ) -> list[tuple[Tensor, Tensor]]:
        """Class logits and deltas of every frame's boxes: one batch, or averaged over each frame's variants."""
        if variants is None:
            logits, deltas = self.bbox_head(self.bbox_roi_extractor(features, to_rois(boxes), convention))
            counts = [len(b) for b in boxes]
            return list(zip(logits.split(counts), deltas.split(counts)))
        means = []
        for pyramids, own in zip(variants, boxes):
            rois = to_rois([own])
            heads = [self.bbox_head(self.bbox_roi_extractor(pyramid, rois, convention)) for pyramid in pyramids]
            means.append((torch.stack([h[0] for h in heads]).mean(0), torch.stack([h[1] for h in heads]).mean(0)))
        return means

    def _mask_logits(
        self,
        features: Features,
        boxes: Sequence[Tensor],
        labels: Sequence[Tensor],
        convention: BoxConvention,
        variants: Sequence[Sequence[Features]] | None,
    ) -> list[Tensor]:
        """Mask logits (N, M, M) of every frame's boxes, averaged over variants before any sigmoid."""
        if variants is None:
            logits = self._own_masks(features, to_rois(boxes), torch.cat(list(labels)), convention)
            return list(logits.split([len(b) for b in boxes]))
        means = []
        for pyramids, own, classes in zip(variants, boxes, labels):
            rois = to_rois([own])
            means.append(torch.stack([self._own_masks(p, rois, classes, convention) for p in pyramids]).mean(0))
        return means

    def _to_masks(self, logits: Tensor, boxes: Tensor, sample: FrameSample, convention: BoxConvention) -> RoIMasks:
        """Masks of one frame from logits (N, M, M) in boxes (N, 4) of the resized frame."""
        original = convention.to_original(boxes, sample.scale_factor)
        shape, threshold = sample.ori_shape, self.mask_head.threshold
        return RoIMasks(logits.float().sigmoid(), original, shape, threshold, convention.legacy)
