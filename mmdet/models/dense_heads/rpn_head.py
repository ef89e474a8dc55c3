"""Region proposal network (arXiv 1506.01497) on a feature pyramid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdet.errors import ConfigError
from mmdet.geometry import BoxConvention, decode_deltas, encode_deltas
from mmdet.models.assigners import IGNORED
from mmdet.models.init import normal_init
from mmdet.models.losses import batch_count
from mmdet.models.samplers import sampling_generator
from mmdet.ops.nms import batched_nms
from mmdet.registry import MODELS
from mmdet.structures import Features, FrameSample


@MODELS.register_module()
class RPNHead(nn.Module):
    """Objectness and box deltas of anchors; proposals out.

    Args:
        in_channels, feat_channels: channels of the pyramid and of the hidden convolutions.
        anchor_generator, assigner, sampler, loss_cls, loss_bbox: config dicts.
        nms_pre: best anchors per level that enter NMS.
        nms_iou_threshold: overlap above which the weaker proposal goes.
        max_per_image: proposals kept per image over all levels.
        allowed_border: anchors further than this many pixels outside the image do not train; negative: all train.
        num_convs: hidden 3x3 convolutions; 1 as published, 2 in torchvision's second version.

    Raises:
        ConfigError: no hidden convolution.
    """

    def __init__(
        self,
        in_channels: int,
        anchor_generator: dict,
        assigner: dict,
        sampler: dict,
        loss_cls: dict,
        loss_bbox: dict,
        feat_channels: int = 256,
        nms_pre: int = 1000,
        nms_iou_threshold: float = 0.7,
        max_per_image: int = 1000,
        allowed_border: int = -1,
        num_convs: int = 1,
    ) -> None:
        super().__init__()
        if num_convs < 1:
            raise ConfigError(f'RPNHead: num_convs must be at least 1, got {num_convs}')
        self.anchors = MODELS.build(anchor_generator)
        self.assigner = MODELS.build(assigner)
        self.sampler = MODELS.build(sampler)
        self.loss_cls = MODELS.build(loss_cls)
        self.loss_bbox = MODELS.build(loss_bbox)
        self.nms_pre, self.nms_iou_threshold, self.max_per_image = nms_pre, nms_iou_threshold, max_per_image
        self.allowed_border = allowed_border
        self.rpn_conv = nn.Conv2d(in_channels, feat_channels, 3, padding=1)
        self.more_rpn_convs = nn.ModuleList(
            nn.Conv2d(feat_channels, feat_channels, 3, padding=1) for _ in range(num_convs - 1)
        )
        self.rpn_cls = nn.Conv2d(feat_channels, self.anchors.num_anchors, 1)
        self.rpn_reg = nn.Conv2d(feat_channels, self.anchors.num_anchors * 4, 1)
        for layer in (self.rpn_conv, *self.more_rpn_convs, self.rpn_cls, self.rpn_reg):
            normal_init(layer, std=0.01)

    def forward(self, features: Features) -> tuple[list[Tensor], list[Tensor]]:
        """Per level objectness logits (B, A, H, W) and deltas (B, 4A, H, W)."""
        hidden = list(features)
        for conv in (self.rpn_conv, *self.more_rpn_convs):
            hidden = [functional.relu(conv(x)) for x in hidden]
        return [self.rpn_cls(x) for x in hidden], [self.rpn_reg(x) for x in hidden]

    def _flatten(self, maps: Sequence[Tensor], values: int) -> list[Tensor]:
        """Per level (B, A * values, H, W) -> (B, H * W * A, values), the order of the anchors."""
        return [x.permute(0, 2, 3, 1).reshape(len(x), -1, values) for x in maps]

    def _grid(self, features: Features, convention: BoxConvention) -> list[Tensor]:
        sizes = [(x.shape[-2], x.shape[-1]) for x in features]
        return self.anchors.grid(sizes, convention, features[0].device)

    def loss_and_proposals(
        self, features: Features, samples: Sequence[FrameSample], gt_bboxes: Sequence[Tensor], convention: BoxConvention
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Losses ``loss_rpn_cls``, ``loss_rpn_bbox`` and the proposals that the RoI heads train on."""
        logits, deltas = self(features)
        anchors = self._grid(features, convention)
        losses = self._losses(logits, deltas, torch.cat(anchors), samples, gt_bboxes)
        return losses, self._proposals(logits, deltas, anchors, samples, convention)

    def predict(self, features: Features, samples: Sequence[FrameSample], convention: BoxConvention) -> list[Tensor]:
        """Proposals of every image, each (<= max_per_image, 4) in resized pixels, best first."""
        logits, deltas = self(features)
        return self._proposals(logits, deltas, self._grid(features, convention), samples, convention)

    def _losses(
        self,
        logits: list[Tensor],
        deltas: list[Tensor],
        anchors: Tensor,
        samples: Sequence[FrameSample],
        gt_bboxes: Sequence[Tensor],
    ) -> dict[str, Tensor]:
        flat_logits = torch.cat(self._flatten(logits, 1), 1)[..., 0]  # (B, N)
        flat_deltas = torch.cat(self._flatten(deltas, 4), 1)  # (B, N, 4)
        score_parts, objectness, delta_parts, target_parts = [], [], [], []
        for index, (sample, boxes) in enumerate(zip(samples, gt_bboxes)):
            positives, negatives, assigned = self._sample(anchors, boxes, sample)
            score_parts += [flat_logits[index, positives], flat_logits[index, negatives]]
            objectness += [torch.ones_like(score_parts[-2]), torch.zeros_like(score_parts[-1])]
            delta_parts.append(flat_deltas[index, positives])
            target_parts.append(encode_deltas(anchors[positives], boxes[assigned[positives]]))
        scores = torch.cat(score_parts)
        count = batch_count(len(scores), scores)
        return {
            'loss_rpn_cls': self.loss_cls(scores, torch.cat(objectness), count),
            'loss_rpn_bbox': self.loss_bbox(torch.cat(delta_parts), torch.cat(target_parts), count),
        }

    def _sample(self, anchors: Tensor, gt_bboxes: Tensor, sample: FrameSample) -> tuple[Tensor, Tensor, Tensor]:
        """Drawn positive and negative anchor indices of one image, and the assignment of all anchors."""
        inside = self._inside(anchors, sample.img_shape)
        ignored = sample.ignored_instances.bboxes if 'ignored_instances' in sample else None
        assigned = anchors.new_full((len(anchors),), IGNORED, dtype=torch.long)
        assigned[inside] = self.assigner.assign(anchors[inside], gt_bboxes, ignored)
        positives, negatives = self.sampler.sample(assigned, sampling_generator(sample.sample_seed, purpose=0))
        return positives, negatives, assigned

    def _inside(self, anchors: Tensor, shape: tuple[int, int]) -> Tensor:
        if self.allowed_border < 0:
            return torch.ones(len(anchors), dtype=torch.bool, device=anchors.device)
        low, (height, width) = -self.allowed_border, shape
        x1, y1, x2, y2 = anchors.unbind(1)
        high_x, high_y = width + self.allowed_border, height + self.allowed_border
        return (x1 >= low) & (y1 >= low) & (x2 <= high_x) & (y2 <= high_y)

    @torch.no_grad()
    def _proposals(
        self,
        logits: list[Tensor],
        deltas: list[Tensor],
        anchors: list[Tensor],
        samples: Sequence[FrameSample],
        convention: BoxConvention,
    ) -> list[Tensor]:
        kept_scores, kept_boxes, kept_levels = [], [], []
        for level, (score, delta, anchor) in enumerate(
            zip(self._flatten(logits, 1), self._flatten(deltas, 4), anchors)
        ):
            best, index = score[..., 0].float().sigmoid().topk(min(self.nms_pre, score.shape[1]), dim=1)  # (B, M)
            chosen = delta.float().gather(1, index[..., None].expand(-1, -1, 4))
            boxes = decode_deltas(anchor[index.flatten()], chosen.flatten(0, 1)).view(*index.shape, 4)
            kept_scores.append(best)
            kept_boxes.append(boxes)
            kept_levels.append(torch.full_like(index, level))
        scores, decoded, levels = torch.cat(kept_scores, 1), torch.cat(kept_boxes, 1), torch.cat(kept_levels, 1)
        proposals = []
        for own_boxes, own_scores, own_levels, sample in zip(decoded, scores, levels, samples):
            clipped = convention.clip(own_boxes, sample.img_shape)
            valid = (clipped[:, 2:] > clipped[:, :2]).all(1)
            candidates, ranks, groups = clipped[valid], own_scores[valid], own_levels[valid]
            keep = batched_nms(candidates, ranks, groups, self.nms_iou_threshold)[: self.max_per_image]
            proposals.append(candidates[keep])
        return proposals
