"""Frames that OpenCV decodes: video files, cameras, network streams."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from mmdet.apis.frame_source import ASSUMED_FPS, FrameSource
from mmdet.errors import VideoSourceError

__all__ = ['CaptureSource', 'is_address', 'without_password']

LIVE_PROTOCOLS = ('rtsp', 'rtsps', 'rtmp', 'rtp', 'udp', 'srt')
_EXACT_LENGTH = ('.mp4', '.mov', '.m4v', '.avi')  # their index counts frames; other containers only give a duration
_TOLERATED = 0.02  # part of the indexed frames that decoders leave out at edit points of undamaged files


class CaptureSource(FrameSource):
    """A video file, camera or network stream, decoded by OpenCV.

    Args:
        target: file, address, or index of a camera.
        name: for messages.

    Raises:
        VideoSourceError: it cannot be opened, or not even one frame can be decoded.
    """

    def __init__(self, target: str | int, name: str) -> None:
        self.target = target
        self._opened: tuple[cv2.VideoCapture, np.ndarray] | None = None
        capture, first = self._open(name)
        self._opened = capture, first
        count, fps = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
        is_file = isinstance(target, str) and not is_address(target)
        live = not is_file and (isinstance(target, int) or _protocol(target) in LIVE_PROTOCOLS or not 0 < count < 1e9)
        known = 0 < count < 1e9 and not live
        super().__init__(
            name,
            float(fps) if 0 < fps <= 1000 else ASSUMED_FPS,
            int(count) if known else -1,
            (first.shape[0], first.shape[1]),
            live,
        )

    def _open(self, name: str) -> tuple[cv2.VideoCapture, np.ndarray]:
        with _quiet_opencv():
            capture = cv2.VideoCapture(self.target)
            opened = capture.isOpened()
            ok, first = capture.read() if opened else (False, None)
        if not ok or first is None:
            capture.release()
            raise VideoSourceError(self._advice(name, opened))
        return capture, cv2.cvtColor(first, cv2.COLOR_BGR2RGB)

    def _advice(self, name: str, opened: bool) -> str:
        if isinstance(self.target, int):
            state = 'gives no picture' if opened else 'is not there'
            return (
                f'camera {self.target} {state}. Check that it is plugged in, that no other program uses it and that '
                'this user may read it (Linux: ls -l /dev/video*); other cameras have other numbers, 0 is the first'
            )
        if is_address(self.target):
            return f'{name}: the stream cannot be opened. Check the address, user and password, and the network'
        state = 'not one frame of it can be decoded' if opened else 'it cannot be opened as a video'
        return (
            f'{name}: {state}; it is damaged, cut off, or its codec is unknown to OpenCV. '
            f'Try: ffmpeg -i {name} -pix_fmt yuv420p fixed.mp4'
        )

    def _frames(self) -> Iterator[np.ndarray]:
        capture, frame = self._opened or self._open(self.name)
        self._opened = None
        count = 0
        try:
            ok = True
            while ok:
                yield frame
                count += 1
                ok, raw = capture.read()
                if ok:
                    frame = cv2.cvtColor(raw, cv2.COLOR_BGR2RGB)
        finally:
            capture.release()
        self._check_end(count)

    def _check_end(self, count: int) -> None:
        if self.live:
            raise VideoSourceError(f'{self.name} stopped delivering after {count} frames; is it still connected?')
        exact = self.name.lower().endswith(_EXACT_LENGTH)
        if exact and self.length - count > max(5, _TOLERATED * self.length):
            raise VideoSourceError(
                f'{self.name} ends after {count} of {self.length} frames: it is cut off or damaged from there on. '
                'Copy or download it again'
            )

    def close(self) -> None:
        if self._opened is not None:
            self._opened[0].release()
            self._opened = None


def is_address(text: str) -> bool:
    """Whether a text is an address such as ``rtsp://...`` and no path."""
    return re.match(r'[A-Za-z][A-Za-z0-9+.-]+://', text) is not None


def _protocol(text: str) -> str:
    return text.split('://', 1)[0].lower()


def without_password(address: str) -> str:
    """The address without user and password, for messages and files."""
    return re.sub(r'://[^/@]*@', '://', address)


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from printing what every back end thinks of a source that it cannot open; our error says it once."""
    logging = cv2.utils.logging
    level = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)
