"""VOT: accuracy, robustness and expected average overlap (EAO) of runs under the reset protocol (Kristan et al., 2016).

Two programs compute them, and their numbers differ; ``protocol`` chooses:

==================  ================================================  ==================================================
                    ``pysot``                                         ``toolkit``
==================  ================================================  ==================================================
accuracy            mean over all frames of all sequences together    mean per sequence, weighted by its length
EAO                 mean of the curve at indices low - 1 to high - 1  mean of the curve at indices low to high
interval for 2016   100 to 356, as for 2017 and 2018                  108 to 371
==================  ================================================  ==================================================

Robustness is failures per 100 frames in both, as in the published tables of the SiamRPN family (times 100).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from mmdet.errors import ConfigError, DataError
from mmdet.evaluation.region_overlap import raster_overlap

__all__ = ['INTERVALS', 'PROTOCOLS', 'Protocol', 'Trajectory', 'VOTRun', 'eao_curve', 'evaluate_vot', 'interval_of']

Protocol = Literal['pysot', 'toolkit']
PROTOCOLS: tuple[str, ...] = get_args(Protocol)
SKIPPED, STARTED, FAILED, TRACKED = 0, 1, 2, 3  # the first three as result files write them
SKIP = 5  # frames from a failure to the next start
BURN_IN = 10  # frames from a start that say more about the start than about the tracker
INTERVALS = {2016: (100, 356), 2017: (100, 356), 2018: (100, 356), 2019: (46, 291)}
OFFICIAL_2016 = (108, 371)


@dataclass(frozen=True)
class Trajectory:
    """One run over a sequence of T frames.

    Attributes:
        states: (T,) one of :data:`STARTED`, :data:`FAILED`, :data:`SKIPPED`, :data:`TRACKED`.
        polygons: (T, 4, 2) corners; NaN where not tracked.
    """

    states: np.ndarray
    polygons: np.ndarray

    def overlaps(self, truth: np.ndarray, bounds: tuple[int, int]) -> np.ndarray:
        """Overlap with the ground truth (T, 4, 2) in every frame, (T,); NaN where not tracked."""
        values = np.full(len(self.states), np.nan)
        tracked = np.flatnonzero(self.states == TRACKED)
        values[tracked] = raster_overlap(truth[tracked], self.polygons[tracked], bounds)
        return values

    @property
    def failures(self) -> np.ndarray:
        """Frames in which the target was lost."""
        return np.flatnonzero(self.states == FAILED)


@dataclass(frozen=True)
class VOTRun:
    """Everything about one sequence that is scored.

    Attributes:
        name: of the sequence.
        truth: (T, 4, 2) annotated corners.
        size: (H, W) of its frames.
        repetitions: runs over it; one for a tracker without randomness.
    """

    name: str
    truth: np.ndarray
    size: tuple[int, int]
    repetitions: tuple[Trajectory, ...]

    def __post_init__(self) -> None:
        if not self.repetitions:
            raise DataError(f'sequence {self.name}: no result to score')
        for trajectory in self.repetitions:
            if len(trajectory.states) != len(self.truth):
                raise DataError(
                    f'sequence {self.name}: the result has {len(trajectory.states)} frames, the truth {len(self.truth)}'
                )

    def overlaps(self, inset: int) -> list[np.ndarray]:
        """Overlaps (T,) of every repetition with the frame's right and bottom border moved in by ``inset``."""
        bounds = (self.size[1] - inset, self.size[0] - inset)
        return [trajectory.overlaps(self.truth, bounds) for trajectory in self.repetitions]


def interval_of(year: int, protocol: Protocol) -> tuple[int, int]:
    """Sequence lengths low to high over which EAO is averaged.

    Raises:
        ConfigError: a year or protocol that does not exist.
    """
    _check_protocol(protocol)
    if year not in INTERVALS:
        raise ConfigError(f'VOT {year} is not known; use one of {", ".join(map(str, INTERVALS))}, or give an interval')
    return OFFICIAL_2016 if (year, protocol) == (2016, 'toolkit') else INTERVALS[year]


