"""Everything that training needs to go on exactly where it was, as a dict that loads without running code."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mmengine.config import Config
from mmengine.optim import OptimWrapper
from torch import nn

from mmdet.checkpoints.metadata import config_facts, describe
from mmdet.engine.checkpoint_folder import resolved_config
from mmdet.engine.config import changed_keys, to_json
from mmdet.engine.distributed import Process
from mmdet.engine.environment import versions
from mmdet.engine.optim import scheduler_state
from mmdet.engine.random_state import random_state, set_random_state
from mmdet.errors import CheckpointError

log = logging.getLogger('mmdet.train')

HARMLESS = ('work_dir', 'resume', 'log_cfg', 'env_cfg', 'checkpoint_cfg', 'load_from')


@dataclass
class Progress:
    """How far a run is.

    Attributes:
        epoch: finished epochs.
        iter: finished iterations.
        batches_done: batches of the present epoch that were trained on.
        batches_per_epoch: of the data set and batch size that the run has.
        validation_due: the run was saved before the validation that belongs here.
        best_score: best validation number so far.
    """

    epoch: int = 0
    iter: int = 0
    batches_done: int = 0
    batches_per_epoch: int = 0
    validation_due: bool = False
    best_score: float | None = None


@dataclass
class TrainState:
    """The parts of a run that have state, and the dict that keeps it.

    Attributes:
        model: without a wrapper for parallel training.
        optim_wrapper: with its optimiser (and loss scaler).
        schedulers: of the learning rate and the like.
        progress: how far the run is.
    """

    model: nn.Module
    optim_wrapper: OptimWrapper
    schedulers: Sequence[Any]
    progress: Progress

    def checkpoint(self, process: Process, config: Config, classes: Sequence[str], seed: int) -> dict[str, Any]:
        """The state as tensors and plain values. All processes must call it together: it holds their random states.

        ``meta`` tells config name, classes, geometry and normalisation (see :mod:`mmdet.checkpoints.metadata`), the
        whole config as JSON text under ``resolved_config``, seed, number of processes and versions.
        """
        return {
            'state_dict': self.model.state_dict(),
            'optimizer': self.optim_wrapper.state_dict(),
            'param_schedulers': [scheduler_state(scheduler) for scheduler in self.schedulers],
            'message': asdict(self.progress),
            'random_state': process.gather(random_state(), f'saving at iteration {self.progress.iter}'),
            'meta': run_facts(process, self.model, config, classes, seed),
        }

    def restore(self, checkpoint: Mapping[str, Any], process: Process, source: object) -> None:
        """Put everything back.

        Raises:
            CheckpointError: the checkpoint is of another model, optimiser or schedule.
        """
        schedules = checkpoint['param_schedulers']
        try:
            if len(schedules) != len(self.schedulers):
                raise ValueError(f'it has {len(schedules)} param_schedulers and the config {len(self.schedulers)}')
            self.model.load_state_dict(checkpoint['state_dict'])
            self.optim_wrapper.load_state_dict(checkpoint['optimizer'])
            for scheduler, state in zip(self.schedulers, schedules):
                scheduler.load_state_dict(state)
            done = Progress(**checkpoint['message'])
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f'cannot resume from {source}: it is of another model, optimiser or schedule: {error}. To start from '
                f'its weights alone use load_from.'
            ) from error
        self._take_position(done)
        states = checkpoint.get('random_state', [])
        if len(states) == process.world_size:
            set_random_state(states[process.rank])
        else:
            log.warning(
                'resuming with %d processes what %d began: the random numbers will be others',
                process.world_size,
                len(states),
            )

    def _take_position(self, done: Progress) -> None:
        """Copy the position; one within an epoch is rescaled where an epoch has another number of batches now."""
        length = self.progress.batches_per_epoch
        if done.batches_per_epoch != length and done.batches_done:
            log.warning('an epoch had %d batches and has %d now: going on near there', done.batches_per_epoch, length)
            done.batches_done = min(done.batches_done * length // done.batches_per_epoch, length - 1)
        done.batches_per_epoch = length
        vars(self.progress).update(vars(done))


def run_facts(
    process: Process, model: nn.Module, config: Config, classes: Sequence[str], seed: int
) -> dict[str, Any]:
    """What a run's weights should always be able to tell: model, classes, config, seed, versions."""
    return {
        **config_facts(config),
        **describe(model),
        'classes': list(classes),
        'resolved_config': to_json(config),
        'seed': seed,
        'world_size': process.world_size,
        'versions': versions(),
    }


def warn_of_changes(checkpoint: Mapping[str, Any], config: Config) -> None:
    """Tell which keys of the config differ from those that the checkpoint was trained with."""
    before = resolved_config(checkpoint)
    now = resolved_config({'meta': {'resolved_config': to_json(config)}})
    changed = [key for key in changed_keys(before, now) if key.split('.')[0] not in HARMLESS] if before else []
    if changed:
        more = f' and {len(changed) - 8} more' if len(changed) > 8 else ''
        log.warning('the config changed since the checkpoint was saved: %s%s', ', '.join(changed[:8]), more)
