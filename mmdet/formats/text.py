"""Text files of one object per line: reading them whole and naming lines in messages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmdet.errors import DataError
from mmdet.files import write_text

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


def read_lines(path: str | Path, what: str) -> tuple[list[str], IntArray]:
    """Lines that are not blank, and their numbers from 1: lists of N.

    Raises:
        DataError: missing, unreadable or not text.
    """
    try:
        text = Path(path).read_text(encoding='utf-8-sig')  # some editors put a mark first
    except FileNotFoundError:
        raise DataError(f'{path}: the {what} file does not exist') from None
    except OSError as error:
        raise DataError(f'{path}: the {what} file cannot be read ({error.strerror})') from error
    except UnicodeDecodeError as error:
        raise DataError(f'{path}: the {what} file is not text (byte {error.start})') from None
    lines = text.splitlines()
    kept = [number for number, line in enumerate(lines, 1) if line and not line.isspace()]
    return [lines[number - 1] for number in kept], np.array(kept, np.int64)


def write_lines(path: str | Path, lines: list[str]) -> None:
    """Write lines, whole or not at all.

    Raises:
        DataError: the folder cannot be written.
    """
    try:
        write_text(path, ''.join(f'{line}\n' for line in lines))
    except OSError as error:
        raise DataError(f'{path}: cannot write: {error.strerror}. Free space or choose another folder.') from error


def whole_numbers(texts: list[str], where: str, lines: IntArray, name: str) -> IntArray:
    """A column (N,) of whole numbers; ``7.0``, as some programs write it, is one.

    Raises:
        DataError: something else is there; the line is named.
    """
    same = bool(texts) and texts.count(texts[0]) == len(texts)  # heights and widths, mostly: read one for all
    try:
        if same:
            return np.full(len(texts), int(texts[0]), np.int64)
        return np.fromiter(map(int, texts), np.int64, len(texts))
    except (ValueError, OverflowError):
        pass  # 7.0, or wrong
    values = real_numbers(texts, where, lines, name)
    bad = np.flatnonzero(~(np.abs(values) < 2**53) | (values != np.floor(values)))
    if len(bad):
        raise DataError(f'{where}, line {lines[bad[0]]}: {name} must be a whole number, found {texts[bad[0]]!r}')
    return values.astype(np.int64)


def real_numbers(texts: list[str], where: str, lines: IntArray, name: str) -> FloatArray:
    """A column (N,) of numbers, NaN and infinity among them.

    Raises:
        DataError: something else is there; the line is named.
    """
    try:
        return np.fromiter(map(float, texts), np.float64, len(texts))
    except ValueError:
        for text, line in zip(texts, lines):
            try:
                float(text)
            except ValueError:
                raise DataError(f'{where}, line {line}: {name} must be a number, found {text!r}') from None
        raise


def refuse_repeated(frames: IntArray, ids: IntArray, where: str, lines: IntArray, first_frame: int) -> None:
    """An identity may be in a frame once.

    Raises:
        DataError: file, both lines, frame and id are named.
    """
    order = np.lexsort((ids, frames))
    same = (np.diff(frames[order]) == 0) & (np.diff(ids[order]) == 0)
    if same.any():
        first, second = order[np.flatnonzero(same)[0] :][:2]
        raise DataError(
            f'{where}, line {lines[second]}: id {ids[second]} is in frame {frames[second] + first_frame} twice '
            f'(first on line {lines[first]})'
        )


def refuse_disorder(frames: IntArray, where: str, lines: IntArray, first_frame: int) -> None:
    """Frames must not go back.

    Raises:
        DataError: file, line and both frames are named.
    """
    bad = np.flatnonzero(np.diff(frames) < 0)
    if len(bad):
        row = bad[0] + 1
        raise DataError(
            f'{where}, line {lines[row]}: frame {frames[row] + first_frame} comes after frame '
            f'{frames[row - 1] + first_frame}; detections must be in the order of their frames: sort the file by its '
            'first column'
        )


def refuse_unknown_frames(
    frames: IntArray, length: int | None, where: str, lines: IntArray, first_frame: int
) -> None:
    """Frames lie between the sequence's first and last.

    Raises:
        DataError: file, line and frame are named.
    """
    bad = np.flatnonzero((frames < 0) | (frames >= (np.iinfo(np.int64).max if length is None else length)))
    if len(bad):
        known = f'from {first_frame}' if length is None else f'{first_frame} to {length - 1 + first_frame}'
        raise DataError(
            f'{where}, line {lines[bad[0]]}: frame {frames[bad[0]] + first_frame} is unknown; frames go {known}. '
            'Does the file belong to this sequence? MOTChallenge counts from 1, KITTI from 0 (first_frame)'
        )
