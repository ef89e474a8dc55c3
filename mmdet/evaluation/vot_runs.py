"""What a tracker did on VOT sequences under the reset protocol: the data that both tool kits' numbers are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmdet.errors import DataError

__all__ = [
    'BURN_IN',
    'FAILED',
    'SKIP',
    'SKIPPED',
    'STARTED',
    'TRACKED',
    'Compare',
    'Trajectory',
    'VOTRun',
    'expected_overlaps',
]

SKIPPED, STARTED, FAILED, TRACKED = 0, 1, 2, 3  # the first three as result files write them
SKIP = 5  # frames from a failure to the next start
BURN_IN = 10  # frames from a start that say more about the start than about the tracker
Compare = Callable[[np.ndarray, np.ndarray], np.ndarray]  # overlaps (N,) of polygons (N, 4, 2) and (N, 4, 2)


@dataclass(frozen=True)
class Trajectory:
    """One run over a sequence of T frames.

    Attributes:
        states: (T,) one of :data:`STARTED`, :data:`FAILED`, :data:`SKIPPED`, :data:`TRACKED`.
        polygons: (T, 4, 2) corners; NaN where not tracked.
    """

    states: np.ndarray
    polygons: np.ndarray

    def overlaps(self, truth: np.ndarray, compare: Compare) -> np.ndarray:
        """Overlap with the ground truth (T, 4, 2) in every frame, (T,); NaN where not tracked."""
        values = np.full(len(self.states), np.nan)
        tracked = np.flatnonzero(self.states == TRACKED)
        values[tracked] = compare(truth[tracked], self.polygons[tracked])
        return values

    @property
    def failures(self) -> np.ndarray:
        """Frames in which the target was lost."""
        return np.flatnonzero(self.states == FAILED)

    @property
    def starts(self) -> np.ndarray:
        """Frames in which the target was given."""
        return np.flatnonzero(self.states == STARTED)

    def settled(self, overlaps: np.ndarray) -> np.ndarray:
        """Overlaps (T,) with the frames of the burn-in unknown."""
        values = overlaps.copy()
        for start in self.starts:
            values[start : start + BURN_IN] = np.nan
        return values


@dataclass(frozen=True)
class VOTRun:
    """Everything about one sequence that is scored.

    Attributes:
        name: of the sequence.
        truth: (T, 4, 2) annotated corners.
        size: (H, W) of its frames.
        repetitions: runs over it; one for a tracker without randomness.
        attributes: (T,) bool by name of what is annotated about its frames: occlusion, camera_motion, ...
    """

    name: str
    truth: np.ndarray
    size: tuple[int, int]
    repetitions: tuple[Trajectory, ...]
    attributes: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.repetitions:
            raise DataError(f'sequence {self.name}: no result to score')
        for trajectory in self.repetitions:
            if len(trajectory.states) != len(self.truth):
                raise DataError(
                    f'sequence {self.name}: the result has {len(trajectory.states)} frames, the truth {len(self.truth)}'
                )

    @property
    def failures(self) -> float:
        """How often the target was lost, the mean over repetitions."""
        return float(np.mean([len(trajectory.failures) for trajectory in self.repetitions]))

    def overlaps(self, compare: Compare) -> list[np.ndarray]:
        """Overlaps (T,) of every repetition."""
        return [trajectory.overlaps(self.truth, compare) for trajectory in self.repetitions]


def expected_overlaps(
    pieces: Sequence[tuple[np.ndarray, bool]], weights: Sequence[float], length: int
) -> np.ndarray:
    """Expected average overlap (length,) of a sequence that ends at frame index i; NaN at 0 and where nothing reaches.

    Args:
        pieces: overlaps from a start on, and whether the target was lost at their end: it then stays lost, with overlap
            0 to the greatest length, while a piece that ends with its sequence says nothing about what would have come.
        weights: of the pieces.
        length: number of frames of the result, at least that of every piece.
    """
    table = np.zeros((len(pieces), length))
    known = np.ones_like(table, dtype=bool)
    for row, (values, lost) in enumerate(pieces):
        table[row, : len(values)] = values
        known[row, len(values) :] = lost
    table[:, 0] = 0
    means = np.cumsum(table, axis=1) / np.maximum(np.arange(length), 1)  # of frames 1 to i
    share = np.array(weights)[:, None] * known
    with np.errstate(invalid='ignore', divide='ignore'):
        curve = (means * share).sum(0) / share.sum(0)
    curve[0] = np.nan
    return curve
