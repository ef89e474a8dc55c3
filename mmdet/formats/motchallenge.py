"""MOTChallenge text files: one box per line, ``frame, id, left, top, width, height, confidence[, x, y, z]``.

Lines of ``det.txt`` have identity -1. Frames count from 1. Coordinates are taken as they stand: the box is
``x1 = left, y1 = top, x2 = left + width, y2 = top + height``, right and bottom exclusive.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdet.errors import DataError
from mmdet.formats.text_rows import check_frames, integer_columns, numbered_lines

__all__ = ['BoxRows', 'read_box_rows']

COLUMNS = ('left', 'top', 'width', 'height', 'confidence')
_FEWEST, _MOST = 7, 10


@dataclass(frozen=True)
class BoxRows:
    """N boxes in the file's order.

    Attributes:
        lines: (N,) number of each row's line, from 1.
        frames: (N,) as in the file.
        ids: (N,).
        bboxes: (N, 4) float64 x1 y1 x2 y2.
        scores: (N,) float64, the column ``confidence``.
    """

    lines: np.ndarray
    frames: np.ndarray
    ids: np.ndarray
    bboxes: np.ndarray
    scores: np.ndarray


def read_box_rows(path: str | Path, first: int = 1, length: int | None = None) -> BoxRows:
    """Read a file; its frames must not go back.

    Args:
        path: text file; an empty one holds no box.
        first: what the file calls a video's first frame.
        length: number of frames of the video, None if unknown.

    Raises:
        DataError: wrong columns, a number that is none, NaN or infinite, a box without area, frames out of order or
            outside the video; file and line are named.
    """
    lines, whole, numbers, columns = [], [], [], None
    for line, text in numbered_lines(path):
        cells, where = text.split(','), f'{path}, line {line}'
        columns = columns or len(cells)
        if len(cells) != columns or not _FEWEST <= columns <= _MOST:
            raise DataError(
                f'{where}: {len(cells)} columns separated by commas, expected {columns} as in the first line'
                if _FEWEST <= columns <= _MOST
                else f'{where}: {len(cells)} columns separated by commas, but a MOTChallenge file has {_FEWEST} to '
                f'{_MOST}: frame, id, left, top, width, height, confidence[, x, y, z]'
            )
        lines.append(line)
        whole.append(integer_columns(cells, ('frame', 'id'), where))
        numbers.append(_numbers(cells[2:7], where))
    rows, values = np.array(whole, np.int64).reshape(-1, 2), np.array(numbers).reshape(-1, len(COLUMNS))
    numbered = np.array(lines, np.int64)
    _check_values(path, numbered, values)
    check_frames(path, numbered, rows[:, 0], first, length)
    bboxes = np.concatenate([values[:, :2], values[:, :2] + values[:, 2:4]], 1)
    return BoxRows(numbered, rows[:, 0], rows[:, 1], bboxes, values[:, 4])


def _numbers(cells: list[str], where: str) -> list[float]:
    try:
        return [float(cell) for cell in cells]
    except ValueError as error:
        raise DataError(f'{where}: {error}') from None


def _check_values(path: str | Path, lines: np.ndarray, values: np.ndarray) -> None:
    strange = np.argwhere(~np.isfinite(values))
    if len(strange):
        row, column = strange[0]
        raise DataError(f'{path}, line {lines[row]}: {COLUMNS[column]} is {values[row, column]}, not a finite number')
    flat = np.flatnonzero((values[:, 2:4] <= 0).any(1))
    if len(flat):
        row = int(flat[0])
        raise DataError(
            f'{path}, line {lines[row]}: the box is {values[row, 2]:g} wide and {values[row, 3]:g} high; columns five '
            'and six must be width and height, not the other corner, and greater than 0'
        )
