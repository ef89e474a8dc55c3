"""VOT: accuracy, robustness and expected average overlap (EAO) of runs under the reset protocol (Kristan et al., 2016).

Two programs compute them, and their numbers differ; ``protocol`` chooses:

=====================  ============================================  ================================================
                       ``pysot``                                     ``toolkit``
=====================  ============================================  ================================================
accuracy               mean over all frames of all sequences         mean per run, 0 without a settled frame; runs of a
                                                                     sequence averaged, sequences weighed by length
robustness             failures per 100 frames                       failures per sequence, weighed by length
EAO                    mean of the curve at low - 1 to high - 1      mean of the curve at low to high
a lost run's piece     ends with the next start                      ends with the failure
lost near the end      what follows is unknown                       overlap 0 up to the longest run
repetitions in EAO     weigh 1 / their number                        weigh 1 each
frame's border         one pixel further out for accuracy            the last pixel
interval for 2016      100 to 356, as for 2017 and 2018              108 to 371
=====================  ============================================  ================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from mmdet.errors import ConfigError, DataError
from mmdet.evaluation import vot_pysot, vot_toolkit
from mmdet.evaluation.average_precision import ABSENT
from mmdet.evaluation.tables import text_table
from mmdet.evaluation.vot_runs import Compare, VOTRun

__all__ = [
    'INTERVALS',
    'PROTOCOLS',
    'Protocol',
    'attribute_table',
    'evaluate_vot',
    'frame_overlaps',
    'interval_of',
    'per_attribute',
]

Protocol = Literal['pysot', 'toolkit']
PROTOCOLS: tuple[str, ...] = get_args(Protocol)
INTERVALS = {2016: (100, 356), 2017: (100, 356), 2018: (100, 356), 2019: (46, 291)}
OFFICIAL_2016 = (108, 371)


@dataclass(frozen=True)
class _Definition:
    """One program's numbers; ``first`` is the index of its EAO curve that stands for an interval's 1."""

    accuracy: Callable[[Sequence[VOTRun]], float]
    robustness: Callable[[Sequence[VOTRun]], float]
    eao_curve: Callable[[Sequence[VOTRun]], np.ndarray]
    compare_in: Callable[[tuple[int, int]], Compare]
    first: int


_DEFINITIONS = {
    'pysot': _Definition(vot_pysot.accuracy, vot_pysot.robustness, vot_pysot.eao_curve, vot_pysot.compare_in, 0),
    'toolkit': _Definition(
        vot_toolkit.accuracy, vot_toolkit.robustness, vot_toolkit.eao_curve, vot_toolkit.compare_in, 1
    ),
}


def interval_of(year: int, protocol: Protocol) -> tuple[int, int]:
    """Sequence lengths low to high over which EAO is averaged.

    Raises:
        ConfigError: a year or protocol that does not exist.
    """
    _definition(protocol)
    if year not in INTERVALS:
        raise ConfigError(f'VOT {year} is not known; use one of {", ".join(map(str, INTERVALS))}, or give an interval')
    return OFFICIAL_2016 if (year, protocol) == (2016, 'toolkit') else INTERVALS[year]


def evaluate_vot(runs: Sequence[VOTRun], interval: tuple[int, int], protocol: Protocol = 'pysot') -> dict[str, float]:
    """``EAO``, by which the benchmark ranks, ``accuracy``, ``robustness`` and ``lost`` (failures) of sequences.

    Raises:
        ConfigError: an unknown protocol, or an interval that no sequence reaches.
        DataError: no sequence, or a run with more failures than starts.
    """
    definition = _definition(protocol)
    if not runs:
        raise DataError('no sequence was scored')
    return {
        'EAO': _mean_over(definition.eao_curve(runs), interval, definition.first),
        'accuracy': definition.accuracy(runs),
        'robustness': definition.robustness(runs),
        'lost': sum(run.failures for run in runs),
    }


def frame_overlaps(run: VOTRun, protocol: Protocol = 'pysot') -> list[np.ndarray]:
    """Overlaps (T,) in every frame of each repetition, as accuracy counts them; NaN where nothing was tracked."""
    return run.overlaps(_definition(protocol).compare_in(run.size))


def per_attribute(runs: Sequence[VOTRun], protocol: Protocol = 'pysot') -> dict[str, dict[str, float]]:
    """``accuracy``, ``lost`` and ``frames`` of the frames that have an attribute, by its name.

    Accuracy is the mean over those frames of all sequences together, -1 where none is settled; failures are a mean
    over repetitions. Sequences without the attribute's file are left out.
    """
    names = list(dict.fromkeys(name for run in runs for name in run.attributes))
    return {name: _with_attribute([run for run in runs if name in run.attributes], name, protocol) for name in names}


def _with_attribute(runs: Sequence[VOTRun], name: str, protocol: Protocol) -> dict[str, float]:
    values, lost, frames = [], 0.0, 0
    for run in runs:
        where = run.attributes[name]
        overlaps = frame_overlaps(run, protocol)
        values += [t.settled(o)[where] for t, o in zip(run.repetitions, overlaps)]
        lost += float(np.mean([where[t.failures].sum() for t in run.repetitions]))
        frames += int(where.sum())
    known = np.concatenate(values)
    known = known[~np.isnan(known)]
    return {'accuracy': float(known.mean()) if len(known) else ABSENT, 'lost': lost, 'frames': frames}


def attribute_table(numbers: Mapping[str, Mapping[str, float]]) -> str:
    """Numbers of :func:`per_attribute` as text."""
    rows: list[list[str | float | int]] = [
        [name, int(row['frames']), row['accuracy'], row['lost']] for name, row in numbers.items()
    ]
    return text_table(['attribute', 'frames', 'accuracy', 'lost'], rows)


def _mean_over(curve: np.ndarray, interval: tuple[int, int], first: int) -> float:
    low, high = interval
    values = curve[low - 1 + first : high + first]
    values = values[~np.isnan(values)]
    if not 1 <= low <= high or not len(values):
        raise ConfigError(
            f'EAO over the interval {low} to {high} cannot be computed: the longest run has {len(curve)} frames; '
            f'choose an interval that fits the sequences'
        )
    return float(values.mean())


def _definition(protocol: str) -> _Definition:
    if protocol not in _DEFINITIONS:
        raise ConfigError(f'VOT protocol {protocol!r} does not exist; use {" or ".join(PROTOCOLS)}')
    return _DEFINITIONS[protocol]
