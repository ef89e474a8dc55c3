"""Frames from wherever they come: a video file, a folder, a pattern, a camera, a network stream or a program."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from mmdet.apis.capture import CaptureSource, is_address, without_password
from mmdet.apis.frame_source import ASSUMED_FPS, FrameSource
from mmdet.datasets.image_file import read_image
from mmdet.errors import DataError, VideoSourceError

__all__ = ['ArraySource', 'ImageSource', 'SourceSpec', 'open_source']

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.ppm')

SourceSpec = str | Path | int | FrameSource | Iterable[np.ndarray]


class ImageSource(FrameSource):
    """Image files in the order given.

    Raises:
        VideoSourceError: there is none, or the first cannot be read.
    """

    def __init__(self, files: Sequence[Path], name: str, fps: float = ASSUMED_FPS) -> None:
        if not files:
            raise VideoSourceError(f'{name}: there is no image in it (looked for {", ".join(IMAGE_SUFFIXES)})')
        self.files = list(files)
        height, width = _read_image(self.files[0]).shape[:2]
        super().__init__(name, fps, len(self.files), (height, width))

    def _frames(self) -> Iterator[np.ndarray]:
        return (_read_image(file) for file in self.files)

    def frame_name(self, index: int) -> str:
        return str(self.files[index])


class ArraySource(FrameSource):
    """Frames that a program already has or makes: any iterable of (H, W, 3) uint8 RGB arrays.

    Raises:
        VideoSourceError: there is none, or the first is of another type.
    """

    def __init__(self, frames: Iterable[np.ndarray], name: str = 'frames', fps: float = ASSUMED_FPS) -> None:
        self._stream = iter(frames)
        first = next(self._stream, None)
        if first is None:
            raise VideoSourceError(f'{name}: there is not a single frame')
        self._waiting = [_checked_array(first, name, 0)]
        length = len(frames) if isinstance(frames, Sequence) else -1
        super().__init__(name, fps, length, (first.shape[0], first.shape[1]))

    def _frames(self) -> Iterator[np.ndarray]:
        if self._waiting:
            yield self._waiting.pop()
        for index, frame in enumerate(self._stream, 1):
            yield _checked_array(frame, self.name, index)


def open_source(spec: SourceSpec) -> FrameSource:
    """Open anything that gives frames.

    Args:
        spec: video file, image file, folder of images (natural order: ``2.jpg`` before ``10.jpg``), pattern
            (``frames/*.png``), camera (``0`` or ``'0'``), address (``rtsp://...``), iterable of arrays, or an open
            source, which is given back.

    Raises:
        VideoSourceError: it is not there, empty or not readable; the message says what to do.
    """
    if isinstance(spec, FrameSource):
        return spec
    if isinstance(spec, int) or (isinstance(spec, str) and spec.isdecimal()):
        return CaptureSource(int(spec), f'camera {int(spec)}')
    if not isinstance(spec, str | Path):
        return ArraySource(spec)
    text = str(spec)
    if is_address(text):
        return CaptureSource(text, without_password(text))
    path = Path(text).expanduser()
    if path.is_dir():
        return ImageSource(_natural(p for p in path.iterdir() if _is_image(p)), text)
    if path.is_file():
        return ImageSource([path], text) if _is_image(path) else CaptureSource(str(path), text)
    return _open_pattern(text, path)


def _open_pattern(text: str, path: Path) -> FrameSource:
    if not glob.has_magic(text):
        near = ', '.join(sorted(p.name for p in path.parent.iterdir())[:8]) if path.parent.is_dir() else ''
        hint = f'its folder has {near or "nothing"}' if path.parent.is_dir() else f'nor is its folder {path.parent}'
        raise VideoSourceError(f'{text}: there is no such video file or folder of images ({hint})')
    files = [Path(name) for name in glob.glob(str(path), recursive=True)]
    if not files:
        raise VideoSourceError(f'{text}: no file matches this pattern')
    return ImageSource(_natural(file for file in files if _is_image(file)), text)


def _read_image(file: Path) -> np.ndarray:
    try:
        return read_image(file)
    except DataError as error:
        raise VideoSourceError(str(error)) from error


def _checked_array(frame: np.ndarray, name: str, index: int) -> np.ndarray:
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        found = f'{frame.shape} {frame.dtype}' if isinstance(frame, np.ndarray) else type(frame).__name__
        raise VideoSourceError(f'{name}#{index}: a frame is an array (H, W, 3) uint8 RGB, got {found}')
    return frame


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith('.') and path.is_file()


def _natural(paths: Iterable[Path]) -> list[Path]:
    """Paths sorted as people count: digits by value."""
    return sorted(paths, key=lambda path: [_by_value(part) for part in re.split(r'(\d+)', str(path))])


def _by_value(part: str) -> tuple[int, str]:
    return (int(part), part) if part.isdecimal() else (-1, part)
