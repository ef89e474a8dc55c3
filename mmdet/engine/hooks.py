"""Hooks of our own that a config names in ``custom_hooks``."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmdet.errors import ConfigError
from mmdet.models.backbones.freezing import StagedBackbone
from mmdet.registry import HOOKS

__all__ = ['UnfreezeHook']


@HOOKS.register_module()
class UnfreezeHook(Hook):
    """Keep more stages of a backbone frozen until a share of the training is done.

    The config's own ``frozen_stages`` are those of the end, so the optimiser holds from the start whatever will train,
    and nothing is rebuilt when that begins. What is frozen follows from the position alone: a resumed run has the same.
    With several processes set ``env_cfg=dict(find_unused_parameters=True)``.

    Args:
        frozen_stages: of the backbone in the beginning.
        at: share of the iterations after which its own number counts.
        backbone: where the model has it, a dotted path.

    Raises:
        ConfigError: a value that cannot be, or (when training begins) no such backbone.
    """

    def __init__(self, frozen_stages: int, at: float = 0.5, backbone: str = 'backbone') -> None:
        if not 0 <= at <= 1:
            raise ConfigError(f'UnfreezeHook(at) is a share of the training from 0 to 1, got {at}')
        self.frozen_stages, self.at, self.backbone = frozen_stages, at, backbone
        self._last: int | None = None  # the backbone's own number

    def before_train(self, runner: Any) -> None:
        """Take note of what the config freezes."""
        backbone = self._find(runner.model)
        if self.frozen_stages < backbone.frozen_stages:
            raise ConfigError(
                f'UnfreezeHook(frozen_stages={self.frozen_stages}) is less than the {backbone.frozen_stages} of '
                f'model.{self.backbone}: it freezes more in the beginning than in the end'
            )
        self._last = backbone.frozen_stages

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Freeze what this iteration must not train."""
        if self._last is None:
            self.before_train(runner)
        backbone = self._find(runner.model)
        wanted = self.frozen_stages if runner.iter < self.at * runner.max_iters else self._last
        if wanted is not None and backbone.frozen_stages != wanted:
            runner.logger.info('iteration %d: %s has %d frozen stages now', runner.iter, self.backbone, wanted)
            backbone.freeze(wanted)

    def _find(self, model: Any) -> StagedBackbone:
        found = model.module if is_model_wrapper(model) else model
        for name in self.backbone.split('.'):
            found = getattr(found, name, None)
        if not isinstance(found, StagedBackbone):
            raise ConfigError(
                f"UnfreezeHook: the model has no backbone with stages at '{self.backbone}'; set backbone to its path"
            )
        return found
