"""Lets all processes find out together, before any weight changes, whether a step is sound and whether to stop."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdet.engine.distributed import Process
from mmdet.engine.losses import key_change, key_fingerprint, non_finite, refuse_non_finite
from mmdet.errors import ConfigError, NonFiniteLossError


class StepCheck:
    """One exchange of five numbers per iteration.

    Args:
        process: this process.
        work_dir: where the names of the samples behind a bad loss are written.
    """

    def __init__(self, process: Process, work_dir: Path) -> None:
        self.process, self.work_dir = process, work_dir
        self._keys: list[str] | None = None

    def __call__(self, numbers: dict[str, float], batch: Mapping[str, Any], iteration: int, stop: bool) -> bool:
        """Whether any process wants to stop.

        Args:
            numbers: losses of this process, see :func:`mmdet.engine.losses.sum_losses`.
            batch: what they were computed from.
            iteration: for messages.
            stop: whether this process was asked to stop.

        Raises:
            NonFiniteLossError: a loss of any process is NaN or infinite.
            ConfigError: keys differ from those of the first iteration, or between processes.
        """
        keys = list(numbers)
        self._keys = self._keys or keys
        change, mark = key_change(self._keys, keys), key_fingerprint(keys)
        bad = non_finite({key: value for key, value in numbers.items() if 'loss' in key})
        flags = [int(stop), int(bool(bad)), int(bool(change)), mark, -mark]
        any_stop, any_bad, any_change, high, low = self.process.maximum(flags, f'iteration {iteration}')
        if bad:
            name = f'non_finite_loss_iter_{iteration}_rank_{self.process.rank}.json'
            refuse_non_finite(numbers, batch, iteration, self.work_dir / name)
        if any_bad:
            raise NonFiniteLossError(f'iteration {iteration}: the loss of another process is not finite; it tells more')
        if any_change or high != -low:
            what = f'the model returned losses {change}' if change else 'another process has other losses'
            raise ConfigError(
                f'iteration {iteration}, rank {self.process.rank}: {what}. A model must return the same keys in every '
                f'iteration on every process: a zero that depends on its parameters where there is nothing to learn.'
            )
        return bool(any_stop)
