"""Greedy non-maximum suppression in front of a tracker."""

from __future__ import annotations

import numpy as np

from mmdet.trackers.assignment import IntArray
from mmdet.trackers.kalman import FloatArray


def suppress(
    bboxes: FloatArray,
    scores: FloatArray,
    max_overlap: float,
    inclusive: bool = False,
    labels: IntArray | None = None,
) -> IntArray:
    """Rows of the boxes (N, 4) that no better kept box overlaps by more than ``max_overlap`` (IoU), best first.

    Args:
        inclusive: count one pixel more in widths and heights, as programs with inclusive corners do.
        labels: (N,) classes; boxes of different classes do not suppress each other. None: all do.
    """
    order = np.argsort(-scores, kind='stable')
    x1, y1, x2, y2 = np.ascontiguousarray(bboxes.T)
    if inclusive:
        x2, y2 = x2 + 1, y2 + 1
    first, second = _meeting_spans(x1, x2)
    height = np.minimum(y2[first], y2[second]) - np.maximum(y1[first], y1[second])
    meet = np.flatnonzero(height > 0)
    if not len(meet):
        return order
    first, second = first[meet], second[meet]
    common = (np.minimum(x2[first], x2[second]) - np.maximum(x1[first], x1[second])) * height[meet]
    area = (x2 - x1) * (y2 - y1)
    close = common / np.maximum(area[first] + area[second] - common, 1e-6) > max_overlap
    if labels is not None:
        close &= labels[first] == labels[second]
    return order[_greedy(order, first[close], second[close])] if close.any() else order


def _meeting_spans(start: FloatArray, end: FloatArray) -> tuple[IntArray, IntArray]:
    """All pairs (P,) of intervals (N,) that have more than a point in common, each once.

    In the order of their starts, an interval meets those that follow it up to its end: of boxes that are spread over a
    frame few pairs are left, and the rest is never looked at.
    """
    order = np.argsort(start)
    place = np.arange(1, len(order) + 1)
    met = np.maximum(np.searchsorted(start[order], end[order]) - place, 0)  # (N,) followers
    first = np.repeat(place, met)  # the place after the interval's own
    second = np.arange(len(first)) - np.repeat(np.cumsum(met) - met, met) + first
    return order[first - 1], order[second]


def _greedy(order: IntArray, first: IntArray, second: IntArray) -> np.ndarray:
    """Which places (N,) of ``order`` stay when pairs ``first[k]``, ``second[k]`` cannot both."""
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    better, worse = np.minimum(rank[first], rank[second]), np.maximum(rank[first], rank[second])
    overlap = np.zeros((len(order), len(order)), bool)
    overlap[better, worse] = True
    kept = np.ones(len(order), bool)
    for row in np.unique(better):  # the others suppress nothing
        if kept[row]:
            kept &= ~overlap[row]
    return kept
