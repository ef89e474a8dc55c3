"""Writes frames to a video file or a folder of images that appear under their name only when complete."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from mmdet.errors import VideoSourceError

__all__ = ['CODECS', 'FrameFolderWriter', 'FrameWriter', 'VideoWriter', 'open_writer']

# What the FFmpeg inside OpenCV's wheels can encode on every platform; it has no H.264 encoder for licence reasons.
CODECS = {'.mp4': 'mp4v', '.avi': 'MJPG', '.webm': 'VP90'}
FRAME_NAME = '{:06d}.jpg'


class FrameWriter(ABC):
    """Takes the frames of one video in order. Use it as a context manager: an exception leaves no partial output.

    Args:
        path: where the output will stand; an older one is replaced when this one is complete.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.num_frames = 0
        self._shape: tuple[int, ...] | None = None
        self._open = True

    def write(self, frame: np.ndarray) -> None:
        """Append one frame, (H, W, 3) uint8 RGB.

        Raises:
            VideoSourceError: it cannot be written, or its size is not that of the frames before.
        """
        if not self._open:
            raise VideoSourceError(f'{self.path} is closed already; frame {self.num_frames} came too late')
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise VideoSourceError(f'{self.path}: a frame is (H, W, 3) uint8 RGB, got {frame.shape} {frame.dtype}')
        if self._shape is None:
            self._shape = frame.shape
            self._begin(frame.shape[0], frame.shape[1])
        if frame.shape != self._shape:
            raise VideoSourceError(
                f'{self.path}: frame {self.num_frames} is {frame.shape[1]} x {frame.shape[0]}, the frames before are '
                f'{self._shape[1]} x {self._shape[0]} (width x height); all frames of a video have one size'
            )
        self._append(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        self.num_frames += 1

    def close(self) -> None:
        """Finish the output and give it its name.

        Raises:
            VideoSourceError: no frame was written, or the output is not complete (full disk).
        """
        if not self._open:
            return
        self._open = False
        try:
            if self.num_frames == 0:
                raise VideoSourceError(f'{self.path} was not written: there was not a single frame')
            self._finish()
        finally:
            self._discard()

    def abort(self) -> None:
        """Drop everything written; an older output of that name stays."""
        self._open = False
        self._discard()

    @abstractmethod
    def _begin(self, height: int, width: int) -> None: ...

    @abstractmethod
    def _append(self, frame: np.ndarray) -> None:
        """Write one BGR frame."""

    @abstractmethod
    def _finish(self) -> None: ...

    @abstractmethod
    def _discard(self) -> None:
        """Remove temporary files, if any are left."""

    def __enter__(self) -> FrameWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close() if kind is None else self.abort()


class VideoWriter(FrameWriter):
    """Writes a video file.

    Video codecs need an even width and height; the last column or row of others is doubled.

    Args:
        path: its suffix chooses the codec: ``.mp4`` (MPEG-4), ``.avi`` (Motion JPEG), ``.webm`` (VP9, slow, plays in
            browsers).
        fps: frames per second.

    Raises:
        VideoSourceError: another suffix, a rate that is not positive, or a folder that cannot be made.
    """

    def __init__(self, path: str | Path, fps: float = 25.0) -> None:
        super().__init__(path)
        if self.path.suffix.lower() not in CODECS:
            raise VideoSourceError(f"{self.path}: cannot write '{self.path.suffix}' videos; use {', '.join(CODECS)}")
        if not 0 < fps <= 1000:
            raise VideoSourceError(f'{self.path}: {fps} frames per second are not possible; give a rate above 0')
        self.fps = float(fps)
        self._partial = self.path.with_name(f'.{self.path.stem}.{os.getpid()}.partial{self.path.suffix.lower()}')
        self._writer: cv2.VideoWriter | None = None
        _make_folder(self.path.parent, self.path)

    def _begin(self, height: int, width: int) -> None:
        codec = CODECS[self.path.suffix.lower()]
        height, width = height + height % 2, width + width % 2
        self._writer = cv2.VideoWriter(str(self._partial), cv2.VideoWriter_fourcc(*codec), self.fps, (width, height))
        if not self._writer.isOpened():
            raise VideoSourceError(
                f'{self.path}: cannot write {width} x {height} video with codec {codec}. Check that the folder can be '
                'written and the disk is not full; a folder of images (a path without suffix) always works'
            )

    def _append(self, frame: np.ndarray) -> None:
        if self._writer is not None:
            bottom, right = frame.shape[0] % 2, frame.shape[1] % 2
            self._writer.write(cv2.copyMakeBorder(frame, 0, bottom, 0, right, cv2.BORDER_REPLICATE))

    def _finish(self) -> None:
        self._release()
        readable = _count_frames(self._partial)
        if readable != self.num_frames:  # OpenCV does not tell when a write fails
            raise VideoSourceError(
                f'{self.path}: {self.num_frames} frames were written but the file holds {readable}; is the disk full?'
            )
        os.replace(self._partial, self.path)

    def _release(self) -> None:
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    def _discard(self) -> None:
        self._release()
        self._partial.unlink(missing_ok=True)


class FrameFolderWriter(FrameWriter):
    """Writes a folder of numbered JPEG images, ``000000.jpg`` on.

    Raises:
        VideoSourceError: the folder exists and holds anything but such images, which would be lost or mixed.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        if self.path.exists() and not (self.path.is_dir() and all(_is_frame(p) for p in self.path.iterdir())):
            raise VideoSourceError(f'{self.path} exists and is not a folder of numbered frames; choose another name')
        self._partial = self.path.with_name(f'.{self.path.name}.{os.getpid()}.partial')
        _make_folder(self.path.parent, self.path)

    def _begin(self, height: int, width: int) -> None:
        self._discard()
        _make_folder(self._partial, self.path)

    def _append(self, frame: np.ndarray) -> None:
        target = self._partial / FRAME_NAME.format(self.num_frames)
        if not cv2.imwrite(str(target), frame, [cv2.IMWRITE_JPEG_QUALITY, 92]):
            raise VideoSourceError(f'{self.path}: frame {self.num_frames} cannot be written; is the disk full?')

    def _finish(self) -> None:
        older = self._partial.with_suffix('.old')
        if self.path.exists():
            os.replace(self.path, older)
        os.replace(self._partial, self.path)
        shutil.rmtree(older, ignore_errors=True)

    def _discard(self) -> None:
        shutil.rmtree(self._partial, ignore_errors=True)


def open_writer(path: str | Path, fps: float = 25.0) -> FrameWriter:
    """A video file where ``path`` has a suffix, a folder of images where it has none.

    Raises:
        VideoSourceError: as :class:`VideoWriter` and :class:`FrameFolderWriter`.
    """
    path = Path(path)
    return VideoWriter(path, fps) if path.suffix and not path.is_dir() else FrameFolderWriter(path)


def _make_folder(folder: Path, path: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VideoSourceError(f'{path}: cannot make the folder {folder}: {error.strerror}') from error


def _is_frame(path: Path) -> bool:
    return path.suffix == '.jpg' and path.stem.isdigit()


def _count_frames(path: Path) -> int:
    """Frames that the file's index names; 0 where it cannot be opened."""
    capture = cv2.VideoCapture(str(path))
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    finally:
        capture.release()
