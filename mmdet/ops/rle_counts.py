"""Reading the compressed text of COCO run lengths, many masks at once, without trusting it.

pycocotools decodes this text in C without bounds checks, so text from a file is read here first. The code (COCO API,
``maskApi.c``): a run length is written as groups of 5 bits, lowest first, one character per group, ``48 + bits``, plus
32 where another group follows; the last group is sign-extended; from the fourth run on, the difference to the run two
places before is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

MAX_PIXELS = 2**29  # six groups of five bits, signed, hold every run length below
_WELL_FORMED = re.compile(rb'(?:[P-o]{0,5}[0-O])+')  # 0-O end a number, P-o continue it


class RunStatistics(NamedTuple):
    """What is known of N decoded masks, each array (N,).

    Attributes:
        totals: sum of all run lengths; equals height x width of a sound mask.
        areas: sum of the runs of ones, in pixels.
        negative: whether some run length is below zero.
        split: whether a run after the first has length zero, so that neighbouring runs should be joined.
    """

    totals: IntArray
    areas: IntArray
    negative: NDArray[np.bool_]
    split: NDArray[np.bool_]


def is_well_formed(text: bytes) -> bool:
    """Whether ``text`` is a sequence of complete numbers that a decoder can read without leaving the text."""
    return _WELL_FORMED.fullmatch(text) is not None


def all_well_formed(texts: Sequence[bytes]) -> bool:
    """Whether every one of N texts is well formed; much faster than asking one by one."""
    if not texts or not all(texts):
        return not texts
    characters = np.frombuffer(b''.join(texts), np.uint8)
    ends = characters < ord('P')  # (characters,)
    lengths = np.diff(np.flatnonzero(ends), prepend=-1)
    last = np.cumsum([len(text) for text in texts]) - 1
    return bool((characters - 48 < 64).all() and ends[last].all() and lengths.max(initial=0) <= 6)


def decode_counts(text: bytes) -> IntArray:
    """Run lengths (R,) of one well-formed text."""
    values = _signed_numbers(np.frombuffer(text, np.uint8))[0]
    values[2::2] = values[2::2].cumsum()
    values[1::2] = values[1::2].cumsum()
    return values


def run_statistics(texts: Sequence[bytes]) -> RunStatistics:
    """Sums and soundness of N well-formed texts, vectorised over all their characters."""
    if not texts:
        nothing = np.zeros(0, np.int64)
        return RunStatistics(nothing, nothing, nothing.astype(bool), nothing.astype(bool))
    values, ends = _signed_numbers(np.frombuffer(b''.join(texts), np.uint8))
    text_ends = np.cumsum([len(text) for text in texts])
    stops = np.searchsorted(ends, text_ends)  # (N,) runs up to and with each mask
    lengths = np.diff(stops, prepend=0)
    runs, padding, first_rows = _undo_differences(values, lengths)
    zeros, ones = runs.T  # operations on two columns are faster than reductions over an axis of two
    no_zeros, no_ones = zeros == 0, (ones == 0) & ~padding[:, 1]
    no_zeros[first_rows] = False  # a mask that starts with ones starts with a run of no zeros
    return RunStatistics(
        totals=np.add.reduceat(zeros + ones, first_rows),
        areas=np.add.reduceat(ones, first_rows),
        negative=np.minimum.reduceat(np.minimum(zeros, ones), first_rows) < 0,
        split=np.logical_or.reduceat(no_zeros | no_ones, first_rows),
    )


def join_runs(counts: IntArray) -> IntArray:
    """The same mask without runs of length zero after the first, (R',) with R' <= R."""
    ones = np.arange(len(counts)) % 2
    kept = counts > 0
    counts, ones = counts[kept], ones[kept]
    starts = np.flatnonzero(np.diff(ones, prepend=-1))
    joined = np.add.reduceat(counts, starts) if len(starts) else counts
    return np.concatenate([[0], joined]) if len(ones) and ones[0] else joined


def _signed_numbers(characters: NDArray[np.uint8]) -> tuple[IntArray, IntArray]:
    """The numbers (V,) written in well-formed text, and the position (V,) of each one's last character."""
    groups = characters.astype(np.int64) - 48
    ends = np.flatnonzero(groups < 32)
    starts = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(len(groups)) - np.repeat(starts, ends - starts + 1)
    values = np.add.reduceat((groups & 31) << (5 * place), starts)
    return values - ((groups[ends] & 16) >> 4 << (5 * (ends - starts + 1))), ends


def _undo_differences(values: IntArray, lengths: IntArray) -> tuple[IntArray, NDArray[np.bool_], IntArray]:
    """Run lengths of N masks as rows (zeros, ones), padded to whole rows per mask.

    Args:
        values: (V,) numbers of all masks in order.
        lengths: (N,) how many belong to each mask, at least one.

    Returns:
        Runs (rows, 2), which of them are padding (rows, 2), and the first row of each mask (N,).
    """
    rows = (lengths + 1) // 2
    first_rows = np.cumsum(rows) - rows
    place = np.arange(len(values)) + np.repeat(2 * first_rows - np.cumsum(lengths) + lengths, lengths)
    table = np.zeros((int(rows.sum()), 2), np.int64)
    padding = np.ones(table.shape, bool)
    table.reshape(-1)[place] = values
    padding.reshape(-1)[place] = False
    first_values = table[first_rows, 0]
    table[first_rows, 0] = 0  # the first run is outside the chain of differences
    sums = table.cumsum(0)
    before = np.where(first_rows[:, None] > 0, sums[first_rows - 1], 0)  # (N, 2)
    runs = sums - np.repeat(before, rows, axis=0)
    runs[first_rows, 0] = first_values
    runs[padding] = 0
    return runs, padding, first_rows
