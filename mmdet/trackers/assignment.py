"""Costs between tracks and detections, and the assignment that is cheapest in total."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from scipy.optimize import linear_sum_assignment

from mmdet.errors import DataError
from mmdet.structures import RLE
from mmdet.trackers.kalman import FloatArray

IntArray = NDArray[np.int64]

MARGIN = 1e-5  # what a forbidden pair costs above the limit


class Matches(NamedTuple):
    """Result of :func:`assign`; ``rows[k]`` belongs to ``columns[k]``."""

    rows: IntArray
    columns: IntArray
    unmatched_rows: IntArray
    unmatched_columns: IntArray


def assign(
    cost: FloatArray, limit: float, rows: IntArray | None = None, columns: IntArray | None = None
) -> Matches:
    """Pair rows with columns so that the sum of ``cost`` over pairs, counting ``limit`` for the unpaired, is smallest.

    Costs above ``limit`` (``inf`` too) are made equal *before* solving. A solver that sees the true costs of pairs
    that will be thrown away gives up good pairs for them.

    Args:
        cost: (M, N), no NaN.
        limit: largest cost of a pair.
        rows, columns: the ones that take part; all if None. Results are in terms of these.

    Returns:
        Pairs in the order of ``rows``. Unmatched columns list first those that the solver left out, in the order of
        ``columns``, then those whose only partner was too expensive: the order in which DeepSORT numbers new tracks.
    """
    part = cost if rows is None else cost.take(rows, 0)
    part = part if columns is None else part.take(columns, 1)
    rows = np.arange(cost.shape[0]) if rows is None else rows
    columns = np.arange(cost.shape[1]) if columns is None else columns
    if not len(rows) or not len(columns):
        none = np.zeros(0, np.int64)
        return Matches(none, none, rows, columns)
    part = np.where(part > limit, limit + MARGIN, part)
    row, column = linear_sum_assignment(part)
    accepted = part[row, column] <= limit
    free_columns = np.ones(len(columns), bool)
    free_columns[column] = False
    unmatched_columns = np.concatenate([columns[free_columns], columns[column[~accepted]]])
    row, column = row[accepted], column[accepted]
    free_rows = np.ones(len(rows), bool)
    free_rows[row] = False
    return Matches(rows[row], columns[column], rows[free_rows], unmatched_columns)


def assign_most(cost: FloatArray, allowed: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """As many allowed pairs of rows and columns as there can be, and among such choices the cheapest.

    Args:
        cost: (M, N), finite where allowed.
        allowed: (M, N).

    Returns:
        Rows in rising order, and the column of each.
    """
    if not allowed.any():
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    low, high = cost[allowed].min(), cost[allowed].max()
    # one forbidden pair is dearer than any number of allowed ones
    forbidden = (high - low + 1) * (min(cost.shape) + 1)
    rows, columns = linear_sum_assignment(np.where(allowed, cost - low, forbidden))
    kept = allowed[rows, columns]
    return rows[kept], columns[kept]


def box_iou(first: FloatArray, second: FloatArray) -> FloatArray:
    """Intersection over union (M, N) of boxes (M, 4) and (N, 4). Boxes without area overlap nothing."""
    x1, y1, x2, y2 = first.T
    u1, v1, u2, v2 = np.ascontiguousarray(second.T)  # (N,) each, in one piece: they are read M times
    common = _shared_length(x1, x2, u1, u2)  # (M, N)
    common *= _shared_length(y1, y2, v1, v2)
    flat = common.reshape(-1)
    pairs = np.flatnonzero(flat > 0)  # most boxes are far apart, and dividing is slow
    if len(pairs):
        row, column = np.divmod(pairs, len(second))
        union = ((x2 - x1) * (y2 - y1))[row] + ((u2 - u1) * (v2 - v1))[column] - flat[pairs]
        flat[pairs] /= np.maximum(union, 1e-6)
    return common


def _shared_length(start: FloatArray, end: FloatArray, other_start: FloatArray, other_end: FloatArray) -> FloatArray:
    """Length (M, N) that intervals (M,) and (N,) have in common."""
    length = np.minimum(end[:, None], other_end)
    length -= np.maximum(start[:, None], other_start)
    return np.maximum(length, 0, out=length)


def mask_iou(first: Sequence[RLE], second: Sequence[RLE]) -> FloatArray:
    """Intersection over union (M, N) of masks as RLE, in one call.

    Raises:
        DataError: the masks are not all of one size.
    """
    if not len(first) or not len(second):
        return np.zeros((len(first), len(second)))
    sizes = sorted({tuple(mask['size']) for mask in (*first, *second)})
    if len(sizes) > 1:
        raise DataError(f'masks of one video have different sizes (height, width): {sizes}')
    return np.asarray(coco_mask.iou(list(first), list(second), [0] * len(second)), np.float64)


def forbid_other_classes(cost: FloatArray, labels: IntArray, other_labels: IntArray) -> FloatArray:
    """``cost`` (M, N) with ``inf`` where the classes (M,) and (N,) differ."""
    if cost.size and (labels == labels[0]).all() and (other_labels == labels[0]).all():
        return cost
    return np.where(labels[:, None] == other_labels[None], cost, np.inf)
