"""A model that is ready to run, from a config and a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmdet.checkpoints import classes_in, load_weights
from mmdet.engine.config import load_config
from mmdet.errors import ConfigError
from mmdet.registry import MODELS, register_all

__all__ = ['init_model']


def init_model(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str | torch.device = 'auto',
    cfg_options: Mapping[str, Any] | None = None,
    trust_checkpoint: bool = False,
) -> Any:
    """Build the model of a config, load its weights and set it up for testing.

    Args:
        config: config file, or one that is loaded already.
        checkpoint: weights; without them the model is random, which is good for nothing but measuring speed.
        device: ``cpu``, ``cuda`` or ``cuda:1``; ``auto`` takes the first GPU where there is one, else the CPU.
        cfg_options: values of the config to override, by dotted path.
        trust_checkpoint: unpickle a checkpoint that holds more than weights; it may run any code.

    Returns:
        The model in evaluation mode, with ``cfg`` (the config) and ``classes`` (names by label; from the config, else
        from the checkpoint, else None).

    Raises:
        ConfigError: the config is wrong, or the device is not there.
        CheckpointError: the weights are unsafe, damaged, or do not fill this model.
    """
    if not isinstance(config, Config):
        config = load_config(config, cfg_options)
    elif cfg_options:
        raise ConfigError('cfg_options go with a config file; this config is loaded already, so change it there')
    device = _device(device)
    register_all()
    model = MODELS.build(config.model)
    classes = getattr(model, 'classes', None) or config.get('classes')
    if checkpoint is not None:
        report = load_weights(model, checkpoint, trust=trust_checkpoint, require_complete=True, classes=classes)
        classes = classes or classes_in(report.metadata)
    model.cfg = config
    model.classes = tuple(classes) if classes else None
    return model.to(device).eval()


def _device(device: str | torch.device) -> torch.device:
    if device == 'auto':
        return torch.device('cuda', 0) if torch.cuda.is_available() else torch.device('cpu')
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(f"there is no device '{device}'; use auto, cpu, cuda or cuda:0") from error
    if found.type == 'cuda' and (found.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device '{device}' was asked for and PyTorch {torch.__version__} sees {torch.cuda.device_count()} GPUs; "
            'use cpu, or check the driver with nvidia-smi'
        )
    return found
