"""Hands items from one thread to the next, with a bound on how many wait, so that stages of a stream overlap."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ['Channel', 'start_stage']

T = TypeVar('T')


class Channel(Generic[T]):
    """A bounded queue between one writing and one reading thread that carries the end and failures too.

    Args:
        size: items that may wait.
        drop_oldest: when full, forget the item that waited longest instead of making the writer wait.

    Attributes:
        dropped: items forgotten so far.
    """

    def __init__(self, size: int, drop_oldest: bool = False) -> None:
        self.size, self.drop_oldest, self.dropped = size, drop_oldest, 0
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None

    def put(self, item: T) -> bool:
        """Add an item, waiting for room; False once nobody reads any more."""
        with self._changed:
            while len(self._items) >= self.size and not self._closed:
                if self.drop_oldest:
                    self._items.popleft()
                    self.dropped += 1
                else:
                    self._changed.wait()
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()
            return not self._closed

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more comes; ``error`` is raised in the reader after the items that wait."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def take(self, most: int = 1, least: int = 1) -> list[T]:
        """Wait for ``least`` items and take up to ``most``; fewer only at the end, [] after it.

        Raises:
            BaseException: whatever the writer ended with.
        """
        with self._changed:
            while len(self._items) < min(least, self.size) and not self._ended and not self._closed:
                self._changed.wait()
            taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            if not taken and self._error is not None:
                error, self._error = self._error, None
                raise error
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """The reader stops: items that wait are forgotten, and the writer learns it at its next :meth:`put`."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()


def start_stage(items: Iterator[T], out: Channel[T], name: str) -> threading.Thread:
    """Start a thread that puts all of ``items`` into ``out``; failures go the same way."""

    def run() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                if not out.put(item):
                    break
        except BaseException as caught:  # the reader raises it
            error = caught
        finally:
            close = getattr(items, 'close', None)
            if close is not None:
                close()
            out.end(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
