"""Stopping on request without losing work: a signal sets a flag, the loop ends where it can save."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)  # the end of an allocation, and Slurm's warning before it
PARENT_VARIABLE = 'MMDET_LAUNCHER_PID'  # set by the launcher of several processes
SAME_REQUEST = 1.0  # seconds; a launcher and a batch system may both pass on one request


class StopSignal:
    """While entered, SIGTERM and SIGUSR1 set :attr:`requested` instead of ending the program.

    A second signal ends the program at once, without saving. Under a launcher the same request may arrive twice, once
    directly and once passed on, so signals within a second of the first count as one there. A launcher that is gone
    counts as a request, so that its processes do not go on alone.
    """

    def __init__(self) -> None:
        self._launcher = int(os.environ.get(PARENT_VARIABLE, 0))
        self._since: float | None = None
        self._process = os.getpid()
        self._previous: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether this process was asked to stop."""
        if self._since is None and self._launcher and os.getppid() != self._launcher:
            self._since = time.monotonic()
        return self._since is not None

    def __enter__(self) -> StopSignal:
        self._previous = {number: signal.signal(number, self._handle) for number in STOP_SIGNALS}
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            return  # a forked helper; its parent decides
        now = time.monotonic()
        if self._since is None:
            self._since = now
        elif not self._launcher or now - self._since > SAME_REQUEST:
            os._exit(128 + number)


class DeafWorker:
    """Start function of a data loader's worker: stop signals are the main process's affair.

    Batch systems signal every process of a job. Workers that died of it would take the main process with them before it
    has saved.

    Args:
        start: start function that the loader had before, called first.
    """

    def __init__(self, start: Callable[[int], None] | None = None) -> None:
        self.start = start

    def __call__(self, worker: int) -> None:
        if self.start is not None:
            self.start(worker)
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
