"""The second stage of S2iamMask: a mask for every proposed box, from correlation and search features together.

Its published program does not run; this is a definition of our own after its description (two-map RoI masks, a fusion
network, voting).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.ops import nms, roi_align

from mmdet.errors import ConfigError
from mmdet.geometry import BoxConvention, box_iou
from mmdet.models.losses import batch_count, mask_accuracy
from mmdet.models.siammask.correlation import CorrelationBranch
from mmdet.models.siammask.voting import grow, vote_maps, vote_values
from mmdet.registry import MODELS


class FusionNet(nn.Module):
    """Masks from RoI features: two halvings, two enlargements, and what was before each halving added on the way up.

    Args:
        channels: C of the RoI features.
    """

    def __init__(self, channels: int = 256) -> None:
        super().__init__()
        first, second = max(channels // 4, 1), max(channels // 16, 1)
        self.down1, self.down2 = self._down(channels), self._down(channels)
        self.up1 = nn.ConvTranspose2d(channels, first, 4, 2, 1, bias=False)
        self.up2 = nn.ConvTranspose2d(first, second, 4, 2, 1, bias=False)
        self.skip1 = nn.Sequential(nn.Conv2d(channels, 2 * first, 1), nn.Conv2d(2 * first, first, 1))
        self.skip2 = nn.Sequential(nn.Conv2d(channels, first, 1), nn.Conv2d(first, second, 1))
        self.out = nn.Conv2d(second, 1, 1)

    @staticmethod
    def _down(channels: int) -> nn.Sequential:
        convs = [nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2)]
        return nn.Sequential(convs[0], nn.ReLU(), convs[1], nn.ReLU(), nn.MaxPool2d(2))

    def forward(self, pooled: Tensor) -> Tensor:
        """(R, C, S, S) -> logits (R, S, S); S is a multiple of 4."""
        half = self.down1(pooled)
        x = self.up1(self.down2(half)) + self.skip1(half)
        return self.out(self.up2(x) + self.skip2(pooled))[:, 0]


@MODELS.register_module()
class S2MaskHead(CorrelationBranch):
    """RoIAlign of a correlation and of the search features, one network for both, their logits summed.

    Args:
        in_channels: of the features, and of the correlation.
        mask_size: S, side of the pooled features and of a mask; a multiple of 4.
        num_votes: best boxes whose masks vote; 1 takes the mask of the best box as it is.
        grow: part of its size that a box is enlarged by on every side before its mask is predicted.
        vote_threshold: a mask votes for pixels of greater probability.
        min_vote_share: a pixel belongs to the object where a greater share of the masks votes for it.
        num_proposals: boxes kept for training, after non-maximum suppression.
        nms_iou: overlap from which it suppresses.
        pos_iou_thr: overlap with the object that a box needs to be trained on.
        num_jittered: boxes around the object, shaken, that are trained on besides.
        stride: pixels per cell of the search features.
        norm_cfg: normalisation; batch norm by default.
        loss_mask: config dict of a loss of logits and 0 / 1 targets with a count.

    Raises:
        ConfigError: a number that cannot be.
    """

    def __init__(
        self,
        in_channels: int = 256,
        mask_size: int = 28,
        num_votes: int = 10,
        grow: float = 0.4,
        vote_threshold: float = 0.2,
        min_vote_share: float = 0.5,
        num_proposals: int = 8,
        nms_iou: float = 0.7,
        pos_iou_thr: float = 0.5,
        num_jittered: int = 4,
        stride: int = 8,
        norm_cfg: dict | None = None,
        loss_mask: dict | None = None,
    ) -> None:
        super().__init__(in_channels, in_channels, padding=3, norm_cfg=norm_cfg)
        if mask_size % 4 or mask_size < 4:
            raise ConfigError(f'S2MaskHead.mask_size must be a multiple of 4, got {mask_size}')
        if num_votes < 1:
            raise ConfigError(f'S2MaskHead.num_votes must be at least 1, got {num_votes}')
        for name, value in (('vote_threshold', vote_threshold), ('min_vote_share', min_vote_share)):
            if not 0 <= value < 1:
                raise ConfigError(f'S2MaskHead.{name} must be at least 0 and less than 1, got {value}')
        self.mask_size, self.num_votes, self.grow = mask_size, num_votes, grow
        self.vote_threshold, self.min_vote_share, self.stride = vote_threshold, min_vote_share, stride
        self.num_proposals, self.nms_iou = num_proposals, nms_iou
        self.pos_iou_thr, self.num_jittered = pos_iou_thr, num_jittered
        self.fusion = FusionNet(in_channels)
        self.loss_mask = MODELS.build(loss_mask or dict(type='BinaryCrossEntropyLoss'))

    @property
    def frame_threshold(self) -> float:
        """What a pixel's value must exceed: a share of the votes, or one mask's own threshold."""
        return self.min_vote_share if self.num_votes > 1 else self.vote_threshold

    def masks(self, search: Tensor, correlation: Tensor, boxes: Tensor, index: Tensor, side: int) -> Tensor:
        """Logits (R, S, S).

        Args:
            search: (B, C, n, n) search features.
            correlation: (B, C, n, n), of the same cells.
            boxes: (R, 4) x1 y1 x2 y2 in pixels of the search crop, where pixel i has its middle at i.
            index: (R,) which crop each box belongs to.
            side: of the crop in pixels; the middles of crop and maps are the same point.
        """
        first_cell = (side - 1) / 2 - (search.shape[-1] - 1) / 2 * self.stride  # its middle; 7 for 255 pixels, 31 cells
        shift = self.stride / 2 - first_cell  # RoIAlign has the middle of cell 0 at half a cell
        rois = torch.cat([index[:, None].to(boxes), boxes + shift], 1)
        pooled = [
            BoxConvention().roi_align(maps, rois, self.mask_size, 1 / self.stride, 2)
            for maps in (search, correlation)
        ]
        return self.fusion(torch.cat(pooled)).view(2, -1, self.mask_size, self.mask_size).sum(0)

    def vote(self, search: Tensor, correlation: Tensor, boxes: Tensor, side: int) -> Tensor:
        """Mask values (N, side, side) of the crops: shares of votes, or one mask's probabilities.

        Args:
            search, correlation: (N, C, n, n).
            boxes: (N, K, 4) best boxes of each crop, best first.
            side: of the crop in pixels.
        """
        count, votes = boxes.shape[:2]
        grown = grow(boxes.flatten(0, 1), self.grow, side)
        index = torch.arange(count, device=boxes.device).repeat_interleave(votes)
        masks = self.masks(search, correlation, grown, index, side).sigmoid()
        maps = vote_maps(masks, grown, side).view(count, votes, side, side)
        return maps[:, 0] if votes == 1 else vote_values(maps, self.vote_threshold)

    def loss(
        self,
        search: Tensor,
        correlation: Tensor,
        proposals: Sequence[tuple[Tensor, Tensor]],
        bboxes: Sequence[Tensor | None],
        masks: Tensor,
        generators: Sequence[torch.Generator],
    ) -> dict[str, Tensor]:
        """``loss_mask`` and accuracies of a batch of B pairs.

        Args:
            search, correlation: (B, C, n, n).
            proposals: scores (M,) and boxes (M, 4) of every crop, without gradients.
            bboxes: (4,) of each crop's object; None where there is none, or no mask of it.
            masks: (B, side, side) 0 or 1.
            generators: draw the shaken boxes, one per crop, on the CPU.
        """
        side, chosen, index = masks.shape[-1], [], []
        for row, bbox in enumerate(bboxes):
            if bbox is not None:
                boxes = grow(self._training_boxes(*proposals[row], bbox, generators[row]), self.grow, side)
                chosen.append(boxes)
                index.append(torch.full((len(boxes),), row, device=boxes.device))
        empty = search.new_zeros(0, 4), torch.zeros(0, dtype=torch.int64, device=search.device)
        rois, rows = (torch.cat(chosen), torch.cat(index)) if chosen else empty
        logits = self.masks(search, correlation, rois, rows, side)
        targets = roi_targets(masks, rois, rows, self.mask_size)
        count = batch_count(len(rois), logits) * self.mask_size**2
        return {'loss_mask': self.loss_mask(logits, targets, count), **mask_accuracy(logits, targets)}

    @torch.no_grad()
    def _training_boxes(
        self, scores: Tensor, boxes: Tensor, bbox: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Proposals that overlap the object, and shaken copies of its box: (R, 4)."""
        best = scores.topk(min(100, len(scores))).indices
        kept = nms(boxes[best], scores[best], self.nms_iou)[: self.num_proposals]
        proposals = boxes[best][kept]
        proposals = proposals[box_iou(proposals, bbox[None])[:, 0] >= self.pos_iou_thr]
        noise = torch.rand(self.num_jittered, 4, generator=generator).to(bbox) * 2 - 1
        size = bbox[2:] - bbox[:2]
        return torch.cat([proposals, bbox + 0.1 * noise * size.repeat(2)])


def roi_targets(masks: Tensor, boxes: Tensor, index: Tensor, size: int) -> Tensor:
    """Masks (B, side, side) inside boxes (R, 4), resized to (R, size, size) 0 or 1."""
    rois = torch.cat([index[:, None].to(boxes), boxes + 0.5], 1)
    return (roi_align(masks[:, None].to(boxes), rois, size, 1.0, 2, aligned=True)[:, 0] >= 0.5).to(boxes)
