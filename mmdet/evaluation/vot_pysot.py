"""VOT numbers as the tool kit of pysot and SiamMask computes them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from mmdet.evaluation.region_overlap import raster_overlap
from mmdet.evaluation.vot_runs import SKIP, Compare, VOTRun, expected_overlaps

__all__ = ['accuracy', 'compare_in', 'eao_curve', 'robustness']


def compare_in(size: tuple[int, int], inset: int = 0) -> Compare:
    """Overlaps in frames of ``size`` (H, W).

    Accuracy counts one column and one row more than the frame has (``inset=0``), EAO just its pixels (``inset=1``).
    """
    bounds = (size[1] - inset, size[0] - inset)
    return lambda truth, found: raster_overlap(truth, found, bounds)


def accuracy(runs: Sequence[VOTRun]) -> float:
    """Mean overlap of all settled frames of all sequences and repetitions together; NaN without any."""
    values = np.concatenate(
        [
            trajectory.settled(overlaps)
            for run in runs
            for trajectory, overlaps in zip(run.repetitions, run.overlaps(compare_in(run.size)))
        ]
    )
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float('nan')


def robustness(runs: Sequence[VOTRun]) -> float:
    """Failures per 100 frames of all sequences together, as published tables of the SiamRPN family have them."""
    return 100 * sum(run.failures for run in runs) / sum(len(run.truth) for run in runs)


def eao_curve(runs: Sequence[VOTRun]) -> np.ndarray:
    """Curve of :func:`~mmdet.evaluation.vot_runs.expected_overlaps`, as long as the longest sequence.

    A piece reaches from a start to the next one and is weighed by the number of the sequence's repetitions. A failure
    so near the end that nothing starts after it ends no piece: what follows counts as unknown.
    """
    pieces, weights = [], []
    for run in runs:
        for trajectory, overlaps in zip(run.repetitions, run.overlaps(compare_in(run.size, inset=1))):
            found = _pieces(np.nan_to_num(overlaps), trajectory.failures)
            pieces += found
            weights += [1 / len(run.repetitions)] * len(found)
    return expected_overlaps(pieces, weights, max(len(run.truth) for run in runs))


def _pieces(overlaps: np.ndarray, failures: np.ndarray) -> list[tuple[np.ndarray, bool]]:
    """Overlaps from each start to the next one, and whether the piece ended in a failure."""
    starts = [0, *(int(f) + SKIP for f in failures if f + SKIP <= len(overlaps))]
    ended = [(overlaps[start : stop + 1], True) for start, stop in itertools.pairwise(starts)]
    return [*ended, (overlaps[starts[-1] :], False)]
