"""What mmengine hooks find on the object that they get as ``runner``."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from torch import nn

from mmdet.engine.distributed import Process
from mmdet.engine.train_state import Progress


class HookView:
    """The part of mmengine's runner that hooks read: position, length, places.

    Attributes:
        cfg: the resolved config.
        process: this process.
        progress: how far the run is.
        hooks: mmengine hooks, in the order of the config.
        model: as it is called in training (wrapped where there are several processes).
        work_dir: where the run keeps its files.
        logger, message_hub: of this package.
    """

    model: nn.Module
    logger = logging.getLogger('mmdet.train')

    def __init__(self, config: Config, process: Process, progress: Progress, hooks: Sequence[Hook]) -> None:
        self.cfg, self.process, self.progress, self.hooks = config, process, progress, list(hooks)
        self.schedule: Mapping[str, Any] = config.train_cfg
        self.work_dir = Path(config.work_dir)
        self.seed = int(config.get('seed', 0))
        self.message_hub = MessageHub.get_instance('mmdet')
        self._resume = False  # read by mmengine's EMAHook

    @property
    def epoch(self) -> int:
        """Finished epochs."""
        return self.progress.epoch

    @property
    def iter(self) -> int:
        """Finished iterations."""
        return self.progress.iter

    @property
    def by_epoch(self) -> bool:
        """Whether the config counts in epochs (``max_epochs``) rather than iterations."""
        return self.schedule.get('max_epochs') is not None

    @property
    def max_iters(self) -> int:
        """Iterations of the whole run."""
        if self.by_epoch:
            return self.schedule['max_epochs'] * self.progress.batches_per_epoch
        return self.schedule['max_iters']

    @property
    def max_epochs(self) -> int:
        """Epochs of the whole run, a begun one included."""
        return -(-self.max_iters // self.progress.batches_per_epoch)

    @property
    def done(self) -> bool:
        """Whether all epochs or iterations are finished."""
        return self.epoch >= self.schedule['max_epochs'] if self.by_epoch else self.iter >= self.max_iters

    @property
    def rank(self) -> int:
        """Number of this process."""
        return self.process.rank

    @property
    def world_size(self) -> int:
        """Number of processes."""
        return self.process.world_size

    @property
    def distributed(self) -> bool:
        """Whether there are several processes."""
        return self.process.world_size > 1

    def call_hook(self, name: str, **arguments: Any) -> None:
        """Call a method of every hook."""
        for hook in self.hooks:
            getattr(hook, name)(self, **arguments)
