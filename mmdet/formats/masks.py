"""MOTS text files: one mask per line, ``frame id class height width rle``, separated by single blanks.

KITTI MOTS counts frames from 0, MOTSChallenge from 1. Class 1 is car, 2 pedestrian, 10 (id 10000) a region to be
ignored. In ground truth an id is class * 1000 + number. Masks of one frame never share a pixel.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmdet.errors import DataError
from mmdet.formats.text import (
    IntArray,
    read_lines,
    refuse_disorder,
    refuse_repeated,
    refuse_unknown_frames,
    whole_numbers,
    write_lines,
)
from mmdet.ops.mask_runs import MaskProblem, MaskSet
from mmdet.structures import RLE

CAR, PEDESTRIAN, IGNORE = 1, 2, 10
MOTS_CLASSES = {CAR: 'car', PEDESTRIAN: 'pedestrian'}
IGNORE_ID = 10_000
IDS_PER_CLASS = 1000
NO_MASKS = MaskSet.of([], np.zeros(0, np.int64), (0, 0))
MAX_SIDE = 2**16  # pixels; larger numbers in a file are damage


@dataclass(frozen=True)
class MaskTable:
    """Masks of one sequence, N rows in the order of the file.

    Attributes:
        source: file, for messages.
        frames: (N,) from 0, whatever the file counts from.
        ids: (N,) identities as in the file; regions to be ignored have 10000.
        class_ids: (N,) 1 car, 2 pedestrian, 10 region to be ignored.
        masks: N checked masks with their areas.
        lines: (N,) line numbers (or rows) for messages.
        first_frame: number that the file gives to frame 0.
    """

    source: str
    frames: IntArray
    ids: IntArray
    class_ids: IntArray
    masks: MaskSet
    lines: IntArray
    first_frame: int = 0

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def of(
        cls,
        source: str,
        frames: ArrayLike,
        ids: ArrayLike,
        class_ids: ArrayLike,
        masks: Sequence[RLE],
        first_frame: int = 0,
    ) -> MaskTable:
        """From N masks of this program; lines are numbered from 1.

        Raises:
            DataError: masks are damaged or not all of one size.
        """
        times, identities, labels = (np.asarray(column, np.int64).reshape(-1) for column in (frames, ids, class_ids))
        lines = np.arange(1, len(masks) + 1)
        sizes = sorted({(mask['size'][0], mask['size'][1]) for mask in masks})
        if len(sizes) > 1:
            raise DataError(f'{source}: masks of different sizes (height, width): {sizes}')
        size = sizes[0] if sizes else (0, 0)
        try:
            found = MaskSet.of([mask['counts'] for mask in masks], times, size)
        except MaskProblem as problem:
            raise DataError(f'{source}, row {problem.row}: {problem}') from None
        return cls(source, times, identities, labels, found, lines, first_frame)

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of the frames in pixels; None without a mask."""
        return self.masks.size if len(self) else None

    def take(self, rows: NDArray) -> MaskTable:
        """The rows that ``rows`` (bool or indices) names."""
        chosen = np.arange(len(self))[rows]
        arrays = {name: getattr(self, name)[chosen] for name in ('frames', 'ids', 'class_ids', 'lines')}
        masks = self.masks.take(chosen)
        if self.masks.touching is not None:  # the rows that touch may be among those that are left
            masks = MaskSet.of(masks.texts, arrays['frames'], masks.size)
        return replace(self, masks=masks, **arrays)

    def place(self, row: int) -> str:
        """File, line, frame and id of a row, for messages."""
        frame = self.frames[row] + self.first_frame
        return f'{self.source}, line {self.lines[row]}, frame {frame}, id {self.ids[row]}'


def read_masks(
    path: str | Path,
    length: int | None = None,
    first_frame: int = 0,
    size: tuple[int, int] | None = None,
    classes: Collection[int] | None = (CAR, PEDESTRIAN, IGNORE),
    drop_unknown_classes: bool = False,
    drop_unknown_frames: bool = False,
    detections: bool = False,
    overlaps: bool = False,
) -> MaskTable:
    """Read a MOTS file; an empty one has no rows.

    Args:
        path: ``instances_txt/0002.txt``, ``gt/gt.txt`` or a result file.
        length: frames of the sequence, None where unknown.
        first_frame: what the file calls its first frame: 0 in KITTI MOTS, 1 in MOTSChallenge.
        size: height and width of the frames, None to take those of the first line.
        classes: classes that may occur; None for any.
        drop_unknown_classes: leave rows of other classes out instead of refusing the file.
        drop_unknown_frames: leave rows of frames outside the sequence out instead of refusing the file.
        detections: masks that nobody has tracked yet: they may overlap, ids mean nothing, and frames must not go back.
        overlaps: masks of a frame may share pixels.

    Raises:
        DataError: missing, wrong columns, an unknown class or frame, masks that are damaged, of different sizes or
            overlap, an id twice in a frame, frames out of order; file, line, frame and id are named.
    """
    lines, numbers = read_lines(path, 'MOTS')
    where = str(path)
    columns = _columns(lines, where, numbers)
    names = ('frame', 'id', 'class', 'height', 'width')
    values = [whole_numbers(column, where, numbers, name) for column, name in zip(columns, names)]
    frames, ids, class_ids, heights, widths = values
    table = MaskTable(where, frames - first_frame, ids, class_ids, NO_MASKS, numbers, first_frame)
    known = np.full(len(table), True) if classes is None else np.isin(class_ids, list(classes))
    if not drop_unknown_classes:
        _refuse_classes(table, known, classes or ())
    if not drop_unknown_frames:
        refuse_unknown_frames(table.frames, length, where, numbers, first_frame)
    table = replace(table, masks=_masks_of(table, columns[5], heights, widths, size))
    kept = known & (table.frames >= 0) & (table.frames < _end(length))
    table = table if kept.all() else table.take(kept)
    if detections:
        refuse_disorder(table.frames, where, table.lines, first_frame)
        return table
    refuse_identities(table, overlaps)
    return table


