"""VOT numbers as the benchmark's own Python tool kit (``vot-toolkit``) computes them for its supervised experiment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdet.errors import DataError
from mmdet.evaluation.region_overlap import raster_overlap
from mmdet.evaluation.vot_runs import Compare, Trajectory, VOTRun, expected_overlaps

__all__ = ['accuracy', 'compare_in', 'eao_curve', 'robustness']


def compare_in(size: tuple[int, int]) -> Compare:
    """Overlaps in frames of ``size`` (H, W): halves are rounded to even corners, just the frame's pixels count."""
    bounds = (size[1] - 1, size[0] - 1)
    return lambda truth, found: raster_overlap(np.round(truth), np.round(found), bounds, touching=True)


def accuracy(runs: Sequence[VOTRun]) -> float:
    """Mean over sequences, weighed by their lengths, of the mean over repetitions of the settled frames' mean overlap.

    A run without a settled frame has accuracy 0.
    """
    return float(np.average([_accuracy(run) for run in runs], weights=[len(run.truth) for run in runs]))


def _accuracy(run: VOTRun) -> float:
    overlaps = run.overlaps(compare_in(run.size))
    return float(np.mean([_mean(trajectory.settled(values)) for trajectory, values in zip(run.repetitions, overlaps)]))


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else 0.0


def robustness(runs: Sequence[VOTRun]) -> float:
    """Failures per sequence, the mean weighed by the sequences' lengths."""
    return float(np.average([run.failures for run in runs], weights=[len(run.truth) for run in runs]))


def eao_curve(runs: Sequence[VOTRun]) -> np.ndarray:
    """Curve of :func:`~mmdet.evaluation.vot_runs.expected_overlaps`, as long as the longest piece.

    A piece reaches from a start up to its failure, or to the end of the sequence; every one has the same weight, so
    that a sequence with three repetitions counts three times. After a failure the target is lost for good, also where
    the sequence ends before the next start.
    """
    pieces = [
        piece
        for run in runs
        for trajectory, overlaps in zip(run.repetitions, run.overlaps(compare_in(run.size)))
        for piece in _pieces(np.nan_to_num(overlaps), trajectory, run.name)
    ]
    return expected_overlaps(pieces, [1.0] * len(pieces), max(len(values) for values, _ in pieces))


def _pieces(overlaps: np.ndarray, trajectory: Trajectory, name: str) -> list[tuple[np.ndarray, bool]]:
    """Overlaps from each start to its failure, and whether there was one."""
    starts, failures = trajectory.starts.tolist(), trajectory.failures.tolist()
    if not failures:
        return [(overlaps, False)]
    if len(starts) < len(failures):
        raise DataError(f'sequence {name}: {len(failures)} failures in a result with {len(starts)} starts')
    ended = [(overlaps[start:stop], True) for start, stop in zip(starts, failures)]
    return [*ended, (overlaps[starts[-1] :], False)] if len(starts) > len(failures) else ended
