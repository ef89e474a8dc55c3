"""The training loop: one readable pass from batch to weights, with the places where it may save, validate and stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from torch import nn
from torch.utils.data import DataLoader

from mmdet.checkpoints import (
    filled_parts,
    load_backbone,
    load_parts,
    load_weights,
    require_frozen_weights,
    save_weights,
    torchvision_backbone,
)
from mmdet.engine.checkpoint_folder import BestRule, CheckpointFolder, load_training, newest_of
from mmdet.engine.distributed import Process
from mmdet.engine.hook_view import HookView
from mmdet.engine.losses import sum_losses
from mmdet.engine.optim import build_optim_wrapper, build_schedulers, learning_rates
from mmdet.engine.random_state import isolated_random_state
from mmdet.engine.step_check import StepCheck
from mmdet.engine.stop_signal import DeafWorker, StopSignal
from mmdet.engine.tester import Tester
from mmdet.engine.train_log import TrainLog
from mmdet.engine.train_state import Progress, TrainState, run_facts, warn_of_changes
from mmdet.errors import CheckpointError, MMDetError

log = logging.getLogger('mmdet.train')

FINAL = 'last.safetensors'
USUAL_ITERATIONS = 500  # between checkpoints and validations of a run that counts in iterations


def _fetch(weights: str) -> None:
    """Download named weights once, before every process reads them from torchvision's cache; files are there."""
    if not Path(weights).is_file():
        torchvision_backbone(weights)


