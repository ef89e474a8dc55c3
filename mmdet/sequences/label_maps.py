"""Label maps: PNG files whose pixels are object numbers, drawn with the palette of DAVIS."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mmdet.errors import DataError
from mmdet.files import write_bytes

__all__ = [
    'MAX_OBJECT',
    'VOID',
    'davis_palette',
    'encode_label_map',
    'is_drawn_white',
    'merged_objects',
    'object_numbers',
    'read_label_map',
    'write_label_map',
]

VOID = 255  # pixels that belong to nobody and are not scored
MAX_OBJECT = 254


def davis_palette() -> np.ndarray:
    """(256, 3) uint8 RGB colours of PASCAL VOC and DAVIS labels: a label's bits dealt to the channels, high first."""
    labels = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= (((labels >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return palette


def read_label_map(path: str | Path, size: tuple[int, int] | None = None, where: str = '') -> np.ndarray:
    """Object numbers (H, W) uint8 of a palette or grey PNG; 0 is background, 255 void.

    Args:
        path: of the file.
        size: (H, W) that it must have, that of the frame; None takes any.
        where: what the file belongs to, put into every message.

    Raises:
        DataError: missing, empty, damaged, a colour picture, or of another size than the frame.
    """
    place = f'{path} ({where})' if where else str(path)
    try:
        with Image.open(path) as picture:
            mode = picture.mode
            labels = np.array(picture, dtype=np.uint8) if mode in ('P', 'L', '1') else np.zeros((0, 0), np.uint8)
    except FileNotFoundError:
        raise DataError(f'{place}: the label map does not exist') from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        state = 'is empty' if Path(path).is_file() and Path(path).stat().st_size == 0 else f'is damaged ({error})'
        raise DataError(f'{place}: the label map {state}; download or write it again') from error
    if mode not in ('P', 'L', '1'):
        raise DataError(
            f'{place}: a label map holds object numbers (palette or 8-bit grey PNG), this picture is of mode {mode}; '
            f'a program that turned numbers into colours has lost them'
        )
    if size is not None and labels.shape != tuple(size):
        raise DataError(
            f'{place}: the label map is {labels.shape[1]} x {labels.shape[0]} (width x height) but its frame is '
            f'{size[1]} x {size[0]}; use maps at the size of the frames'
        )
    return labels


def object_numbers(labels: np.ndarray) -> list[int]:
    """Numbers of the objects in a label map of uint8, rising, without background and void."""
    counts = np.bincount(labels.ravel(), minlength=VOID + 1)
    return (np.flatnonzero(counts[1:VOID]) + 1).tolist()


def is_drawn_white(labels: np.ndarray) -> bool:
    """Whether label maps hold 0 and 255 alone, as many programs write one object, and not void beside objects."""
    return bool((labels == VOID).any()) and not bool(((labels > 0) & (labels != VOID)).any())


def merged_objects(labels: np.ndarray, white: bool = False) -> np.ndarray:
    """All objects of label maps (..., H, W) as object 1, as DAVIS 2016 takes them; void stays.

    Args:
        labels: object numbers uint8.
        white: 255 is the object, see :func:`is_drawn_white`; a matter of the whole sequence, not of a frame.
    """
    objects = labels > 0 if white else (labels > 0) & (labels != VOID)
    return np.where(objects, 1, labels).astype(np.uint8)


def encode_label_map(labels: np.ndarray) -> bytes:
    """PNG file of object numbers (H, W) uint8 with the palette of DAVIS."""
    height, width = labels.shape
    picture = Image.frombytes('P', (width, height), np.ascontiguousarray(labels, dtype=np.uint8).tobytes())
    picture.putpalette(davis_palette().tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, 'PNG')
    return buffer.getvalue()


def write_label_map(path: str | Path, labels: np.ndarray) -> None:
    """Write object numbers (H, W) as a PNG with the palette of DAVIS, whole or not at all.

    Raises:
        DataError: the file cannot be written.
    """
    try:
        write_bytes(path, encode_label_map(labels))
    except OSError as error:
        raise DataError(f'{path}: cannot write the label map: {error.strerror}') from error
