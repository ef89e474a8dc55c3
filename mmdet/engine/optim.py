"""Optimiser, mixed precision and schedules from config dicts.

The pieces are mmengine's (``OptimWrapper`` with clipping and accumulation, parameter schedulers, per-parameter
settings); added here are mixed precision that also runs on the CPU and in bfloat16, and messages instead of tracebacks.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIMIZERS, PARAM_SCHEDULERS
from torch import Tensor, nn

from mmdet.errors import ConfigError

AMP_TYPES = {'float16': torch.float16, 'bfloat16': torch.bfloat16}


class MixedPrecisionWrapper(OptimWrapper):
    """Forward pass in float16 or bfloat16, weights and optimiser in float32.

    float16 needs loss scaling, because small gradients vanish in it; bfloat16 has the range of float32 and needs none.

    Args:
        optimizer: the wrapped optimiser.
        device_type: ``cuda`` or ``cpu``.
        dtype: ``float16`` or ``bfloat16``.
        loss_scale: ``dynamic``, or a fixed factor; float16 only.
        accumulative_counts: iterations per update.
        clip_grad: arguments of ``torch.nn.utils.clip_grad_norm_``.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        device_type: str = 'cuda',
        dtype: str = 'float16',
        loss_scale: float | str = 'dynamic',
        accumulative_counts: int = 1,
        clip_grad: dict | None = None,
    ) -> None:
        super().__init__(optimizer, accumulative_counts, clip_grad)
        if dtype not in AMP_TYPES:
            raise ConfigError(f"optim_wrapper.dtype must be 'float16' or 'bfloat16', got {dtype!r}")
        if loss_scale != 'dynamic' and not isinstance(loss_scale, int | float):
            raise ConfigError(f"optim_wrapper.loss_scale must be 'dynamic' or a number, got {loss_scale!r}")
        self.device_type, self.dtype = device_type, AMP_TYPES[dtype]
        self._fixed_scale = None if loss_scale == 'dynamic' else float(loss_scale)
        self.scaler = torch.amp.GradScaler(
            device_type, init_scale=self._fixed_scale or 2.0**16, enabled=dtype == 'float16'
        )

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """What the forward pass runs in."""
        with super().optim_context(model), torch.autocast(self.device_type, self.dtype):
            yield

    def backward(self, loss: Tensor) -> None:
        """Gradients of the scaled loss."""
        self.scaler.scale(loss).backward()
        self._inner_count += 1

    def step(self) -> None:
        """Unscale, clip, update; an update with infinite gradients is left out and the scale lowered."""
        if self.clip_grad_kwargs:
            self.scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.scaler.step(self.optimizer)
        self.scaler.update(self._fixed_scale)

    def state_dict(self) -> dict[str, Any]:
        """The optimiser's state with the scaler's under ``loss_scaler``."""
        return {**super().state_dict(), 'loss_scaler': self.scaler.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Inverse of :meth:`state_dict`; a state that was saved without mixed precision is taken too."""
        state = dict(state_dict)
        scaler = state.pop('loss_scaler', None)
        if scaler:
            self.scaler.load_state_dict(scaler)
        super().load_state_dict(state)


def with_amp(config: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """The ``optim_wrapper`` config with mixed precision switched on, as the option ``--amp`` does.

    The config's own ``dtype`` stays; otherwise bfloat16 where the device computes in it, float16 elsewhere.
    """
    native = device.type != 'cuda' or torch.cuda.is_bf16_supported(including_emulation=False)
    return {'dtype': 'bfloat16' if native else 'float16', **config, 'type': 'AmpOptimWrapper'}


def build_optim_wrapper(model: nn.Module, config: Mapping[str, Any], device: torch.device) -> OptimWrapper:
    """Build the optimiser of ``model``.

    Args:
        model: its parameters with ``requires_grad`` are optimised.
        config: ``type`` (``OptimWrapper``, or ``AmpOptimWrapper`` with ``dtype`` and ``loss_scale``), ``optimizer``
            (any class of ``torch.optim`` by name), ``clip_grad``, ``accumulative_counts``, ``paramwise_cfg``,
            ``constructor``.
        device: where the model runs.

    Raises:
        ConfigError: an unknown type or a value that the optimiser refuses.
    """
    arguments: dict[str, Any] = _deep_dict(config)
    kind = arguments.get('type', 'OptimWrapper')
    if kind == 'AmpOptimWrapper':
        arguments.update(type=MixedPrecisionWrapper, device_type=device.type)
    elif kind != 'OptimWrapper' or {'dtype', 'loss_scale'} & set(arguments):
        raise ConfigError(f"optim_wrapper of type {kind!r}: use 'OptimWrapper', or 'AmpOptimWrapper' to give a dtype")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError('the model has no parameter to train: everything is frozen')
    _check_optimizer(arguments.get('optimizer'))
    constructor = arguments.pop('constructor', 'DefaultOptimWrapperConstructor')
    paramwise = arguments.pop('paramwise_cfg', None)
    try:
        build = OPTIM_WRAPPER_CONSTRUCTORS.build(
            {'type': constructor, 'optim_wrapper_cfg': arguments, 'paramwise_cfg': paramwise}
        )
        return build(model)
    except (KeyError, TypeError, ValueError, AssertionError) as error:
        raise ConfigError(f'optim_wrapper: {error}') from error


def _check_optimizer(config: Any) -> None:
    kind = config.get('type') if isinstance(config, Mapping) else None
    if kind is None or (isinstance(kind, str) and OPTIMIZERS.get(kind) is None):
        close = difflib.get_close_matches(str(kind), OPTIMIZERS.module_dict, n=3)
        hint = f'; did you mean {" or ".join(close)}?' if close else ", such as dict(type='SGD', lr=0.01)"
        raise ConfigError(f'optim_wrapper.optimizer needs the name of an optimiser as type, got {kind!r}{hint}')


def build_schedulers(
    optim_wrapper: OptimWrapper, configs: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None, epoch_length: int
) -> list[Any]:
    """Build mmengine's parameter schedulers; they multiply, so a warm-up and steps stand side by side.

    ``LinearLR(begin=0, end=n + 1, by_epoch=False)`` reaches the full rate at iteration n.

    Args:
        optim_wrapper: whose learning rates change.
        configs: one or several dicts with ``type``; ``by_epoch`` (True) says what ``begin``, ``end`` and ``milestones``
            count.
        epoch_length: iterations per epoch, for ``convert_to_iter_based``.

    Raises:
        ConfigError: an unknown type or argument.
    """
    # With accumulation or a skipped float16 step there is nothing wrong with a rate that moves before the weights do.
    warnings.filterwarnings('ignore', message='Detected call of `scheduler.step')
    schedulers = []
    for config in [configs] if isinstance(configs, Mapping) else configs or []:
        arguments = {**_deep_dict(config), 'optimizer': optim_wrapper}
        kind = arguments.pop('type', None)
        cls = PARAM_SCHEDULERS.get(kind) if isinstance(kind, str) else kind
        if cls is None:
            known = ', '.join(sorted(name for name in PARAM_SCHEDULERS.module_dict if name.endswith('LR')))
            raise ConfigError(f'param_scheduler has no type {kind!r}. Known: {known}')
        try:
            if arguments.pop('convert_to_iter_based', False):
                schedulers.append(cls.build_iter_from_epoch(**arguments, epoch_length=epoch_length))
            else:
                schedulers.append(cls(**arguments))
        except (TypeError, ValueError, AssertionError) as error:
            raise ConfigError(f'param_scheduler {kind}: {error}') from error
    return schedulers


def scheduler_state(scheduler: Any) -> dict[str, Any]:
    """What a scheduler needs to go on: its plain values. Objects built from the config (milestones) are built again."""
    plain = (int, float, str, bool, type(None))
    return {
        key: value
        for key, value in scheduler.state_dict().items()
        if isinstance(value, plain) or (isinstance(value, list) and all(isinstance(item, plain) for item in value))
    }


def learning_rates(optim_wrapper: OptimWrapper) -> list[float]:
    """Learning rate of every parameter group, as it is now."""
    return [float(group['lr']) for group in optim_wrapper.optimizer.param_groups]


def _deep_dict(value: Any) -> Any:
    """Plain copies of nested config dicts: constructors pop keys from what they get."""
    if isinstance(value, Mapping):
        return {key: _deep_dict(item) for key, item in value.items()}
    return [_deep_dict(item) for item in value] if isinstance(value, list) else value
