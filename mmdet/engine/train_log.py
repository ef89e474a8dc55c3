"""What a run tells about itself: lines on the console and in train.log, numbers in scalars.jsonl and TensorBoard."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from itertools import chain, count
from pathlib import Path
from typing import Any

import torch

from mmdet.engine.distributed import Process
from mmdet.errors import ConfigError

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

log = logging.getLogger('mmdet.train')


def set_up_logging(process: Process, work_dir: Path | None = None) -> None:
    """Let rank 0 write to the console, and to ``work_dir/train.log``; other ranks tell only warnings."""
    root = logging.getLogger('mmdet')
    root.handlers.clear()
    root.propagate = False
    root.setLevel(logging.INFO if process.first else logging.WARNING)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    if process.first and work_dir is not None:
        work_dir.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(work_dir / 'train.log'))
    rank = '' if process.world_size == 1 else f'[{process.rank}] '
    for handler in handlers:
        handler.setFormatter(logging.Formatter(f'%(asctime)s {rank}%(message)s', '%m-%d %H:%M:%S'))
        root.addHandler(handler)


class TrainLog:
    """Collects the numbers of iterations and reports their means every ``interval``.

    ``scalars.jsonl`` gets one object per report: ``mode`` (train, val), ``epoch``, ``iter`` and the numbers. It is
    appended to; after resuming, a later line of the same iteration is the valid one.

    Args:
        process: this process; rank 0 writes.
        work_dir: where the files go.
        interval: iterations per report.
        tensorboard: write the same numbers as TensorBoard files to ``work_dir/tensorboard`` too.

    Raises:
        ConfigError: the interval is not a number from 1.
    """

    def __init__(self, process: Process, work_dir: Path, interval: int = 50, tensorboard: bool = True) -> None:
        if not isinstance(interval, int) or interval < 1:
            raise ConfigError(f'log_cfg.interval must be a number of iterations from 1, got {interval!r}')
        self.process, self.interval = process, interval
        self.path = work_dir / 'scalars.jsonl'
        self._window: dict[str, list[float]] = defaultdict(list)
        self._spent, self._steps = 0.0, 0
        self._board = Board(work_dir / 'tensorboard') if tensorboard and process.first else None
        if process.first:
            work_dir.mkdir(parents=True, exist_ok=True)

    def put_aside_older(self) -> None:
        """A run that begins anew gets new files; those of an earlier run in this folder are renamed, not mixed in."""
        if self.process.first:
            _put_aside(self.path)
            _put_aside(self.path.with_name('tensorboard'))

    def add(self, numbers: Mapping[str, float], seconds: float, data_seconds: float) -> None:
        """Take the numbers of one iteration and how long it took, waiting for data included."""
        for key, value in {**numbers, 'time': seconds, 'data_time': data_seconds}.items():
            self._window[key].append(value)
        self._spent += seconds
        self._steps += 1

    def report(self, title: str, iteration: int, epoch: int, remaining: int, extra: Mapping[str, float]) -> None:
        """Average the window over iterations and processes, write it, and start a new one.

        Args:
            title: how far the run is, as text.
            iteration, epoch: finished ones.
            remaining: iterations to go, for the ETA.
            extra: present values (learning rate, gradient norm).
        """
        own = {key: sum(values) / len(values) for key, values in self._window.items()}
        self._window.clear()
        means = dict(zip(own, self.process.mean(list(own.values()), f'averaging the log at iteration {iteration}')))
        if not self.process.first:
            return
        eta = timedelta(seconds=round(remaining * self._spent / max(1, self._steps)))
        numbers = {**extra, **means, 'memory_mb': memory_mb(self.process.device)}
        log.info('%s  eta %s  %s', title, eta, '  '.join(f'{key} {value:.4g}' for key, value in numbers.items()))
        self._write('train', iteration, epoch, numbers)

    def validation(self, metrics: Mapping[str, float], iteration: int, epoch: int) -> None:
        """Write the numbers of a validation; call it on rank 0."""
        log.info('validation  %s', '  '.join(f'{key} {value:.4f}' for key, value in metrics.items()))
        self._write('val', iteration, epoch, metrics)

    def close(self) -> None:
        """Finish the TensorBoard files."""
        if self._board is not None:
            self._board.close()

    def _write(self, mode: str, iteration: int, epoch: int, numbers: Mapping[str, float]) -> None:
        record = {'mode': mode, 'epoch': epoch, 'iter': iteration, 'when': round(time.time(), 1), **numbers}
        try:
            with open(self.path, 'a') as file:
                file.write(json.dumps(record) + '\n')
        except OSError as error:  # a full disk must not end a run that may still save where there is room
            log.warning('cannot write %s: %s', self.path, error.strerror)
        if self._board is not None:
            self._board.add(mode, iteration, numbers)


class Board:
    """TensorBoard files of a run, begun with its first numbers. A full disk ends them, not the run.

    Args:
        folder: where they go; a resumed run adds to it, and hides what an earlier process wrote of later iterations.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer: Any = None
        self._failed = False

    def add(self, mode: str, iteration: int, numbers: Mapping[str, float]) -> None:
        """Write numbers as curves ``mode/name``."""
        if self._failed:
            return
        try:
            if self._writer is None:
                from torch.utils.tensorboard import SummaryWriter  # takes a second, which testing need not wait for

                self._writer = SummaryWriter(str(self.folder), purge_step=iteration)
            for key, value in numbers.items():
                self._writer.add_scalar(f'{mode}/{key}', value, iteration)
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        """Write what is still waiting."""
        if self._writer is None or self._failed:
            return
        try:
            self._writer.close()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self._failed = True
        log.warning('no more TensorBoard files, cannot write %s: %s', self.folder, error.strerror or error)


def _put_aside(path: Path) -> None:
    """Rename a file or folder, if it exists, after the moment of its last change; nothing is overwritten."""
    if not path.exists():
        return
    moment = time.strftime('%Y%m%d_%H%M%S', time.localtime(path.stat().st_mtime))
    endings = chain([''], (f'_{number}' for number in count(2)))
    names = (path.with_name(f'{path.stem}_{moment}{ending}{path.suffix}') for ending in endings)
    path.rename(next(name for name in names if not name.exists()))


def memory_mb(device: torch.device) -> float:
    """Largest memory so far in MB: of the GPU where there is one, else resident memory of this process."""
    if device.type == 'cuda':
        return round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    if resource is None:
        return 0.0
    unit = 2**20 if sys.platform == 'darwin' else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
