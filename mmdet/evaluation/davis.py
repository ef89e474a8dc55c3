"""DAVIS 2016 and 2017: J and F of every object with mean, recall and decay, semi-supervised and unsupervised.

Conventions are those of the official evaluation (davis2017-evaluation), so numbers agree: semi-supervised leaves out
the first and last frame and takes void as background; unsupervised scores all frames, takes void out of both sides, and
gives every object of the ground truth the proposal that is best for all objects together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from scipy.optimize import linear_sum_assignment

from mmdet.errors import ConfigError, DataError
from mmdet.evaluation.mask_similarity import (
    TOLERANCE,
    accuracy,
    boundary_tolerance,
    box_around,
    outline,
    similarity,
)
from mmdet.evaluation.tables import text_table
from mmdet.sequences.label_maps import VOID

__all__ = ['MEASURES', 'TASKS', 'DavisScores', 'SequenceScores', 'Task', 'evaluate_sequence', 'statistics']

Task = Literal['semi-supervised', 'unsupervised']
TASKS: tuple[str, ...] = get_args(Task)
MEASURES = ('J', 'F')
STATISTICS = ('Mean', 'Recall', 'Decay')
MAX_PROPOSALS = 20
_PARTS = 4  # of a sequence, for the decay


@dataclass(frozen=True)
class SequenceScores:
    """J and F of one sequence.

    Attributes:
        name: of the sequence.
        objects: (N,) numbers in the ground truth.
        frames: (T,) indices of the frames that were scored.
        J: (N, T) region similarity.
        F: (N, T) boundary accuracy.
        proposals: (N,) numbers in the result of what the objects were compared with.
    """

    name: str
    objects: tuple[int, ...]
    frames: tuple[int, ...]
    J: np.ndarray
    F: np.ndarray
    proposals: tuple[int, ...]

    def by_proposal(self) -> SequenceScores:
        """The same with rows in the order of the proposals, as the official program lists the unsupervised task."""
        order = np.argsort(self.proposals)
        objects, proposals = (tuple(np.array(n)[order].tolist()) for n in (self.objects, self.proposals))
        return SequenceScores(self.name, objects, self.frames, self.J[order], self.F[order], proposals)


def statistics(values: np.ndarray) -> np.ndarray:
    """Mean, recall (share above 0.5) and decay (first quarter minus last) of series (..., T): (..., 3).

    Quarters share their border frames. The official program holds the borders in 8 bits, which is wrong from 257 frames
    on; these are not.

    Raises:
        DataError: there are no frames.
    """
    length = values.shape[-1]
    if length == 0:
        raise DataError('a series without frames has no mean: semi-supervised scoring needs at least 3 frames')
    borders = np.round(np.linspace(1, length, _PARTS + 1) + 1e-10).astype(int) - 1
    first = values[..., borders[0] : borders[1] + 1].mean(-1)
    last = values[..., borders[-2] : borders[-1] + 1].mean(-1)
    return np.stack([values.mean(-1), (values > 0.5).mean(-1), first - last], axis=-1)


def evaluate_sequence(
    truth: np.ndarray, result: np.ndarray, task: Task = 'semi-supervised', name: str = '', tolerance: float = TOLERANCE
) -> SequenceScores:
    """J and F of a sequence.

    Args:
        truth: (T, H, W) uint8 object numbers, 0 background, 255 void; objects are 1 to the highest of frame 0.
        result: (T, H, W) uint8 object numbers (semi-supervised: those of the truth; missing ones are empty).
        task: of :data:`TASKS`.
        name: of the sequence, for messages.
        tolerance: of boundaries, as a share of the diagonal.

    Raises:
        DataError: different shapes, no object, objects that the truth does not have, or too many proposals.
        ConfigError: an unknown task.
    """
    where = f'sequence {name}: ' if name else ''
    if truth.shape != result.shape:
        raise DataError(f'{where}the result is of (frames, height, width) {result.shape}, the truth of {truth.shape}')
    if task not in TASKS:
        raise ConfigError(f'task {task!r} does not exist; use {" or ".join(TASKS)}')
    count = _highest(truth[0])
    if count == 0:
        raise DataError(f'{where}the first frame of the ground truth has no object')
    radius = boundary_tolerance(truth.shape[1], truth.shape[2], tolerance)
    objects = range(1, count + 1)
    if task == 'unsupervised':
        return _unsupervised(truth, result, objects, radius, name)
    highest = _highest(result)
    if count < highest <= _highest(truth):
        raise DataError(
            f'{where}object {highest} begins after the first frame; DAVIS scores objects of the first frame alone, '
            'YouTubeVOSMetric all'
        )
    if highest > count:
        raise DataError(f'{where}the result has object {highest}, the ground truth {count} objects')
    return object_scores(truth, result, objects, range(1, len(truth) - 1), radius, name)


def object_scores(
    truth: np.ndarray, result: np.ndarray, objects: range | tuple[int, ...], frames: range, radius: int, name: str = ''
) -> SequenceScores:
    """J and F of every object, truth and result having the same numbers, in the given frames."""
    if len(frames) == 0:
        raise DataError(f'sequence {name}: none of its {len(truth)} frames is scored; it needs at least 3')
    scores = np.empty((2, len(objects), len(frames)))
    for column, t in enumerate(frames):
        for row, number in enumerate(objects):
            own, found = (truth[t] == number).view(np.uint8), (result[t] == number).view(np.uint8)
            box = box_around(own | found)
            a, b = outline(own, radius, box), outline(found, radius, box)
            scores[:, row, column] = similarity(a, b), accuracy(a, b)
    return SequenceScores(name, tuple(objects), tuple(frames), scores[0], scores[1], tuple(objects))


def _unsupervised(truth: np.ndarray, result: np.ndarray, objects: range, radius: int, name: str) -> SequenceScores:
    result = np.where(truth == VOID, 0, result)
    proposals = range(1, _highest(result) + 1)
    if len(proposals) > MAX_PROPOSALS:
        raise DataError(f'sequence {name}: {len(proposals)} proposals; the benchmark takes at most {MAX_PROPOSALS}')
    width = max(len(proposals), len(objects))  # objects without a proposal are compared with empty masks
    scores = np.empty((2, len(objects), width, len(truth)))
    for t in range(len(truth)):
        box = box_around(truth[t] | result[t])
        found = [outline(result[t] == p, radius, box) for p in range(1, width + 1)]
        for row, number in enumerate(objects):
            own = outline(truth[t] == number, radius, box)
            scores[0, row, :, t] = [similarity(own, other) for other in found]
            scores[1, row, :, t] = [accuracy(own, other) for other in found]
    chosen, proposal = linear_sum_assignment(scores.mean((0, 3)), maximize=True)
    j, f = scores[:, chosen, proposal]
    return SequenceScores(
        name, tuple(objects), tuple(range(len(truth))), j, f, tuple((proposal + 1).tolist())
    )


def _highest(labels: np.ndarray) -> int:
    """Highest number of an object; void is none."""
    highest = int(labels.max(initial=0))  # much faster than a maximum with a condition, which is seldom needed
    return highest if highest != VOID else int(np.max(labels, where=labels != VOID, initial=0))


@dataclass
class DavisScores:
    """J and F of a set of sequences; an object counts as much as any other, whatever its sequence."""

    sequences: list[SequenceScores] = field(default_factory=list)

    @property
    def per_object(self) -> dict[str, dict[str, float]]:
        """``<sequence>_<object>`` -> ``J-Mean`` ... ``F-Decay``."""
        table: dict[str, dict[str, float]] = {}
        for scores in self.sequences:
            numbers = {m: statistics(getattr(scores, m)) for m in MEASURES}  # (N, 3) each
            for row, number in enumerate(scores.objects):
                table[f'{scores.name}_{number}'] = {
                    f'{m}-{s}': float(numbers[m][row, i]) for m in MEASURES for i, s in enumerate(STATISTICS)
                }
        return table

    @property
    def numbers(self) -> dict[str, float]:
        """``J&F-Mean`` and mean, recall and decay of both measures over all objects."""
        if not self.sequences:
            raise DataError('no sequence was scored')
        rows = self.per_object.values()
        means = {f'{m}-{s}': float(np.mean([row[f'{m}-{s}'] for row in rows])) for m in MEASURES for s in STATISTICS}
        return {'J&F-Mean': (means['J-Mean'] + means['F-Mean']) / 2, **means}

    @property
    def per_sequence(self) -> dict[str, dict[str, float]]:
        """Means over the objects of every sequence."""
        numbers: Mapping[str, dict[str, float]] = {s.name: DavisScores([s]).numbers for s in self.sequences}
        return dict(numbers)

    def table(self) -> str:
        """All numbers as text: the whole set, then every object."""
        whole = self.numbers
        head = ['', *(f'{m}-{s}' for m in MEASURES for s in STATISTICS)]
        rows: list[list[str | float | int]] = [
            [name, *(row[key] for key in head[1:])] for name, row in self.per_object.items()
        ]
        overall = text_table(list(whole), [list(whole.values())])
        return f'{overall}\n\n{text_table(head, rows)}'

    def as_dict(self) -> dict[str, object]:
        """Every number, ready for JSON."""
        return {**self.numbers, 'per_sequence': self.per_sequence, 'per_object': self.per_object}
