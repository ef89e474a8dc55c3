"""What every anchor should say about a training pair."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmdet.geometry import box_iou
from mmdet.models.assigners import BACKGROUND, IGNORED
from mmdet.models.samplers import RandomSampler
from mmdet.registry import MODELS

POSITIVE, NEGATIVE, IGNORE = 1, 0, -1


@dataclass(frozen=True)
class AnchorTargets:
    """Targets of one search image; A anchors at n x n cells.

    Attributes:
        labels: (A, n, n) int64: 1 target, 0 background, -1 not trained on.
        deltas: (4, A, n, n) float32: shift of the centre in anchor sizes, logarithm of the ratio of sizes.
        weights: (A, n, n) float32 of the deltas; they add up to 1 where there is a positive.
    """

    labels: Tensor
    deltas: Tensor
    weights: Tensor

    @property
    def mask_weights(self) -> Tensor:
        """(n, n) int64, the largest label of a cell's anchors; masks are trained where it is 1."""
        return self.labels.amax(0)


@MODELS.register_module()
class SiamAnchorTarget:
    """Label anchors by their overlap with the target, and draw those that are trained on.

    Args:
        pos_iou_thr: an anchor of more overlap is the target.
        neg_iou_thr: an anchor of less overlap is background; those between are not trained on.
        num: anchors drawn per image.
        num_pos: positives among them, at most; negatives fill the rest.
        num_neg_pair: negatives drawn where the search image does not show the template's object.
        central_cells: side of the middle block of cells that these come from.
    """

    def __init__(
        self,
        pos_iou_thr: float = 0.6,
        neg_iou_thr: float = 0.3,
        num: int = 64,
        num_pos: int = 16,
        num_neg_pair: int = 16,
        central_cells: int = 7,
    ) -> None:
        self.pos_iou_thr, self.neg_iou_thr = pos_iou_thr, neg_iou_thr
        self.num, self.num_pos, self.num_neg_pair = num, num_pos, num_neg_pair
        self.central_cells = central_cells

    def __call__(self, anchors: Tensor, cells: int, bbox: Tensor | None, generator: torch.Generator) -> AnchorTargets:
        """Targets of one image.

        Args:
            anchors: (A * n * n, 4) centre x, centre y, width, height.
            cells: n.
            bbox: (4,) the target, x1 y1 x2 y2 in the coordinates of the anchors; None in a negative pair.
            generator: draws the subset; on the CPU.
        """
        labels = anchors.new_full((len(anchors),), IGNORE, dtype=torch.int64)
        deltas, weights = anchors.new_zeros(len(anchors), 4), anchors.new_zeros(len(anchors))
        if bbox is None:
            labels[self._draw_negative_pair(anchors, cells, generator)] = NEGATIVE
        else:
            positives, negatives = self._draw(anchors, bbox, generator)
            labels[positives], labels[negatives] = POSITIVE, NEGATIVE
            weights[positives] = 1 / (len(positives) + 1e-6)
            size = bbox[2:] - bbox[:2]
            shift = ((bbox[:2] + bbox[2:]) / 2 - anchors[:, :2]) / anchors[:, 2:]
            deltas = torch.cat([shift, (size / anchors[:, 2:]).log()], 1)
        shape = (-1, cells, cells)
        return AnchorTargets(labels.view(shape), deltas.T.reshape(4, *shape), weights.view(shape))

    def _draw(self, anchors: Tensor, bbox: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        corners = torch.cat([anchors[:, :2] - anchors[:, 2:] / 2, anchors[:, :2] + anchors[:, 2:] / 2], 1)
        overlaps = box_iou(corners, bbox[None])[:, 0]
        assigned = torch.full_like(overlaps, IGNORED, dtype=torch.int64)
        assigned[overlaps < self.neg_iou_thr] = BACKGROUND
        assigned[overlaps > self.pos_iou_thr] = 0
        return RandomSampler(self.num, self.num_pos / self.num).sample(assigned, generator)

    def _draw_negative_pair(self, anchors: Tensor, cells: int, generator: torch.Generator) -> Tensor:
        middle, reach = (cells - 1) / 2, self.central_cells // 2
        near = (torch.arange(cells, device=anchors.device) - middle).abs() <= reach
        candidates = (near[:, None] & near[None]).expand(len(anchors) // cells**2, cells, cells).flatten()
        indices = torch.nonzero(candidates).flatten()
        order = torch.randperm(len(indices), generator=generator)[: self.num_neg_pair]
        return indices[order.to(indices.device)]
