"""Which neighbours a frame is calibrated with, and the stream that waits for them in bounded memory."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

Frame = TypeVar('Frame')


def reference_frames(frame: int, length: int, reach: int, limit: int | None = None) -> list[int]:
    """Frames of a video of ``length`` frames that frame ``frame`` is calibrated with, in order.

    Args:
        frame: index from 0.
        length: frames of the video.
        reach: references are at most so many frames away.
        limit: only so many, the nearest; of two equally near the earlier one. None: all.
    """
    near = [t for t in range(max(frame - reach, 0), min(frame + reach + 1, length)) if t != frame]
    return sorted(sorted(near, key=lambda t: abs(t - frame))[:limit])


class ReferenceWindow(Generic[Frame]):
    """Takes the frames of a video one by one, and gives each back with its references once they are all there.

    A frame leaves ``reach`` frames late; at most ``2 * reach + 1`` frames are kept.

    Args:
        reach, limit: see :func:`reference_frames`.
    """

    def __init__(self, reach: int, limit: int | None = None) -> None:
        self.reach, self.limit = reach, limit
        self._kept: deque[Frame] = deque()
        self._first = 0  # index in the video of the oldest frame kept
        self._next = 0  # index of the frame that leaves next

    def __len__(self) -> int:
        """Frames in memory."""
        return len(self._kept)

    @property
    def received(self) -> int:
        """Frames taken so far."""
        return self._first + len(self._kept)

    def push(self, frame: Frame) -> list[tuple[Frame, list[Frame]]]:
        """Take the video's next frame; return the frame that is ready now with its references, if there is one."""
        self._kept.append(frame)
        return [self._leave()] if self.received > self._next + self.reach else []

    def finish(self) -> list[tuple[Frame, list[Frame]]]:
        """The video is over: the frames that still waited, with their references."""
        ready = [self._leave() for _ in range(self._next, self.received)]
        self._first = self._next
        self._kept.clear()
        return ready

    def _leave(self) -> tuple[Frame, list[Frame]]:
        indices = reference_frames(self._next, self.received, self.reach, self.limit)
        ready = self._kept[self._next - self._first], [self._kept[t - self._first] for t in indices]
        self._next += 1
        while self._first < self._next - self.reach:
            self._kept.popleft()
            self._first += 1
        return ready
