"""Ctrl-C that ends a stream between two frames, so that what was written so far is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

__all__ = ['InterruptGuard']


class InterruptGuard:
    """While entered, SIGINT and SIGTERM raise ``KeyboardInterrupt``, but not within :meth:`shielded`.

    In a thread other than the main one it does nothing, as Python gives signals to the main one only.

    Attributes:
        requested: whether a signal came while shielded.
    """

    def __init__(self) -> None:
        self.requested = False
        self._shielded = False
        self._previous: dict[signal.Signals, Any] = {}

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Put off a signal to the end of the block, where it is to be found in :attr:`requested`."""
        self._shielded = True
        try:
            yield
        finally:
            self._shielded = False

    def __enter__(self) -> InterruptGuard:
        if threading.current_thread() is threading.main_thread():
            numbers = (signal.SIGINT, signal.SIGTERM)
            self._previous = {number: signal.signal(number, self._handle) for number in numbers}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._shielded:
            raise KeyboardInterrupt
        self.requested = True
