"""Reads frames, and notices the damaged files that decoders silently fill with grey."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mmdet.errors import DataError

__all__ = ['check_size', 'find_image', 'header_size', 'read_image']

SUFFIXES = ('.jpg', '.jpeg', '.png', '.JPEG', '.JPG', '.PNG')  # tried for names without one
_JPEG, _PNG = b'\xff\xd8', b'\x89PNG\r\n\x1a\n'
_NO_LENGTH = frozenset([0x01, *range(0xD0, 0xD9)])  # JPEG markers without a length field
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA


def find_image(path: str | Path) -> Path:
    """The file of a frame; names without an extension get the first one that exists (YouTube-VOS spelling)."""
    path = Path(path)
    if path.suffix or path.is_file():
        return path
    return next((found for s in SUFFIXES if (found := path.with_name(path.name + s)).is_file()), path)


def read_image(path: str | Path, where: str = '') -> np.ndarray:
    """Read a frame as (H, W, 3) uint8 RGB.

    Orientation tags are ignored, as annotations count the pixels that are stored.

    Args:
        path: JPEG, PNG or another format that OpenCV reads.
        where: annotation file, video and frame, put into every message.

    Raises:
        DataError: missing, empty, cut off or not an image.
    """
    data = _read_bytes(path, where)
    image = None
    if _complete(data):
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        state = 'cannot be decoded as an image' if _complete(data) else 'is cut off (its end is missing)'
        raise DataError(f'{_place(path, where)}: the image {state}; download or extract it again')
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def check_size(path: str | Path, size: tuple[int, int], expected: tuple[int, int], where: str = '') -> None:
    """Compare the (height, width) of an image with what the annotation file says.

    Raises:
        DataError: they differ.
    """
    if size != expected:
        raise DataError(
            f'{_place(path, where)}: the image is {size[1]} x {size[0]} (width x height) but the annotation file says '
            f'{expected[1]} x {expected[0]}; use the frames that the annotations were made for'
        )


def header_size(path: str | Path, where: str = '') -> tuple[int, int]:
    """Height and width of an image from its header; pixels are not decoded, but the end of the file must be there.

    Raises:
        DataError: missing, empty, cut off or not an image.
    """
    data = _read_bytes(path, where)
    if not _complete(data):
        raise DataError(f'{_place(path, where)}: the image is cut off (its end is missing); download it again')
    if data.startswith(_PNG):
        width, height = struct.unpack('>II', data[16:24])
        return height, width
    for marker, start in _jpeg_segments(data):
        if marker in _FRAME_HEADERS and start + 7 <= len(data):
            height, width = struct.unpack('>HH', data[start + 3 : start + 7])
            return height, width
    return read_image(path, where).shape[:2]  # another format: no short way


def _place(path: str | Path, where: str) -> str:
    return f'{path} ({where})' if where else str(path)


def _read_bytes(path: str | Path, where: str) -> bytes:
    path = find_image(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        hint = 'the folder exists' if path.parent.is_dir() else f'nor does the folder {path.parent}'
        raise DataError(
            f'{_place(path, where)}: the image does not exist ({hint}); check data_root and img_prefix'
        ) from None
    except OSError as error:
        raise DataError(f'{_place(path, where)}: the image cannot be read ({error.strerror})') from error
    if not data:
        raise DataError(f'{_place(path, where)}: the image file is empty; download or extract it again')
    return data


def _complete(data: bytes) -> bool:
    """Whether a JPEG or PNG has its end mark. Decoders accept files without it and invent the missing rows."""
    if data.startswith(_PNG):
        return b'IEND' in data[-64:]
    if not data.startswith(_JPEG):
        return True
    # In coded pixels 0xFF is always followed by 0 or a restart mark, so an end mark after the start of the
    # first scan is a real one; the end mark of a thumbnail in the header is not.
    scan = next((start for marker, start in _jpeg_segments(data) if marker == _START_OF_SCAN), None)
    return scan is not None and data.rfind(b'\xff\xd9', scan) >= 0


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Markers up to the first scan, each with the position of its length field."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # padding
            position += 1
            continue
        yield marker, position + 2
        if marker == _START_OF_SCAN:
            return
        length = 0 if marker in _NO_LENGTH else int(struct.unpack('>H', data[position + 2 : position + 4])[0])
        position += 2 + length
