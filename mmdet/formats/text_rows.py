"""What the line-by-line readers share: lines with their numbers, and checks that name file and line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mmdet.errors import DataError

__all__ = ['check_frames', 'integer_columns', 'numbered_lines']


def numbered_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Lines that are not empty, each with its number in the file, from 1.

    Raises:
        DataError: the file cannot be read or is not text.
    """
    try:
        text = Path(path).read_text(encoding='utf-8-sig')
    except OSError as error:
        raise DataError(f'{path}: cannot be read: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise DataError(f'{path}: is not a text file ({error.reason} at byte {error.start})') from error
    return ((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())


def integer_columns(cells: Sequence[str], names: Sequence[str], where: str) -> list[int]:
    """The first ``len(names)`` cells as whole numbers; ``3.0`` counts as one.

    Raises:
        DataError: naming ``where`` and the column.
    """
    values = []
    for cell, name in zip(cells, names):
        try:
            value = float(cell)
            values.append(int(value))
        except (ValueError, OverflowError):
            raise DataError(f'{where}: {name} {cell.strip()!r} is not a whole number') from None
        if value != values[-1]:
            raise DataError(f'{where}: {name} {cell.strip()} is not a whole number')
    return values


def check_frames(path: str | Path, lines: np.ndarray, frames: np.ndarray, first: int, length: int | None) -> None:
    """Refuse frames that come out of order or that the video does not have.

    Args:
        lines: (N,) number of each row's line.
        frames: (N,) as in the file.
        first: what the file calls a video's first frame.
        length: number of frames, None if unknown.

    Raises:
        DataError: naming file, line and what to do.
    """
    back = np.flatnonzero(np.diff(frames) < 0)
    if len(back):
        row = int(back[0]) + 1
        raise DataError(
            f'{path}, line {lines[row]}: frame {frames[row]} comes after frame {frames[row - 1]}; '
            'sort the file by its first column'
        )
    last = None if length is None else first + length - 1
    wrong = np.flatnonzero((frames < first) | (frames > (np.inf if last is None else last)))
    if len(wrong):
        row = int(wrong[0])
        known = f'frames {first} to {last}' if last is not None else f'frames from {first} on'
        raise DataError(
            f'{path}, line {lines[row]}: frame {frames[row]} of a video that has {known}. Does the file belong to '
            'this video? first_frame says what the file calls the first frame (MOTChallenge 1, KITTI MOTS 0)'
        )
