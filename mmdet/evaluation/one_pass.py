"""One-pass evaluation of single object tracking: success and precision (Wu, Lim and Yang, CVPR 2013).

The tracker starts once, on the first frame, and is never started again. Both numbers leave that frame out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdet.errors import DataError

__all__ = ['box_ious', 'evaluate_one_pass']

THRESHOLDS = np.linspace(0, 1, 21)  # of overlap
PRECISION_AT = 20.0  # pixels between the centres


def box_ious(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union, row by row, of boxes x1 y1 x2 y2 (T, 4): (T,); 0 where both are empty."""
    inter = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    inter = inter.clip(0).prod(1)
    area = [(boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1) for boxes in (first, second)]
    return inter / np.maximum(area[0] + area[1] - inter, 1e-12)


def evaluate_one_pass(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """``success`` (area under the curve) and ``precision`` (centres at most 20 pixels apart), means over sequences.

    Args:
        pairs: (truth, result) of every sequence: boxes x1 y1 x2 y2, (T, 4) each.

    Raises:
        DataError: no sequence, different lengths, or a sequence of one frame.
    """
    if not pairs:
        raise DataError('no sequence was scored')
    success, precision = [], []
    for index, (truth, result) in enumerate(pairs):
        if truth.shape != result.shape or len(truth) < 2:
            raise DataError(f'sequence {index}: {len(result)} boxes for {len(truth)} frames; 2 are needed at least')
        ious = box_ious(truth[1:], result[1:])
        centres = [(boxes[1:, :2] + boxes[1:, 2:]) / 2 for boxes in (truth, result)]
        success.append((ious[:, None] > THRESHOLDS).mean())
        precision.append((np.linalg.norm(centres[0] - centres[1], axis=1) <= PRECISION_AT).mean())
    return {'success': float(np.mean(success)), 'precision': float(np.mean(precision))}
