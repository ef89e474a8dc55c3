"""Result files of the VOT reset protocol: ``baseline/<sequence>/<sequence>_001.txt``, one line per frame.

A line is ``1`` (started here), ``2`` (lost here), ``0`` (skipped), or the region: 8 numbers of a polygon's corners, or
4 of a box (x, y, width, height).
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from mmdet.errors import DataError
from mmdet.evaluation.files import atomic_file
from mmdet.evaluation.vot_runs import FAILED, SKIPPED, STARTED, TRACKED, Trajectory

__all__ = ['read_repetitions', 'read_trajectory', 'rectangle_corners', 'result_path', 'write_trajectory']

log = logging.getLogger('mmdet.evaluation')

EXPERIMENT = 'baseline'
_SPECIAL = {str(state): state for state in (SKIPPED, STARTED, FAILED)}


def result_path(root: str | Path, sequence: str, repetition: int = 1) -> Path:
    """File of one run."""
    return Path(root) / EXPERIMENT / sequence / f'{sequence}_{repetition:03d}.txt'


def rectangle_corners(boxes: np.ndarray) -> np.ndarray:
    """Corners (..., 4, 2) of boxes x1 y1 x2 y2 (..., 4), clockwise from the top left."""
    x1, y1, x2, y2 = np.moveaxis(np.asarray(boxes, dtype=np.float64), -1, 0)
    return np.stack([np.stack(c, -1) for c in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))], -2)


def write_trajectory(path: str | Path, trajectory: Trajectory) -> Path:
    """Write one run with four decimals and give its path back.

    Raises:
        DataError: the file cannot be written.
    """
    lines = [
        ','.join(f'{value:.4f}' for value in polygon.ravel()) if state == TRACKED else str(int(state))
        for state, polygon in zip(trajectory.states, trajectory.polygons)
    ]
    with atomic_file(path) as file:
        file.write(''.join(f'{line}\n' for line in lines).encode())
    return Path(path)


def read_trajectory(path: str | Path) -> Trajectory:
    """Read one run.

    Raises:
        DataError: missing, empty or damaged; the line is named.
    """
    try:
        lines = Path(path).read_text(encoding='ascii').split('\n')
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'{path}: cannot read the result file: {error}') from error
    lines = lines[:-1] if lines and not lines[-1].strip() else lines
    if not lines:
        raise DataError(f'{path}: the result file is empty')
    states = np.full(len(lines), TRACKED, dtype=np.int64)
    polygons = np.full((len(lines), 4, 2), np.nan)
    for row, line in enumerate(lines):
        if line.strip() in _SPECIAL:
            states[row] = _SPECIAL[line.strip()]
        else:
            polygons[row] = _region(line, f'{path}, line {row + 1}')
    return Trajectory(states, polygons)


def read_repetitions(root: str | Path, sequence: str, length: int) -> list[Trajectory]:
    """All complete runs over one sequence; what is empty, damaged or half written is left out with a message."""
    found = []
    for path in sorted(result_path(root, sequence).parent.glob(f'{sequence}_*.txt')):
        try:
            trajectory = read_trajectory(path)
        except DataError as error:
            log.warning('left out: %s', error)
            continue
        if len(trajectory.states) == length:
            found.append(trajectory)
        else:
            log.warning('left out: %s: %d lines, the sequence has %d frames', path, len(trajectory.states), length)
    return found


def _region(line: str, where: str) -> np.ndarray:
    try:
        numbers = np.array([float(word) for word in line.split(',')])
    except ValueError:
        numbers = np.zeros(0)
    if len(numbers) not in (4, 8) or not np.isfinite(numbers).all():
        raise DataError(f'{where}: expected 0, 1, 2, or a region of 4 or 8 numbers, got {line.strip()!r}')
    if len(numbers) == 8:
        return numbers.reshape(4, 2)
    x, y, w, h = numbers
    return rectangle_corners(np.array([x, y, x + w, y + h]))