def write_masks(path: str | Path, table: MaskTable, first_frame: int | None = None) -> None:
    """Write rows as a MOTS file, in their order; the file appears when complete. No rows give an empty file.

    Both evaluators want a file for every sequence, disjoint masks and every id once per frame, which is checked.

    Args:
        path: file to write.
        table: rows.
        first_frame: number of the first frame; that of the table by default.

    Raises:
        DataError: masks overlap, an id is negative or in a frame twice, or the folder cannot be written.
    """
    refuse_identities(table)
    shift = table.first_frame if first_frame is None else first_frame
    rows = zip((table.frames + shift).tolist(), table.ids.tolist(), table.class_ids.tolist(), table.masks.texts)
    height, width = table.masks.size
    write_lines(path, [f'{f} {i} {c} {height} {width} {text}' for f, i, c, text in rows])


def refuse_overlaps(table: MaskTable) -> None:
    """Masks of a frame must not share pixels.

    Raises:
        DataError: file, lines, frame and both ids are named.
    """
    if table.masks.touching is None:
        return
    first, second = sorted(table.masks.touching)
    raise DataError(
        f'{table.place(second)}: the mask shares pixels with that of id {table.ids[first]} (line '
        f'{table.lines[first]}); a pixel belongs to one object. Result files are mended by '
        'tools/join_mots.py RESULTS --out DIR, which leaves it to the earlier line.'
    )


def _refuse_classes(table: MaskTable, known: NDArray[np.bool_], classes: Collection[int]) -> None:
    unknown = np.flatnonzero(~known)
    if len(unknown):
        row, listed = unknown[0], ', '.join(str(c) for c in classes)
        raise DataError(f'{table.place(row)}: class {table.class_ids[row]} is unknown; the protocol has {listed}')


def refuse_identities(table: MaskTable, overlaps: bool = False) -> None:
    """Ids are 0 or more and in a frame once, and no pixel has two unless ``overlaps``."""
    negative = np.flatnonzero(table.ids < 0)
    if len(negative):
        raise DataError(f'{table.place(negative[0])}: an id must be 0 or more')
    refuse_repeated(table.frames, table.ids, table.source, table.lines, table.first_frame)
    if not overlaps:
        refuse_overlaps(table)


def _columns(lines: list[str], where: str, numbers: IntArray) -> list[list[str]]:
    """The six columns as lists of N texts. One long list is cut up, as tens of thousands of short ones are slow."""
    joined = ' '.join(lines)
    if '  ' in f' {joined} ' or any(line.count(' ') != 5 for line in lines):
        joined = ' '.join([_six_columns(line, where, number) for line, number in zip(lines, numbers.tolist())])
    cells = joined.split(' ') if lines else []
    return [cells[column::6] for column in range(6)]


def _six_columns(line: str, where: str, number: int) -> str:
    """A line that may be indented or have several blanks or tabs between columns, with one blank between them."""
    cells = line.split()
    if len(cells) != 6:
        raise DataError(f'{where}, line {number}: {len(cells)} columns; a line is frame id class height width rle')
    return ' '.join(cells)


def _masks_of(
    table: MaskTable, texts: list[str], heights: IntArray, widths: IntArray, size: tuple[int, int] | None
) -> MaskSet:
    if not texts:
        return NO_MASKS
    height, width = (int(heights[0]), int(widths[0])) if size is None else size
    wrong = np.flatnonzero((heights != height) | (widths != width))
    if len(wrong):
        raise DataError(
            f'{table.place(wrong[0])}: mask of {heights[wrong[0]]} x {widths[wrong[0]]} (height x width), but the '
            f'frames are {height} x {width}'
        )
    if not (0 < height < MAX_SIDE and 0 < width < MAX_SIDE):
        raise DataError(f'{table.place(0)}: no frame is {height} x {width} pixels')
    try:
        return MaskSet.of(texts, table.frames, (height, width))
    except MaskProblem as problem:
        raise DataError(f'{table.place(problem.row)}: {problem}') from None


def _end(length: int | None) -> int:
    return int(np.iinfo(np.int64).max) if length is None else length
