"""What every source of frames offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType

import numpy as np

from mmdet.errors import VideoSourceError

__all__ = ['ASSUMED_FPS', 'FrameSource']

ASSUMED_FPS = 25.0  # of sources that do not tell


class FrameSource(ABC):
    """Frames of one video in order, (H, W, 3) uint8 RGB, one in memory at a time. Can be read again unless live.

    Attributes:
        name: for file names and messages.
        fps: frames per second; 25 where the source does not tell.
        length: number of frames, -1 where it is not known. Containers without an index only estimate it.
        size: (height, width) of every frame.
        live: whether frames are lost unless they are taken in time.
    """

    def __init__(self, name: str, fps: float, length: int, size: tuple[int, int], live: bool = False) -> None:
        self.name, self.fps, self.length, self.size, self.live = name, fps, length, size, live

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the frames.

        Raises:
            VideoSourceError: a frame cannot be read or has another size than the first.
        """
        for index, frame in enumerate(self._frames()):
            if frame.shape[:2] != self.size:
                raise VideoSourceError(
                    f'{self.frame_name(index)} is {frame.shape[1]} x {frame.shape[0]} but the frames before are '
                    f'{self.size[1]} x {self.size[0]} (width x height). Frames of a video have one size: give each '
                    'size its own folder, or resize them'
                )
            yield frame

    @abstractmethod
    def _frames(self) -> Iterator[np.ndarray]: ...

    def frame_name(self, index: int) -> str:
        """Where a frame comes from, for messages and result files."""
        return f'{self.name}#{index}'

    def close(self) -> None:  # noqa: B027 - most sources hold nothing
        """Let go of files and devices. Safe to call twice."""

    def __enter__(self) -> FrameSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
