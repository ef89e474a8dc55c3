"""Greedy matching and interpolated precision, as COCO and YouTube-VIS define them, on arrays.

Axes: T IoU thresholds, P recall points, R ranges (of area, or of area x occlusion), M limits on the number of
detections, D detections, G ground truths. Source of the definitions: cocodataset.org/#detection-eval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

ABSENT = -1.0  # stands where there is no ground truth to find


@dataclass(frozen=True)
class Matches:
    """Outcome of matching in one video (or image) and category.

    Attributes:
        scores: (D,) falling.
        found: (R, T, D) whether a detection counts as matched.
        ignored: (R, T, D) whether it counts neither as hit nor as false alarm.
        positives: (R,) ground truths that can be found.
    """

    scores: FloatArray
    found: BoolArray
    ignored: BoolArray
    positives: IntArray


def match_greedily(ious: FloatArray, gt_ignored: BoolArray, gt_reusable: BoolArray, thresholds: FloatArray) -> IntArray:
    """Give every detection, in order, the free ground truth that overlaps it most.

    Ground truths that count go before ignored ones; at equal IoU the later one wins.

    Args:
        ious: (D, G), detections by falling score.
        gt_ignored: (R, G).
        gt_reusable: (G,) ground truths that several detections may match (crowds).
        thresholds: (T,) least IoU of a match.

    Returns:
        (R, T, D) index of the ground truth, -1 for none.
    """
    (ranges, count), steps = gt_ignored.shape, len(thresholds)
    matched = np.full((ranges, steps, len(ious)), -1)
    free = np.ones((ranges, steps, count), bool)
    limits = np.minimum(thresholds, 1 - 1e-10)[:, None]
    counts = ~gt_ignored[:, None]  # (R, 1, G)
    for detection, row in enumerate(ious):
        near = row >= limits  # (T, G)
        if not near.any():
            continue
        options = free & near
        real = options & counts
        options = np.where(real.any(-1, keepdims=True), real, options)
        overlaps = np.where(options, row, -1.0)[..., ::-1]
        best = count - 1 - overlaps.argmax(-1)  # (R, T)
        r, t = np.nonzero(options.any(-1))
        chosen = best[r, t]
        matched[r, t, detection] = chosen
        free[r, t, chosen] = gt_reusable[chosen]
    return matched


def count_matches(
    scores: FloatArray,
    matched: IntArray,
    gt_ignored: BoolArray,
    detections_outside: BoolArray,
    gt_recorded: BoolArray | None = None,
) -> Matches:
    """Turn indices of partners into hits and ignored detections.

    Args:
        scores: (D,).
        matched: (R, T, D) from :func:`match_greedily`.
        gt_ignored: (R, G).
        detections_outside: (R, D) detections that are ignored where they stay unmatched.
        gt_recorded: (G,) ground truths whose matches are remembered; all unless given.
    """
    has_partner = matched >= 0
    found = has_partner.copy()
    ignored = np.zeros_like(found)
    if gt_ignored.shape[1]:
        partner = np.maximum(matched, 0)
        ignored = has_partner & np.take_along_axis(gt_ignored[:, None], partner, axis=2)
        if gt_recorded is not None:
            found &= gt_recorded[partner]
    ignored |= ~found & detections_outside[:, None]
    return Matches(scores, found, ignored, (~gt_ignored).sum(1))


def precision_recall(
    parts: Sequence[Matches], recall_points: FloatArray, limits: Sequence[int]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Interpolated precision, final recall and the score at each recall point, over all videos of one category.

    Args:
        parts: one per video, at least one, in the order that decides between equal scores.
        recall_points: (P,) rising.
        limits: M numbers of detections per video that take part.

    Returns:
        precision (T, P, R, M), recall (T, R, M), scores (T, P, R, M); :data:`ABSENT` in ranges without positives.
    """
    positives = np.sum([part.positives for part in parts], axis=0)  # (R,)
    scores = np.concatenate([part.scores for part in parts])
    ranks = np.concatenate([np.arange(len(part.scores)) for part in parts])
    found = np.concatenate([part.found for part in parts], axis=2)
    ignored = np.concatenate([part.ignored for part in parts], axis=2)
    order = np.argsort(-scores, kind='stable')
    scores, ranks = scores[order], ranks[order]
    hits, alarms = (found & ~ignored)[..., order], (~found & ~ignored)[..., order]
    shape = (found.shape[1], len(recall_points), found.shape[0], len(limits))
    precision, score_at = np.full(shape, ABSENT), np.full(shape, ABSENT)
    recall = np.full((shape[0], *shape[2:]), ABSENT)
    for m, limit in enumerate(limits):
        kept = ranks < limit
        true = hits[..., kept].cumsum(-1)  # (R, T, D')
        false = alarms[..., kept].cumsum(-1)
        for r in np.flatnonzero(positives):
            curve = _interpolate(true[r], false[r], int(positives[r]), scores[kept], recall_points)
            precision[:, :, r, m], recall[:, r, m], score_at[:, :, r, m] = curve
    return precision, recall, score_at


def _interpolate(
    true: IntArray, false: IntArray, positives: int, scores: FloatArray, recall_points: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Precision (T, P), final recall (T,) and score (T, P) from cumulated counts (T, D) and scores (D,)."""
    recalls = true / positives
    precisions = true / (false + true + np.spacing(1))
    falling = np.maximum.accumulate(precisions[:, ::-1], axis=1)[:, ::-1]
    padded = np.pad(falling, ((0, 0), (0, 1)))  # recalls that are never reached have precision and score 0
    padded_scores = np.append(scores, 0.0)
    places = np.stack([np.searchsorted(row, recall_points, side='left') for row in recalls])  # (T, P)
    final = recalls[:, -1] if recalls.shape[1] else np.zeros(len(recalls))
    return np.take_along_axis(padded, places, axis=1), final, padded_scores[places]


def mean_of_present(values: FloatArray) -> float:
    """Mean of the entries that are not :data:`ABSENT`; :data:`ABSENT` if there are none."""
    present = values[values > ABSENT]
    return float(present.mean()) if present.size else ABSENT