def evaluate_vot(runs: Sequence[VOTRun], interval: tuple[int, int], protocol: Protocol = 'pysot') -> dict[str, float]:
    """``accuracy``, ``robustness`` (failures per 100 frames), ``lost`` (failures) and ``EAO`` of a set of sequences.

    Raises:
        ConfigError: an unknown protocol, or an interval that no sequence reaches.
    """
    _check_protocol(protocol)
    if not runs:
        raise DataError('no sequence was scored')
    frames = sum(len(run.truth) for run in runs)
    lost = sum(float(np.mean([len(t.failures) for t in run.repetitions])) for run in runs)
    return {
        'accuracy': _accuracy(runs, protocol),
        'robustness': 100 * lost / frames,
        'lost': lost,
        'EAO': _expected_overlap(eao_curve(runs), interval, protocol),
    }


def eao_curve(runs: Sequence[VOTRun]) -> np.ndarray:
    """Expected average overlap of a sequence that ends at frame index i, (L,); NaN at 0 and where nothing reaches.

    Every start gives a piece. One that ends in a failure counts on with overlap 0 to the greatest length, as the target
    stays lost; one that ends with its sequence says nothing about what would have come.
    """
    pieces, weights = [], []
    for run in runs:
        for trajectory, values in zip(run.repetitions, run.overlaps(1)):
            found = _pieces(np.nan_to_num(values), trajectory.failures)
            pieces += found
            weights += [1 / len(run.repetitions)] * len(found)
    longest = max(len(run.truth) for run in runs)
    table = np.zeros((len(pieces), longest))
    known = np.ones_like(table, dtype=bool)
    for row, (values, ends_in_failure) in enumerate(pieces):
        table[row, : len(values)] = values
        known[row, len(values) :] = ends_in_failure
    table[:, 0] = 0
    means = np.cumsum(table, axis=1) / np.maximum(np.arange(longest), 1)  # of frames 1 to i
    share = np.array(weights)[:, None] * known
    with np.errstate(invalid='ignore', divide='ignore'):
        curve = (means * share).sum(0) / share.sum(0)
    curve[0] = np.nan
    return curve


def _pieces(overlaps: np.ndarray, failures: np.ndarray) -> list[tuple[np.ndarray, bool]]:
    """Overlaps from each start to the next one, and whether the piece ended in a failure."""
    starts = [0, *(int(f) + SKIP for f in failures if f + SKIP <= len(overlaps))]
    ended = [(overlaps[start : stop + 1], True) for start, stop in itertools.pairwise(starts)]
    return [*ended, (overlaps[starts[-1] :], False)]


def _accuracy(runs: Sequence[VOTRun], protocol: Protocol) -> float:
    means, counts, everything = [], [], []
    for run in runs:
        values = np.concatenate([_settled(t, v) for t, v in zip(run.repetitions, run.overlaps(0))])
        values = values[~np.isnan(values)]
        everything.append(values)
        if len(values):
            means.append(values.mean())
            counts.append(len(run.truth))
    if not means:
        return float('nan')
    return float(np.concatenate(everything).mean() if protocol == 'pysot' else np.average(means, weights=counts))


def _settled(trajectory: Trajectory, overlaps: np.ndarray) -> np.ndarray:
    """Overlaps with the frames of the burn-in unknown."""
    values = overlaps.copy()
    for start in np.flatnonzero(trajectory.states == STARTED):
        values[start : start + BURN_IN] = np.nan
    return values


def _expected_overlap(curve: np.ndarray, interval: tuple[int, int], protocol: Protocol) -> float:
    low, high = interval
    shift = 1 if protocol == 'pysot' else 0
    values = curve[low - shift : high - shift + 1]
    values = values[~np.isnan(values)]
    if not 1 <= low <= high or not len(values):
        raise ConfigError(
            f'EAO over the interval {low} to {high} cannot be computed: the longest sequence has {len(curve)} frames; '
            f'choose an interval that fits the sequences'
        )
    return float(values.mean())


def _check_protocol(protocol: str) -> None:
    if protocol not in PROTOCOLS:
        raise ConfigError(f'VOT protocol {protocol!r} does not exist; use {" or ".join(PROTOCOLS)}')
