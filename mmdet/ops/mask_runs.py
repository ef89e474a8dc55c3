"""Masks as intervals of pixels, all masks of a sequence in a few flat arrays: checked, measured and compared at once.

A pixel's position is column * height + row, as in COCO's run lengths. Masks of one frame that share no pixel are
intervals that do not overlap, so all common pixels of two such sets are found by two binary searches per interval.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from mmdet.errors import DataError
from mmdet.ops import rle_counts
from mmdet.ops.rle_batch import inspect_masks
from mmdet.structures import RLE

__all__ = ['MaskProblem', 'MaskRuns', 'MaskSet', 'common_pixels']

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class MaskRuns:
    """Intervals of N masks of a sequence, I of them, in the order of frame and position.

    Attributes:
        num_pixels: of a frame.
        starts, stops: (I,) frame * num_pixels + position; ``stops`` exclusive.
        rows: (I,) mask that an interval belongs to.
    """

    num_pixels: int
    starts: IntArray
    stops: IntArray
    rows: IntArray

    @classmethod
    def of(cls, frames: IntArray, num_pixels: int, runs: rle_counts.MaskIntervals) -> MaskRuns:
        """From decoded masks and the frame (N,) of each."""
        shift = (frames * num_pixels)[runs.rows]
        starts = runs.starts + shift
        order = np.argsort(starts, kind='stable')
        return cls(num_pixels, starts[order], (runs.stops + shift)[order], runs.rows[order])

    def first_overlap(self) -> tuple[int, int] | None:
        """Two masks of one frame that share a pixel, or None: rows."""
        bad = np.flatnonzero(self.starts[1:] < self.stops[:-1])
        return (int(self.rows[bad[0]]), int(self.rows[bad[0] + 1])) if len(bad) else None

    def take(self, rows: IntArray, count: int) -> MaskRuns:
        """Intervals of some of the ``count`` masks, numbered by their places in ``rows``."""
        places = np.full(count, -1)
        places[rows] = np.arange(len(rows))
        new = places[self.rows]
        kept = new >= 0
        return MaskRuns(self.num_pixels, self.starts[kept], self.stops[kept], new[kept])


@dataclass(frozen=True)
class MaskSet:
    """N checked masks of the frames of one sequence, as text and, where that is of use, as intervals.

    Attributes:
        size: height and width of the frames; (0, 0) without masks.
        texts: N compressed run lengths.
        areas: (N,) pixels.
        runs: the masks' intervals; None where masks of one frame share pixels.
        touching: two masks (rows) of one frame that share pixels, if there are any.
    """

    size: tuple[int, int]
    texts: list[str]
    areas: IntArray
    runs: MaskRuns | None
    touching: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def of(cls, texts: list[str], frames: IntArray, size: tuple[int, int]) -> MaskSet:
        """From compressed run lengths and the frame (N,) of each.

        Raises:
            MaskProblem: a mask is damaged or of another size.
        """
        num_pixels = size[0] * size[1]
        found = _decoded(texts, num_pixels)
        if found is None:
            batch = inspect_masks([{'size': list(size), 'counts': text} for text in texts], *size)
            for row, problem in batch.problems.items():
                raise MaskProblem(row, problem)
            texts = [mask['counts'] for mask in batch.masks if mask is not None]
            found = _decoded(texts, num_pixels)
        if found is None:  # frames of more pixels than intervals can count
            return cls(size, texts, batch.areas, None)
        runs = MaskRuns.of(frames, num_pixels, found)
        touching = runs.first_overlap()
        return cls(size, texts, found.areas, None if touching else runs, touching)

    def rle(self, row: int) -> RLE:
        """One mask."""
        return RLE(size=list(self.size), counts=self.texts[row])

    def rles(self, rows: Iterable[int] | None = None) -> list[RLE]:
        """Some masks, or all."""
        size = list(self.size)
        return [RLE(size=size, counts=self.texts[row]) for row in (range(len(self)) if rows is None else rows)]

    def take(self, rows: IntArray) -> MaskSet:
        """Masks by their indices, each at most once."""
        runs = None if self.runs is None else self.runs.take(rows, len(self))
        return MaskSet(self.size, [self.texts[row] for row in rows.tolist()], self.areas[rows], runs)


def _decoded(texts: list[str], num_pixels: int) -> rle_counts.MaskIntervals | None:
    joined = ''.join(texts)
    if not joined.isascii():
        return None
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    return rle_counts.intervals(joined.encode('ascii'), lengths, num_pixels)


class MaskProblem(DataError):
    """A mask of a set is damaged.

    Attributes:
        row: which one.
    """

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(problem)
        self.row = row


def common_pixels(first: MaskRuns, second: MaskRuns, shape: tuple[int, int]) -> tuple[IntArray, IntArray, IntArray]:
    """Pairs of masks of one frame that share pixels, and how many: three (P,).

    Args:
        first, second: each with masks that are disjoint in every frame, of frames of the same size.
        shape: number of masks of both.
    """
    low = np.searchsorted(second.stops, first.starts, 'right')  # intervals of ``second`` before are over
    counts = np.maximum(np.searchsorted(second.starts, first.stops, 'left') - low, 0)
    left = np.repeat(np.arange(len(counts)), counts)
    right = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts) + low[left]
    shared = np.minimum(first.stops[left], second.stops[right]) - np.maximum(first.starts[left], second.starts[right])
    table = coo_array((shared, (first.rows[left], second.rows[right])), shape=shape).tocsr().tocoo()  # sums repeats
    return table.row.astype(np.int64), table.col.astype(np.int64), table.data.astype(np.int64)
