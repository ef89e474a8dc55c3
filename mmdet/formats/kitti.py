"""KITTI tracking labels and results: boxes with a type name per line, frames from 0.

Columns, separated by blanks: frame, id, type, truncated, occluded, alpha, left, top, right, bottom, then seven numbers
in 3-D, then the score in results.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmdet.errors import DataError
from mmdet.formats.boxes import BoxTable
from mmdet.formats.text import (
    read_lines,
    real_numbers,
    refuse_repeated,
    refuse_unknown_frames,
    whole_numbers,
    write_lines,
)

KITTI_TYPES = ('Car', 'Van', 'Truck', 'Pedestrian', 'Person', 'Cyclist', 'Tram', 'Misc', 'DontCare')
_SPELLINGS = {'person_sitting': 'person', 'person': 'person'}
_IN_3D = '-10 -1 -1 -1 -1000 -1000 -1000 -10'  # what KITTI writes where nothing is known


def read_kitti_boxes(path: str | Path, length: int | None = None) -> BoxTable:
    """Read a label or result file; ``class_ids`` are positions in :data:`KITTI_TYPES`.

    ``DontCare`` regions have id -1 and may be in a frame several times. Scores of labels are 1.

    Raises:
        DataError: missing, wrong columns, unknown types or frames, numbers that are not finite, an identity twice;
            file and line are named.
    """
    lines, numbers = read_lines(path, 'KITTI tracking')
    where = str(path)
    cells = [line.split() for line in lines]
    bad = [row for row, cell in enumerate(cells) if len(cell) not in (17, 18) or len(cell) != len(cells[0])]
    if bad:
        raise DataError(f'{where}, line {numbers[bad[0]]}: {len(cells[bad[0]])} columns; labels have 17, results 18')
    columns = [list(column) for column in zip(*cells)] or [[]] * 17
    frames = whole_numbers(columns[0], where, numbers, 'frame')
    ids = whole_numbers(columns[1], where, numbers, 'id')
    names = {name.lower(): position for position, name in enumerate(KITTI_TYPES)}
    types = [names.get(_SPELLINGS.get(text.lower(), text.lower()), -1) for text in columns[2]]
    if -1 in types:
        row = types.index(-1)
        raise DataError(
            f'{where}, line {numbers[row]}: type {columns[2][row]!r} is none of {", ".join(KITTI_TYPES)}'
        )
    class_ids = np.array(types, np.int64)
    corners = [real_numbers(columns[c], where, numbers, f'column {c + 1}') for c in (6, 7, 8, 9)]
    values = np.array(corners).reshape(4, -1)
    scores = real_numbers(columns[17], where, numbers, 'score') if len(columns) == 18 else np.ones(len(frames))
    wrong = np.flatnonzero(~np.isfinite(values).all(0) | ~np.isfinite(scores) | (values[2:] <= values[:2]).any(0))
    if len(wrong):
        place = f'{where}, line {numbers[wrong[0]]}, frame {frames[wrong[0]]}'
        raise DataError(f'{place}: the box is not finite or is empty')
    refuse_unknown_frames(frames, length, where, numbers, 0)
    known = ids >= 0
    refuse_repeated(frames[known], ids[known], where, numbers[known], 0)
    return BoxTable(where, frames, ids, values.T, scores, class_ids, np.full(len(frames), -1.0))


def write_kitti_boxes(path: str | Path, table: BoxTable) -> None:
    """Write results as KITTI's tracking benchmark takes them; what is not known in 3-D has KITTI's placeholders.

    Raises:
        DataError: a class is no position in :data:`KITTI_TYPES`, or the folder cannot be written.
    """
    wrong = np.flatnonzero((table.class_ids < 0) | (table.class_ids >= len(KITTI_TYPES)))
    if len(wrong):
        raise DataError(f'{path}: row {wrong[0]} has class {table.class_ids[wrong[0]]}, KITTI has {len(KITTI_TYPES)}')
    _, *in_3d = _IN_3D.split()
    lines = []
    rows = zip(table.frames.tolist(), table.ids.tolist(), table.class_ids.tolist(), table.bboxes.tolist(), table.scores)
    for frame, identity, label, box, score in rows:
        corners = ' '.join(f'{value:.6f}' for value in box)
        lines.append(f'{frame} {identity} {KITTI_TYPES[label]} -1 -1 -10 {corners} {" ".join(in_3d)} {score:.6f}')
    write_lines(path, lines)
