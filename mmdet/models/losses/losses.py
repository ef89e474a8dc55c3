"""Losses of two-stage detectors. All are sums over their elements divided by a given count.

The count (``avg_factor``) is an argument because it spans the whole batch, on all processes: see :func:`batch_count`.
Sums are taken in float32 at least: half precision loses what is added to a sum of many elements.
"""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor, nn
from torch.nn import functional

from mmdet.registry import MODELS


def batch_count(count: float | Tensor, like: Tensor) -> Tensor:
    """Mean of ``count`` over all processes, at least 1, as a scalar on the device of ``like``.

    Dividing each process's sum by it makes the average of their gradients that of one process with the whole batch.
    """
    total = torch.as_tensor(count, dtype=torch.float32, device=like.device)
    if get_world_size() > 1:
        all_reduce(total, 'mean')
    return total.clamp(min=1.0 / get_world_size())


def _wide(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


@MODELS.register_module()
class CrossEntropyLoss(nn.Module):
    """Softmax cross entropy of (N, K) logits and (N,) class indices.

    Args:
        loss_weight: factor on the loss.
        label_smoothing: share of the target that is spread evenly over all classes (arXiv 1512.00567, section 7).
    """

    def __init__(self, loss_weight: float = 1.0, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.loss_weight, self.label_smoothing = loss_weight, label_smoothing

    def forward(self, logits: Tensor, targets: Tensor, avg_factor: Tensor | float) -> Tensor:
        """Scalar: sum of the rows' losses / ``avg_factor``."""
        loss = functional.cross_entropy(_wide(logits), targets, reduction='sum', label_smoothing=self.label_smoothing)
        return self.loss_weight * loss / avg_factor


@MODELS.register_module()
class BinaryCrossEntropyLoss(nn.Module):
    """Sigmoid cross entropy of logits and 0/1 targets of the same shape."""

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, targets: Tensor, avg_factor: Tensor | float) -> Tensor:
        """Scalar: sum over all elements / ``avg_factor``."""
        logits = _wide(logits)
        loss = functional.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction='sum')
        return self.loss_weight * loss / avg_factor


@MODELS.register_module()
class SmoothL1Loss(nn.Module):
    """Huber-like box loss: quadratic below ``beta``, linear above (Fast R-CNN)."""

    def __init__(self, beta: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.beta, self.loss_weight = beta, loss_weight

    def forward(self, predictions: Tensor, targets: Tensor, avg_factor: Tensor | float) -> Tensor:
        """Scalar: sum over all coordinates / ``avg_factor``."""
        loss = functional.smooth_l1_loss(_wide(predictions), targets, reduction='sum', beta=self.beta)
        return self.loss_weight * loss / avg_factor


@MODELS.register_module()
class L1Loss(nn.Module):
    """Absolute difference of box coordinates."""

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, predictions: Tensor, targets: Tensor, avg_factor: Tensor | float) -> Tensor:
        """Scalar: sum over all coordinates / ``avg_factor``."""
        return self.loss_weight * functional.l1_loss(_wide(predictions), targets, reduction='sum') / avg_factor
