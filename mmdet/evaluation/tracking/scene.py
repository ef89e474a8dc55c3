"""The one form in which boxes and masks of a sequence reach the metrics over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """Who is where in a sequence, and how alike: N true objects, M results, P pairs of the same frame that overlap.

    Everything is ordered by frame. Tracks are numbered from 0; pairs without overlap are not listed.

    Attributes:
        num_frames: T.
        truth_frames, truth_tracks: (N,).
        result_frames, result_tracks: (M,).
        truth_rows, result_rows: (P,) positions in the arrays above.
        overlaps: (P,) in (0, 1].
        num_truth_tracks, num_result_tracks: numbers of different tracks.
    """

    num_frames: int
    truth_frames: IntArray
    truth_tracks: IntArray
    result_frames: IntArray
    result_tracks: IntArray
    truth_rows: IntArray
    result_rows: IntArray
    overlaps: FloatArray
    num_truth_tracks: int
    num_result_tracks: int

    @classmethod
    def from_rows(
        cls,
        num_frames: int,
        truth_frames: IntArray,
        truth_ids: IntArray,
        result_frames: IntArray,
        result_ids: IntArray,
        pairs: tuple[IntArray, IntArray, FloatArray],
    ) -> Scene:
        """Order and number rows that come in any order, with any ids.

        Args:
            num_frames: T.
            truth_frames, truth_ids: (N,) of the true objects.
            result_frames, result_ids: (M,) of the results.
            pairs: row of the true object, row of the result, overlap: three (P,).
        """
        truth_order = np.argsort(truth_frames, kind='stable')
        result_order = np.argsort(result_frames, kind='stable')
        place_of_truth, place_of_result = _inverse(truth_order), _inverse(result_order)
        truth_rows, result_rows = place_of_truth[pairs[0]], place_of_result[pairs[1]]
        order = np.lexsort((result_rows, truth_rows))
        order = order[pairs[2][order] > 0]
        truth_known, truth_tracks = np.unique(truth_ids[truth_order], return_inverse=True)
        result_known, result_tracks = np.unique(result_ids[result_order], return_inverse=True)
        return cls(
            num_frames,
            truth_frames[truth_order],
            truth_tracks,
            result_frames[result_order],
            result_tracks,
            truth_rows[order],
            result_rows[order],
            np.asarray(pairs[2], np.float64)[order],
            len(truth_known),
            len(result_known),
        )

    @classmethod
    def from_frames(
        cls, truth_ids: Sequence[ArrayLike], result_ids: Sequence[ArrayLike], similarities: Sequence[ArrayLike]
    ) -> Scene:
        """From T frames, each with ids (n,), ids (m,) and a similarity matrix (n, m) in [0, 1]."""
        truths = [np.asarray(ids, np.int64).reshape(-1) for ids in truth_ids]
        results = [np.asarray(ids, np.int64).reshape(-1) for ids in result_ids]
        nothing = np.zeros(0, np.int64)
        rows: list[tuple[IntArray, IntArray, FloatArray]] = [(nothing, nothing, np.zeros(0))]
        truth_start = result_start = 0
        for truth, result, similarity in zip(truths, results, similarities):
            matrix = np.asarray(similarity, np.float64).reshape(len(truth), len(result))
            i, j = np.nonzero(matrix > 0)
            rows.append((i + truth_start, j + result_start, matrix[i, j]))
            truth_start, result_start = truth_start + len(truth), result_start + len(result)
        pairs = tuple(np.concatenate(column) for column in zip(*rows))
        frames = np.arange(len(truths))
        return cls.from_rows(
            len(truths),
            np.repeat(frames, [len(ids) for ids in truths]),
            np.concatenate([nothing, *truths]),
            np.repeat(frames, [len(ids) for ids in results]),
            np.concatenate([nothing, *results]),
            pairs,  # type: ignore[arg-type]  # three arrays
        )

    @property
    def empty(self) -> bool:
        """Whether one side has no row at all."""
        return len(self.truth_frames) == 0 or len(self.result_frames) == 0

    @property
    def pair_frames(self) -> IntArray:
        """Frame (P,) of each pair; never falls."""
        return self.truth_frames[self.truth_rows]

    @property
    def pair_keys(self) -> IntArray:
        """Number (P,) of each pair's two tracks; the same tracks have the same number in every frame."""
        return self.truth_tracks[self.truth_rows] * self.num_result_tracks + self.result_tracks[self.result_rows]

    @property
    def truth_lengths(self) -> IntArray:
        """Frames of each true track: (G,)."""
        return np.bincount(self.truth_tracks, minlength=self.num_truth_tracks)

    @property
    def result_lengths(self) -> IntArray:
        """Frames of each result track: (R,)."""
        return np.bincount(self.result_tracks, minlength=self.num_result_tracks)

    def without_results(self, drop: NDArray[np.bool_]) -> Scene:
        """The scene without the results (M,) that ``drop`` marks; tracks that vanish are no longer counted."""
        if not drop.any():
            return self
        kept = ~drop[self.result_rows]
        return Scene.from_rows(
            self.num_frames,
            self.truth_frames,
            self.truth_tracks,
            self.result_frames[~drop],
            self.result_tracks[~drop],
            (self.truth_rows[kept], (np.cumsum(~drop) - 1)[self.result_rows[kept]], self.overlaps[kept]),
        )


def _inverse(order: IntArray) -> IntArray:
    """Where each row went: ``inverse[order] = 0, 1, ...``."""
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    return inverse
