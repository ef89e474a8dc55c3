"""Which ground truth a box belongs to while training."""

from __future__ import annotations

import torch
from torch import Tensor

from mmdet.geometry import box_iou
from mmdet.registry import MODELS

IGNORED, BACKGROUND = -2, -1  # values of an assignment besides ground truth indices


@MODELS.register_module()
class MaxIoUAssigner:
    """Assign each box to the ground truth of highest overlap (Faster R-CNN's rule).

    Args:
        pos_iou_thr: a box of at least this overlap belongs to its best ground truth.
        neg_iou_thr: a box of less overlap with all ground truths is background; between the two it is ignored.
        min_pos_iou: with ``match_low_quality`` every ground truth also takes all boxes that tie for its own best
            overlap, if that is at least this much.
        match_low_quality: see above.
        ignore_iof_thr: boxes of which at least this share lies in an ignored region are ignored; negative: never.
    """

    def __init__(
        self,
        pos_iou_thr: float,
        neg_iou_thr: float,
        min_pos_iou: float = 0.0,
        match_low_quality: bool = True,
        ignore_iof_thr: float = -1.0,
    ) -> None:
        self.pos_iou_thr, self.neg_iou_thr, self.min_pos_iou = pos_iou_thr, neg_iou_thr, min_pos_iou
        self.match_low_quality, self.ignore_iof_thr = match_low_quality, ignore_iof_thr

    def assign(self, boxes: Tensor, gt_bboxes: Tensor, ignored_bboxes: Tensor | None = None) -> Tensor:
        """Ground truth index of every box, (N,) int64: ``BACKGROUND`` or ``IGNORED`` where there is none."""
        assigned = boxes.new_full((len(boxes),), IGNORED, dtype=torch.long)
        if len(gt_bboxes) == 0:
            assigned[:] = BACKGROUND
        elif len(boxes):
            overlaps = box_iou(boxes, gt_bboxes)  # (N, G)
            best, index = overlaps.max(1)
            assigned[best < self.neg_iou_thr] = BACKGROUND
            assigned = torch.where(best >= self.pos_iou_thr, index, assigned)
            if self.match_low_quality:
                best_of_gt = overlaps.max(0).values  # (G,)
                ties = (overlaps == best_of_gt) & (best_of_gt >= self.min_pos_iou) & (best_of_gt > 0)
                rows = torch.nonzero(ties.any(1)).flatten()
                last = len(gt_bboxes) - 1 - ties[rows].flip(1).long().argmax(1)  # the later ground truth wins a tie
                assigned[rows] = last
        if self.ignore_iof_thr > 0 and ignored_bboxes is not None and len(ignored_bboxes) and len(boxes):
            inside = _share_inside(boxes, ignored_bboxes).max(1).values
            assigned[inside > self.ignore_iof_thr] = IGNORED
        return assigned


def _share_inside(boxes: Tensor, regions: Tensor) -> Tensor:
    """Share of each (N, 4) box's area that lies in each (M, 4) region: (N, M)."""
    top_left = torch.maximum(boxes[:, None, :2], regions[None, :, :2])
    bottom_right = torch.minimum(boxes[:, None, 2:], regions[None, :, 2:])
    inter = (bottom_right - top_left).clamp(min=0).prod(-1)
    return inter / (boxes[:, 2:] - boxes[:, :2]).prod(1).clamp(min=1e-6)[:, None]
