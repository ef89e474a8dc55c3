"""MOTS text files (KITTI MOTS, MOTSChallenge): one mask per line, ``frame id class height width rle``.

Columns are separated by blanks; the mask is compressed COCO RLE. Class 1 is car, 2 pedestrian, 10 a region to ignore.
KITTI MOTS counts frames from 0, MOTSChallenge from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdet.errors import DataError
from mmdet.formats.text_rows import check_frames, integer_columns, numbered_lines
from mmdet.ops.rle import normalise_rle
from mmdet.structures import RLE

__all__ = ['IGNORE_CLASS', 'MaskRows', 'read_mask_rows']

IGNORE_CLASS = 10
COLUMNS = ('frame', 'id', 'class', 'height', 'width')


@dataclass(frozen=True)
class MaskRows:
    """N masks in the file's order.

    Attributes:
        lines: (N,) number of each row's line, from 1.
        frames: (N,) as in the file.
        ids: (N,).
        classes: (N,).
        masks: N.
    """

    lines: np.ndarray
    frames: np.ndarray
    ids: np.ndarray
    classes: np.ndarray
    masks: list[RLE]


def read_mask_rows(
    path: str | Path, first: int = 0, length: int | None = None, size: tuple[int, int] | None = None
) -> MaskRows:
    """Read a file; its frames must not go back.

    Args:
        path: text file; an empty one holds no mask.
        first: what the file calls a video's first frame.
        length: number of frames of the video, None if unknown.
        size: (height, width) of the video's frames in pixels, None if unknown.

    Raises:
        DataError: wrong columns, a damaged mask or one of another size, frames out of order or outside the video; file
            and line are named.
    """
    lines, whole, masks = [], [], []
    for line, text in numbered_lines(path):
        cells, where = text.split(), f'{path}, line {line}'
        if len(cells) != 6:
            raise DataError(
                f'{where}: {len(cells)} columns separated by blanks, but a MOTS file has 6: '
                'frame id class height width rle'
            )
        values = integer_columns(cells, COLUMNS, where)
        own = (values[3], values[4])
        if min(own) < 1:
            raise DataError(f'{where}: a mask of {own[0]} x {own[1]} pixels (height x width)')
        masks.append(normalise_rle({'size': list(own), 'counts': cells[5]}, *(size or own), where))
        lines.append(line)
        whole.append(values)
    rows = np.array(whole, np.int64).reshape(-1, len(COLUMNS))
    numbered = np.array(lines, np.int64)
    check_frames(path, numbered, rows[:, 0], first, length)
    return MaskRows(numbered, rows[:, 0], rows[:, 1], rows[:, 2], masks)
