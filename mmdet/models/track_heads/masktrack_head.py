"""MaskTrack R-CNN's track head (arXiv 1905.04804): RoI features to vectors whose dot products say who is who."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdet.errors import ConfigError
from mmdet.models.detectors import Clip
from mmdet.models.init import normal_init
from mmdet.models.losses import batch_count
from mmdet.models.roi_heads.roi_extractor import to_rois
from mmdet.models.samplers import SampledRoIs
from mmdet.models.track_heads.base import TrackHead
from mmdet.registry import MODELS
from mmdet.structures import InstanceData


def match_targets(key_ids: Tensor, reference_ids: Tensor) -> Tensor:
    """For each identity of the key frame, 1 + its row among the reference frame's identities; 0 if it is new. (G,)"""
    same = key_ids[:, None] == reference_ids[None]  # (G, M)
    return torch.where(same.any(1), same.long().argmax(1) + 1, 0) if same.shape[1] else torch.zeros_like(key_ids)


def match_logits(embeddings: Tensor, references: Tensor) -> Tensor:
    """Dot products (N, M + 1) of embeddings (N, D) and (M, D) behind a column of zeros for 'new object'.

    In float32 at least: sums over a thousand products overflow float16.
    """
    wide = torch.promote_types(embeddings.dtype, torch.float32)
    with torch.autocast(embeddings.device.type, enabled=False):
        return functional.pad(embeddings.to(wide) @ references.to(wide).T, (1, 0))


@MODELS.register_module()
class MaskTrackHead(TrackHead):
    """Fully connected layers on pooled boxes of the current and of a reference frame.

    Args:
        roi_extractor: config dict.
        in_channels, roi_size: channels and side of the pooled grid.
        fc_channels: width of every layer; the last one's is the length of an embedding.
        num_fcs: number of layers.
        last_relu: rectify after the last layer too. The original program does not; mmtracking and mmdetection 3 do.
        loss_denominator: ``positives`` divides an image's loss by its positive boxes (original), ``matched`` by those
            whose object is in the reference frame (mmtracking, mmdetection 3).
        skip_single_positive: images with exactly one positive box do not count (original; see docs).
        loss_weight: factor on ``loss_match``.
    """

    requires = frozenset({'pyramid'})

    def __init__(
        self,
        roi_extractor: dict,
        in_channels: int = 256,
        roi_size: int = 7,
        fc_channels: int = 1024,
        num_fcs: int = 2,
        last_relu: bool = False,
        loss_denominator: Literal['positives', 'matched'] = 'positives',
        skip_single_positive: bool = False,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if loss_denominator not in ('positives', 'matched'):
            raise ConfigError(f"loss_denominator {loss_denominator!r} does not exist; use 'positives' or 'matched'")
        self.roi_extractor = MODELS.build(roi_extractor)
        widths = [in_channels * roi_size**2] + [fc_channels] * num_fcs
        self.fcs = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        for layer in self.fcs:
            normal_init(layer, std=0.01)
        self.embedding_dim = fc_channels
        self.last_relu, self.loss_denominator = last_relu, loss_denominator
        self.skip_single_positive, self.loss_weight = skip_single_positive, loss_weight

    def forward(self, pooled: Tensor) -> Tensor:
        """(R, C, S, S) -> (R, D)."""
        x = pooled.flatten(1)
        for layer in self.fcs[:-1]:
            x = functional.relu(layer(x))
        x = self.fcs[-1](x)
        return functional.relu(x) if self.last_relu else x

    def embed(self, clip: Clip, detections: Sequence[InstanceData]) -> list[Tensor]:
        """Embeddings (N_t, D) of detections whose boxes are in original pixels."""
        boxes = [clip.convention.to_resized(d.bboxes, s.scale_factor) for d, s in zip(detections, clip.samples)]
        embeddings = self(self.roi_extractor(clip.features, to_rois(boxes), clip.convention))
        return list(embeddings.split([len(b) for b in boxes]))

    def loss(self, key: Clip, references: Clip, sampled: Sequence[SampledRoIs]) -> dict[str, Tensor]:
        """``loss_match`` and ``match_acc`` (percent, over positives)."""
        key_boxes = [s.bboxes for s in sampled]
        ref_boxes = [
            references.convention.targets_from_resized(s.gt_instances.bboxes, s.scale_factor, s.flip)
            for s in references.samples
        ]
        key_vectors = self(self.roi_extractor(key.features, to_rois(key_boxes), key.convention))
        ref_vectors = self(self.roi_extractor(references.features, to_rois(ref_boxes), references.convention))
        logits, targets = [], []
        pairs = zip(key_vectors.split([len(b) for b in key_boxes]), ref_vectors.split([len(b) for b in ref_boxes]))
        for (own, reference), sampled_i, sample, ref_sample in zip(pairs, sampled, key.samples, references.samples):
            of_gt = match_targets(sample.gt_instances.instance_ids, ref_sample.gt_instances.instance_ids)
            logits.append(match_logits(own[: sampled_i.num_positives], reference))
            targets.append(of_gt[sampled_i.gt_inds])
        return self.match_loss(logits, targets)

    def match_loss(self, logits: Sequence[Tensor], targets: Sequence[Tensor]) -> dict[str, Tensor]:
        """Cross entropy of each image's positives, (P_i, M_i + 1) logits and (P_i,) targets, averaged over images."""
        total, correct, count = logits[0].new_zeros(()), logits[0].new_zeros(()), 0
        for rows, target in zip(logits, targets):
            total = total + rows.sum() * 0  # keeps every parameter in the graph when an image has no positives
            if len(target) == 0 or (self.skip_single_positive and len(target) == 1):
                continue
            counted = len(target) if self.loss_denominator == 'positives' else int((target > 0).sum())
            total = total + functional.cross_entropy(rows, target, reduction='sum') / max(counted, 1)
            correct = correct + (rows.argmax(1) == target).sum()
            count += len(target)
        accuracy = correct / batch_count(count, correct) * 100
        return {'loss_match': self.loss_weight * total / len(logits), 'match_acc': accuracy.detach()}
