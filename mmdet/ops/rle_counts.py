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
MAX_GROUPS = 6
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


class MaskIntervals(NamedTuple):
    """Pixels of N masks as I intervals, ordered by mask and position; a position is column * height + row.

    Attributes:
        starts, stops: (I,) positions; ``stops`` exclusive.
        rows: (I,) mask that an interval belongs to.
        areas: (N,) pixels.
    """

    starts: IntArray
    stops: IntArray
    rows: IntArray
    areas: IntArray


class _Runs(NamedTuple):
    """Run lengths of N masks as R pairs of zeros and the ones after them.

    Attributes:
        zeros, ones: (R,) pixels.
        filled: (R,) False where a mask ends with zeros, so that ``ones`` is a made-up 0.
        first_rows: (N,) where each mask begins.
    """

    zeros: IntArray
    ones: IntArray
    filled: NDArray[np.bool_]
    first_rows: IntArray


def is_well_formed(text: bytes) -> bool:
    """Whether ``text`` is a sequence of complete numbers that a decoder can read without leaving the text."""
    return _WELL_FORMED.fullmatch(text) is not None


def all_well_formed(texts: Sequence[bytes]) -> bool:
    """Whether every one of N texts is well formed; much faster than asking one by one."""
    if not texts or not all(texts):
        return not texts
    groups = np.frombuffer(b''.join(texts), np.uint8) - np.uint8(48)  # wraps below '0'
    return _complete(groups, np.flatnonzero(groups < 32), np.cumsum([len(text) for text in texts]))


def decode_counts(text: bytes) -> IntArray:
    """Run lengths (R,) of one well-formed text."""
    values = _signed_numbers(np.frombuffer(text, np.uint8))[0].astype(np.int64)
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
    zeros, ones, filled, first_rows = _undo_differences(values, lengths)
    no_zeros, no_ones = zeros == 0, (ones == 0) & filled
    no_zeros[first_rows] = False  # a mask that starts with ones starts with a run of no zeros
    return RunStatistics(
        totals=np.add.reduceat(zeros + ones, first_rows),
        areas=np.add.reduceat(ones, first_rows),
        negative=np.minimum.reduceat(np.minimum(zeros, ones), first_rows) < 0,
        split=np.logical_or.reduceat(no_zeros | no_ones, first_rows),
    )


def intervals(text: bytes, lengths: IntArray, num_pixels: int) -> MaskIntervals | None:
    """Pixels of N masks of frames of ``num_pixels``, or None where some text is not a sound mask or not in simple form.

    Simple is a mask without empty runs after the first, as every encoder writes it.

    Args:
        text: compressed run lengths of all masks, one after the other.
        lengths: (N,) characters of each mask.
        num_pixels: height x width.
    """
    if not len(lengths):
        nothing = np.zeros(0, np.int64)
        return MaskIntervals(nothing, nothing, nothing, nothing)
    groups = np.frombuffer(text, np.uint8) - np.uint8(48)
    ends = np.flatnonzero(groups < 32)
    text_ends = np.cumsum(lengths)
    if num_pixels >= MAX_PIXELS or lengths.min() < 1 or not _complete(groups, ends, text_ends):
        return None
    numbers = np.diff(np.searchsorted(ends, text_ends), prepend=0)
    zeros, ones, filled, first_rows = _undo_differences(_signed_values(groups, ends), numbers)
    strange = (zeros <= 0) | ((ones <= 0) & filled)
    strange[first_rows] = (zeros[first_rows] < 0) | ((ones[first_rows] <= 0) & filled[first_rows])
    stops = np.cumsum(zeros + ones)  # every mask ends at a multiple of num_pixels
    last_rows = np.append(first_rows[1:], len(zeros)) - 1
    if strange.any() or (stops[last_rows] != num_pixels * np.arange(1, len(lengths) + 1)).any():
        return None
    rows = np.repeat(np.arange(len(lengths)), last_rows - first_rows + 1)
    stops -= rows * num_pixels
    areas = np.add.reduceat(ones, first_rows)
    return MaskIntervals((stops - ones)[filled], stops[filled], rows[filled], areas)


def join_runs(counts: IntArray) -> IntArray:
    """The same mask without runs of length zero after the first, (R',) with R' <= R."""
    ones = np.arange(len(counts)) % 2
    kept = counts > 0
    counts, ones = counts[kept], ones[kept]
    starts = np.flatnonzero(np.diff(ones, prepend=-1))
    joined = np.add.reduceat(counts, starts) if len(starts) else counts
    return np.concatenate([[0], joined]) if len(ones) and ones[0] else joined


def _complete(groups: NDArray[np.uint8], ends: IntArray, text_ends: IntArray) -> bool:
    """Whether characters minus 48 are all in use, and every text is a sequence of complete, short numbers."""
    last = groups[text_ends - 1] < 32
    longest = np.diff(ends, prepend=-1).max(initial=0)
    return bool(groups.max(initial=0) < 64 and last.all() and longest <= MAX_GROUPS)


def _signed_numbers(characters: NDArray[np.uint8]) -> tuple[NDArray[np.int32], IntArray]:
    """The numbers (V,) written in well-formed text, and the position (V,) of each one's last character."""
    groups = characters - np.uint8(48)
    ends = np.flatnonzero(groups < 32)
    return _signed_values(groups, ends), ends


def _signed_values(groups: NDArray[np.uint8], ends: IntArray) -> NDArray[np.int32]:
    """The numbers (V,), each of at most :data:`MAX_GROUPS` groups, whose last characters are at ``ends``."""
    lengths = np.diff(ends, prepend=-1)
    starts = ends - lengths + 1
    values = (groups[starts] & 31).astype(np.int32)  # numbers of up to six groups fit
    longer = np.flatnonzero(lengths > 1)
    for place in range(1, int(lengths.max(initial=0))):  # most have one or two
        values[longer] |= (groups[starts[longer] + place] & 31).astype(np.int32) << (5 * place)
        longer = longer[lengths[longer] > place + 1]
    negative = np.flatnonzero(groups[ends] & 16)
    values[negative] -= np.int32(1) << (5 * lengths[negative]).astype(np.int32)
    return values


def _undo_differences(values: NDArray[np.int32], lengths: IntArray) -> _Runs:
    """Run lengths of N masks, each of at least one number, from the numbers (V,) of all; ``lengths`` (N,) of each."""
    ends = np.cumsum(lengths)
    without_ones = np.flatnonzero(lengths % 2)  # masks whose last run is of zeros
    pairs = np.insert(values, ends[without_ones], 0)
    rows = (lengths + 1) // 2
    first_rows = np.cumsum(rows) - rows
    padding = (first_rows + rows - 1)[without_ones]
    zeros = pairs[::2].astype(np.int64)
    first_values = zeros[first_rows]
    zeros[first_rows] = 0  # the first run is outside the chain of differences
    zeros = _sums_within(zeros, first_rows, rows)
    zeros[first_rows] = first_values
    ones = _sums_within(pairs[1::2].astype(np.int64), first_rows, rows)
    ones[padding] = 0
    filled = np.ones(len(ones), bool)
    filled[padding] = False
    return _Runs(zeros, ones, filled, first_rows)


def _sums_within(values: IntArray, first_rows: IntArray, rows: IntArray) -> IntArray:
    """Running sums (R,) that begin anew at every mask, whose ``rows`` (N,) values begin at ``first_rows`` (N,)."""
    sums = values.cumsum()
    return sums - np.repeat(sums[first_rows] - values[first_rows], rows)
