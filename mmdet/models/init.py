"""Initial weights of single layers: a named distribution for the weight, zero for the bias."""

from __future__ import annotations

from typing import Any

from torch import nn


def _zero_bias(layer: Any) -> None:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def normal_init(layer: Any, std: float) -> None:
    """Normal weights of standard deviation ``std``."""
    nn.init.normal_(layer.weight, std=std)
    _zero_bias(layer)


def zero_init(layer: Any) -> None:
    """A layer that gives zero, for branches that should change nothing at the start."""
    nn.init.zeros_(layer.weight)
    _zero_bias(layer)


def xavier_init(layer: Any) -> None:
    """Uniform Xavier weights."""
    nn.init.xavier_uniform_(layer.weight)
    _zero_bias(layer)


def kaiming_init(layer: Any) -> None:
    """Normal Kaiming weights that keep the variance of the gradients (fan out, ReLU)."""
    nn.init.kaiming_normal_(layer.weight, mode='fan_out', nonlinearity='relu')
    _zero_bias(layer)
