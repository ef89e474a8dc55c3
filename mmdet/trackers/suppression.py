"""Greedy non-maximum suppression in front of a tracker."""

from __future__ import annotations

import numpy as np

from mmdet.trackers.assignment import IntArray, box_iou
from mmdet.trackers.kalman import FloatArray


def suppress(bboxes: FloatArray, scores: FloatArray, max_overlap: float, inclusive: bool = False) -> IntArray:
    """Rows of the boxes (N, 4) that no better kept box overlaps by more than ``max_overlap`` (IoU), best first.

    Args:
        inclusive: count one pixel more in widths and heights, as programs with inclusive corners do.
    """
    order = np.argsort(-scores, kind='stable')
    overlap = box_iou(*(2 * [bboxes[order] + [0, 0, int(inclusive), int(inclusive)]])) > max_overlap  # (N, N)
    kept = np.ones(len(order), bool)
    for row in np.flatnonzero(np.triu(overlap, 1).any(1)):  # the others suppress nothing
        if kept[row]:
            kept[row + 1 :] &= ~overlap[row, row + 1 :]
    return order[kept]
