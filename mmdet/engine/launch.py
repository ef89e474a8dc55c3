"""Starts a command once per process on this machine, watches the processes, and passes on signals and exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

from mmdet.engine.cli import EXIT_DONE, EXIT_STOPPED
from mmdet.engine.distributed import STORE_VARIABLE
from mmdet.engine.stop_signal import PARENT_VARIABLE
from mmdet.errors import ConfigError

GRACE = 15.0  # seconds that the others get to end by themselves once one has failed
PASSED_ON = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


def must_launch(processes: int) -> bool:
    """Whether this process shall start ``processes`` others instead of doing the work itself."""
    if processes < 1:
        raise ConfigError(f'--gpus must be at least 1, got {processes}')
    return processes > 1 and 'RANK' not in os.environ


def launch(processes: int, command: Sequence[str]) -> int:
    """Run ``command`` (script and arguments) in N processes that find each other; return their exit code.

    All exit with 0 or all with 75: that is the result. Otherwise it is the code of the first that failed, and the
    others are ended. SIGTERM, SIGUSR1 and SIGINT are passed on to every process.

    Raises:
        ConfigError: there are GPUs, but fewer than processes.
    """
    import torch
    import torch.distributed as dist

    if torch.cuda.is_available() and processes > torch.cuda.device_count():
        raise ConfigError(
            f'--gpus {processes}: this machine has {torch.cuda.device_count()}. Start fewer processes, or hide the '
            f'GPUs (CUDA_VISIBLE_DEVICES= ) to run that many on CPU.'
        )
    store = dist.TCPStore('127.0.0.1', 0, is_master=True, wait_for_workers=False)  # port 0: the system picks a free one
    shared = {
        **os.environ,
        'WORLD_SIZE': str(processes),
        STORE_VARIABLE: f'127.0.0.1:{store.port}',
        PARENT_VARIABLE: str(os.getpid()),
        'OMP_NUM_THREADS': os.environ.get('OMP_NUM_THREADS', str(max(1, (os.cpu_count() or 1) // processes))),
    }
    if sys.platform == 'linux':
        shared.setdefault('GLOO_SOCKET_IFNAME', 'lo')  # one machine: no need that its name can be looked up
    children = [
        subprocess.Popen(
            [sys.executable, *command],
            env={**shared, 'RANK': str(rank), 'LOCAL_RANK': str(rank)},
            start_new_session=True,  # signals of the terminal come to us alone, and we pass them on once
        )
        for rank in range(processes)
    ]
    with _PassSignals(children):
        return _wait(children)


class _PassSignals:
    """While entered, signals of this process go to all children as well."""

    def __init__(self, children: Sequence[subprocess.Popen]) -> None:
        self._children = children

    def __enter__(self) -> None:
        self._previous = {number: signal.signal(number, self._pass) for number in PASSED_ON}

    def __exit__(self, *error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _pass(self, number: int, frame: FrameType | None) -> None:
        for child in self._children:
            if child.poll() is None:
                child.send_signal(number)


def _wait(children: Sequence[subprocess.Popen]) -> int:
    deadline: float | None = None
    failure = 0
    while True:
        codes = [child.poll() for child in children]
        failed = [rank for rank, code in enumerate(codes) if code not in (None, EXIT_DONE, EXIT_STOPPED)]
        if failed and not failure:
            code = codes[failed[0]] or 0
            failure = code if code > 0 else 128 - code  # as a shell counts the death by a signal
            deadline = time.monotonic() + GRACE
            print(f'rank {failed[0]} ended with code {failure}; ending the others', file=sys.stderr)
        if None not in codes:
            return failure or max(code or 0 for code in codes)
        if deadline is not None and time.monotonic() > deadline:
            for child in children:
                child.kill()
        time.sleep(0.05)
