"""MOTChallenge text files of boxes: detections, ground truth and results.

One object per line, comma-separated: frame from 1, id (-1 where there is none), left, top, width, height, confidence
(in ground truth a flag, 0 = not counted); then in ground truth since MOT16 class and visibility, elsewhere three -1.
Results with nine columns have a class too.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mmdet.errors import DataError
from mmdet.formats.text import (
    FloatArray,
    IntArray,
    read_lines,
    real_numbers,
    refuse_disorder,
    refuse_repeated,
    refuse_unknown_frames,
    whole_numbers,
    write_lines,
)

Kind = Literal['det', 'gt', 'result']
COLUMNS: dict[str, tuple[int, ...]] = {'det': (7, 8, 9, 10), 'gt': (7, 9, 10), 'result': (6, 7, 8, 9, 10)}
FIRST_FRAME = 1
PEDESTRIAN = 1  # class in ground truth since MOT16
DISTRACTORS = (2, 7, 8, 12)  # person on vehicle, static person, distractor, reflection
DISTRACTORS_MOT20 = (*DISTRACTORS, 6)  # and non-motorised vehicle
_NAMES = ('frame', 'id', 'left', 'top', 'width', 'height', 'confidence', 'class', 'visibility')


@dataclass(frozen=True)
class BoxTable:
    """Boxes of one sequence, N rows in the order of the file.

    Attributes:
        source: file, for messages.
        frames: (N,) from 0, whatever the file counts from.
        ids: (N,) identities, -1 where there are none.
        bboxes: (N, 4) x1 y1 x2 y2 in pixels, right and bottom exclusive; they may reach beyond the frame.
        scores: (N,) confidence; in ground truth 0 marks a box that is not counted.
        class_ids: (N,) class, -1 where the file has none.
        visibility: (N,) share that is visible, -1 where the file has none.
    """

    source: str
    frames: IntArray
    ids: IntArray
    bboxes: FloatArray
    scores: FloatArray
    class_ids: IntArray
    visibility: FloatArray

    def __len__(self) -> int:
        return len(self.frames)


def read_boxes(
    path: str | Path, kind: Kind, length: int | None = None, first_frame: int = FIRST_FRAME
) -> BoxTable:
    """Read a MOTChallenge file; an empty one has no rows.

    Args:
        path: ``det.txt``, ``gt.txt`` or a result file.
        kind: which of them. Detections must come frame by frame; an identity may be in a frame of the others only once.
        length: frames of the sequence, None where unknown.
        first_frame: what the file calls its first frame; some programs write KITTI's detections so, from 0.

    Raises:
        DataError: missing, wrong columns, values that are not numbers or not finite, boxes without area, unknown
            frames, frames out of order, or an identity twice; file, line and frame are named.
    """
    lines, numbers = read_lines(path, {'det': 'detection', 'gt': 'ground truth', 'result': 'result'}[kind])
    where = str(path)
    cells = [line.split(',') if ',' in line else line.split() for line in lines]
    _refuse_columns(cells, kind, where, numbers)
    columns = [[cell.strip() for cell in column] for column in zip(*cells)] or [[]] * 6
    frames = whole_numbers(columns[0], where, numbers, 'frame') - first_frame
    ids = whole_numbers(columns[1], where, numbers, 'id')
    values = np.array(
        [real_numbers(column, where, numbers, name) for column, name in zip(columns[2:9], _NAMES[2:])]
    ).reshape(len(columns[2:9]), -1)  # (columns, N)
    _refuse_boxes(values, frames + first_frame, where, numbers)
    refuse_unknown_frames(frames, length, where, numbers, first_frame)
    if kind == 'det':
        refuse_disorder(frames, where, numbers, first_frame)
    else:
        refuse_repeated(frames, ids, where, numbers, first_frame)
    absent = np.full(len(frames), -1.0)
    with_class = kind != 'det' and len(columns) == 9
    return BoxTable(
        source=where,
        frames=frames,
        ids=ids,
        bboxes=np.stack([values[0], values[1], values[0] + values[2], values[1] + values[3]], 1),
        scores=values[4] if len(columns) > 6 else np.ones(len(frames)),
        class_ids=(values[5] if with_class else absent).astype(np.int64),
        visibility=values[6] if with_class else absent,
    )


def write_boxes(path: str | Path, table: BoxTable, with_class: bool = False) -> None:
    """Write rows as a MOTChallenge file, to a millionth of a pixel; the file appears when complete.

    Args:
        path: file to write.
        table: rows, written in their order.
        with_class: nine columns with class and visibility (ground truth since MOT16, results of several classes)
            instead of ten ending in -1.

    Raises:
        DataError: the folder cannot be written.
    """
    sizes = table.bboxes[:, 2:] - table.bboxes[:, :2]
    numbers = np.concatenate([table.bboxes[:, :2], sizes, table.scores[:, None]], 1)
    texts = [','.join(map(_short, row)) for row in numbers.tolist()]
    if with_class:
        tails = [f'{c},{_short(v)}' for c, v in zip(table.class_ids.tolist(), table.visibility.tolist())]
    else:
        tails = ['-1,-1,-1'] * len(table)
    rows = zip((table.frames + FIRST_FRAME).tolist(), table.ids.tolist(), texts, tails)
    write_lines(path, [f'{frame},{identity},{text},{tail}' for frame, identity, text, tail in rows])


def counted_rows(truth: BoxTable) -> NDArray[np.bool_]:
    """Boxes (N,) of a ``gt.txt`` that results have to find: pedestrians whose flag is not 0."""
    return np.isin(truth.class_ids, (PEDESTRIAN, -1)) & (truth.scores != 0)


def distractor_rows(truth: BoxTable, sequence: str, classes: Collection[int] | None = None) -> NDArray[np.bool_]:
    """Boxes (N,) of a ``gt.txt`` on which results are neither right nor wrong.

    Args:
        truth: ground truth.
        sequence: its name, which tells the benchmark.
        classes: of distractors; None for the benchmark's.
    """
    if classes is None:
        classes = DISTRACTORS_MOT20 if sequence.upper().startswith('MOT20') else DISTRACTORS
    return np.isin(truth.class_ids, list(classes)) & ~counted_rows(truth)


def _short(value: float) -> str:
    text = f'{value:.6f}'.rstrip('0').rstrip('.')
    return '0' if text == '-0' else text


def _refuse_columns(cells: list[list[str]], kind: Kind, where: str, lines: IntArray) -> None:
    counts = np.array([len(row) for row in cells])
    allowed = COLUMNS[kind]
    bad = np.flatnonzero(~np.isin(counts, allowed) | (counts != (counts[0] if len(counts) else 0)))
    if len(bad):
        raise DataError(
            f'{where}, line {lines[bad[0]]}: {counts[bad[0]]} columns; a {kind} file has '
            f'{" or ".join(map(str, allowed))}, the same number on every line: {", ".join(_NAMES[:7])}, ...'
        )


def _refuse_boxes(values: FloatArray, frames: IntArray, where: str, lines: IntArray) -> None:
    bad = np.argwhere(~np.isfinite(values.T))
    if len(bad):
        row, column = bad[0]
        raise DataError(
            f'{where}, line {lines[row]}, frame {frames[row]}: {_NAMES[column + 2]} is '
            f'{values[column, row]}; all numbers must be finite'
        )
    empty = np.flatnonzero((values[2:4] <= 0).any(0))
    if len(empty):
        row = empty[0]
        raise DataError(
            f'{where}, line {lines[row]}, frame {frames[row]}: width {values[2, row]:g} and height '
            f'{values[3, row]:g} must be above 0 pixels'
        )