class Trainer(HookView):
    """Trains a model as a config says.

    Hooks (``custom_hooks``) are mmengine's: their methods get this object as ``runner`` (see :class:`HookView`), with
    ``optim_wrapper``, ``param_schedulers`` and ``train_dataloader`` on it too.

    Args:
        config: see :mod:`mmdet.engine.config_keys`.
        process: this process.
        model: ``model(inputs=..., data_samples=..., mode='loss')`` returns a dict of losses; on its device.
        loader: training batches; its ``batch_sampler`` has ``set_position(epoch, batches_done)``.
        validator: None trains without validation.
        hooks: mmengine hooks.

    Raises:
        ConfigError: a part of the config cannot be built.
    """

    def __init__(
        self,
        config: Config,
        process: Process,
        model: nn.Module,
        loader: DataLoader,
        validator: Tester | None = None,
        hooks: Sequence[Hook] = (),
    ) -> None:
        super().__init__(config, process, Progress(batches_per_epoch=len(loader)), hooks)
        self.validator = validator
        self.saving: Mapping[str, Any] = config.get('checkpoint_cfg') or {}
        self.train_dataloader = loader
        self.classes = tuple(getattr(loader.dataset, 'classes', ()))
        loader.worker_init_fn = DeafWorker(loader.worker_init_fn)
        self.optim_wrapper = build_optim_wrapper(model, config.optim_wrapper, process.device)
        self.param_schedulers = build_schedulers(self.optim_wrapper, config.get('param_scheduler'), len(loader))
        self.state = TrainState(model, self.optim_wrapper, self.param_schedulers, self.progress)
        self.model = process.parallel(model, (config.get('env_cfg') or {}).get('find_unused_parameters', False))
        self.folder = CheckpointFolder(self.work_dir, self.saving.get('max_keep', 3))
        self.log = TrainLog(process, self.work_dir, **{'interval': 50, **(config.get('log_cfg') or {})})
        self.best = BestRule(self.saving.get('save_best', 'auto'), self.saving.get('rule', 'greater'))
        self.check = StepCheck(process, self.work_dir)
        self.stop = StopSignal()
        self.stopped = False
        self._stop_agreed = False
        self._counted = 0  # epochs or iterations at the last place where the run could save
        self._saved = self.work_dir  # the newest checkpoint

    # ---- the run ------------------------------------------------------------------------------------------------

    def train(self, resume: Path | None = None) -> bool:
        """Train to the end, or until a signal asks to stop.

        Args:
            resume: checkpoint to go on from, or a folder: then its newest one, and from the beginning if it has none.

        Returns:
            Whether the run is complete; False after a stop, when everything is saved.

        Raises:
            NonFiniteLossError: a loss became NaN or infinite.
            CheckpointError: a checkpoint cannot be read or written.
        """
        with self.stop:
            self.call_hook('before_run')
            if not (resume and self._continue(resume)):
                self._begin()
            self._counted = self.epoch if self.by_epoch else self.iter
            self.call_hook('before_train')
            if self.progress.validation_due:
                self._validate()
            while not self.done and not self.stopped:
                self._train_epoch()
            if not self.stopped:
                self._hand_over()
            self.call_hook('after_train')
            self.call_hook('after_run')
        self.log.close()
        return not self.stopped

    def _train_epoch(self) -> None:
        """Train on the rest of the present epoch, or until the run may stop and shall."""
        progress = self.progress
        end = progress.batches_per_epoch
        if not self.by_epoch:
            end = min(end, progress.batches_done + self.max_iters - self.iter)
        self.optim_wrapper.initialize_count_status(self.state.model, progress.batches_done, end)
        self.model.train()
        self.call_hook('before_train_epoch')
        for batch, waited in self._batches():
            self._step(batch, waited)
            if not self.optim_wrapper.should_update():
                continue  # gradients are under way, nothing can be saved here
            if progress.batches_done == progress.batches_per_epoch:
                self._end_epoch()
            self._pause()
            if self.stopped or self.done or progress.batches_done == 0:
                return
        raise MMDetError(f'the loader ended after batch {progress.batches_done} of {progress.batches_per_epoch}')

    def _batches(self) -> Iterator[tuple[Any, float]]:
        """The remaining batches of the epoch with the seconds that each was waited for."""
        self.train_dataloader.batch_sampler.set_position(self.epoch, self.progress.batches_done)  # type: ignore[union-attr]
        with isolated_random_state():  # a loader draws a number when it starts
            batches = iter(self.train_dataloader)
        while True:
            start = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            yield batch, time.perf_counter() - start

    def _step(self, batch: dict[str, Any], waited: float) -> None:
        """One iteration."""
        start, index = time.perf_counter(), self.progress.batches_done
        self.call_hook('before_train_iter', batch_idx=index, data_batch=batch)
        rates = learning_rates(self.optim_wrapper)
        try:
            with self.optim_wrapper.optim_context(self.model):
                losses = self.model(**batch, mode='loss')
            total, numbers = sum_losses(losses)
            self._stop_agreed |= self.check(numbers, batch, self.iter, self.stop.requested)
            self.optim_wrapper.update_params(total)
        except torch.cuda.OutOfMemoryError as error:
            raise MMDetError(
                f'iteration {self.iter}: the GPU has not enough memory. Lower train_dataloader.batch_size or the image '
                f'size, or use --amp; optim_wrapper.accumulative_counts keeps the effective batch. ({error})'
            ) from error
        self._step_schedulers(by_epoch=False)
        self.call_hook('after_train_iter', batch_idx=index, data_batch=batch, outputs=numbers)
        self.progress.iter += 1
        self.progress.batches_done += 1
        if not self.distributed:  # nobody to agree with: a signal counts to the very end of the step
            self._stop_agreed |= self.stop.requested
        self.log.add(numbers, waited + time.perf_counter() - start, waited)
        if self.iter % self.log.interval == 0 or self.iter == self.max_iters:
            self._report(max(rates))

    def _end_epoch(self) -> None:
        self._step_schedulers(by_epoch=True)
        self.call_hook('after_train_epoch')
        self.progress.epoch += 1
        self.progress.batches_done = 0

    def _step_schedulers(self, by_epoch: bool) -> None:
        for scheduler in self.param_schedulers:
            if scheduler.by_epoch == by_epoch:
                scheduler.step()

    def _report(self, rate: float) -> None:
        batch = self.progress.batches_done
        if self.by_epoch:
            title = f'epoch {self.epoch + 1}/{self.max_epochs} batch {batch}/{self.progress.batches_per_epoch}'
        else:
            title = f'iteration {self.iter}/{self.max_iters}'
        extra = {'lr': rate}
        if 'train/grad_norm' in self.message_hub.log_scalars:
            extra['grad_norm'] = float(self.message_hub.get_scalar('train/grad_norm').current())
        self.log.report(title, self.iter, self.epoch + 1, self.max_iters - self.iter, extra)

    # ---- saving, validating, resuming ---------------------------------------------------------------------------

    def _pause(self) -> None:
        """A place where all gradients are spent: save, validate and stop as due."""
        count = self.epoch if self.by_epoch else self.iter
        passed, self._counted = self._counted, count
        ended, usual = self.done, 1 if self.by_epoch else USUAL_ITERATIONS

        def due(interval: int) -> bool:
            return interval > 0 and count > passed and (ended or count // interval > passed // interval)

        validate = self.validator is not None and count >= self.schedule.get('val_begin', 1)
        self.progress.validation_due = validate and due(self.schedule.get('val_interval', usual))
        if due(self.saving.get('interval', usual)) or self.progress.validation_due or ended or self._stop_agreed:
            self.save()
        if self._stop_agreed:
            log.info('stopping on request after iteration %d; go on with --resume', self.iter)
            self.stopped = True
        elif self.progress.validation_due:
            self._validate()

    def _hand_over(self) -> None:
        """Write the final weights alone, for testing and for others: smaller, and readable without pickle."""
        checkpoint = {'state_dict': self.state.model.state_dict()}
        self.call_hook('before_save_checkpoint', checkpoint=checkpoint)  # averaged weights, where a hook keeps them
        if self.process.first:
            meta = run_facts(self.process, self.state.model, self.cfg, self.classes, self.seed)
            save_weights(checkpoint['state_dict'], self.work_dir / FINAL, meta)
        log.info('final weights: %s', self.work_dir / FINAL)

    @property
    def checkpoint_name(self) -> str:
        """File name of a checkpoint at the present position."""
        whole = self.by_epoch and self.progress.batches_done == 0
        return f'epoch_{self.epoch}.pth' if whole else f'iter_{self.iter}.pth'

    def save(self) -> Path:
        """Write a checkpoint; all processes must call it together."""
        checkpoint = self.state.checkpoint(self.process, self.cfg, self.classes, self.seed)
        self.call_hook('before_save_checkpoint', checkpoint=checkpoint)
        name = self.checkpoint_name
        self._saved = Path(self.process.on_first(lambda: str(self.folder.save(checkpoint, name)), f'saving {name}'))
        log.info('saved %s', self._saved)
        return self._saved

    def _validate(self) -> None:
        """Validate the weights that were just saved and remember them if they are the best."""
        if self.validator is None:
            return
        self.process.share_buffers(self.state.model)
        self.call_hook('before_val')
        self.call_hook('before_val_epoch')
        with isolated_random_state():
            metrics = self.validator.run(self.stop)
        self.call_hook('after_val_epoch', metrics=metrics or {})
        self.call_hook('after_val')
        self.model.train()
        self.stopped = bool(self.process.maximum([self.stop.requested], 'after validation')[0])
        if metrics is None:
            log.info('stopped on request during validation; it is repeated with --resume')
            self.stopped = True
            return
        self.progress.validation_due = False
        if self.process.first:
            self.log.validation(metrics, self.iter, self.epoch)
        self._remember_best(metrics)

    def _remember_best(self, metrics: Mapping[str, float]) -> None:
        key = self.best.key(metrics)
        if key is None or not self.best.improves(metrics[key], self.progress.best_score):
            return
        score, name = metrics[key], f'best_{key.replace("/", "_")}.pth'
        self.process.on_first(lambda: str(self.folder.keep_best(self._saved, name)), f'keeping {name}')
        self.progress.best_score = score
        log.info('best %s so far: %.4f (%s)', key, score, name)

    def _begin(self) -> None:
        """Start a run of its own: from ``load_from``, else from the weights that backbones and other parts name."""
        self.log.put_aside_older()
        source = self.cfg.get('load_from')
        report = load_weights(self.state.model, source) if source else None
        require_frozen_weights(self.state.model, report, filled_parts(self.state.model))
        if report is not None:
            log.info('%s', report.table())
            return
        for note in load_parts(self.state.model):
            log.info('%s', note)
        for module in self.state.model.modules():
            weights = getattr(module, 'pretrained', None)
            if weights:
                self.process.on_first(partial(_fetch, weights), f'fetching {weights}')
                log.info('%s', load_backbone(module, weights).summary())

    def _continue(self, source: Path) -> bool:
        """Go on from a checkpoint or a folder of them; False where the run's own folder has none yet."""
        path = self.process.on_first(lambda: newest_of(source), 'looking for a checkpoint')
        own = source.resolve() == self.work_dir.resolve()
        if path is None and not own:
            raise CheckpointError(f'cannot resume from {source}: there is no such checkpoint, or folder with one')
        if path is None:
            log.info('nothing to resume from in %s: starting from the beginning', source)
            return False
        self._saved = Path(path)
        if self._saved.parent.resolve() == self.work_dir.resolve():
            self.folder.adopt()
        checkpoint = load_training(self._saved)
        self._resume = True
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        self.state.restore(checkpoint, self.process, path)
        warn_of_changes(checkpoint, self.cfg)
        log.info('resumed from %s: epoch %d, iteration %d', path, self.epoch, self.iter)
        return True
