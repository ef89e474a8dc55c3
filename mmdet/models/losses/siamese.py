"""Losses of SiamMask (arXiv 1812.05050), and how well its masks fit while it trains.

Their counts span the whole batch on all processes, see :func:`mmdet.models.losses.losses.batch_count`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdet.models.losses.losses import batch_count
from mmdet.registry import MODELS


@MODELS.register_module()
class BalancedCrossEntropyLoss(nn.Module):
    """Half the mean cross entropy of the positives and half that of the negatives; an empty group counts 0."""

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Scalar of (M, 2) logits, background first, and (M,) labels 1, 0 or -1 (ignored)."""
        entropy = functional.cross_entropy(logits, labels, reduction='none', ignore_index=-1)
        groups = [labels == value for value in (1, 0)]
        parts = [(entropy * group).sum() / batch_count(group.sum(), entropy) for group in groups]
        return self.loss_weight * (parts[0] + parts[1]) / 2


@MODELS.register_module()
class WeightedL1Loss(nn.Module):
    """Absolute differences times a weight per anchor, summed, per image of the batch."""

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, predictions: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Scalar of (B, 4, M) predictions and targets, and (B, M) weights."""
        total = ((predictions - targets).abs().sum(1) * weights).sum()
        return self.loss_weight * total / batch_count(len(predictions), predictions)


@MODELS.register_module()
class SoftMarginMaskLoss(nn.Module):
    """log(1 + exp(-label * logit)), mean over all masks and pixels; 0 without masks.

    A label of 0, which pixels outside the image have, costs ln 2 and trains nothing.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Scalar of (R, S, S) logits and labels -1, 0, 1."""
        total = functional.softplus(-labels.float() * logits.float()).sum()  # finite for any logit
        pixels = logits[0].numel() if len(logits) else 1
        return self.loss_weight * total / (batch_count(len(logits), logits) * pixels)


@torch.no_grad()
def mask_accuracy(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Mean overlap of (logit >= 0) with (label == 1) over R masks, and the shares above 0.5 and 0.7; 0 without masks.

    Not called losses, so they are reported and not minimised: ``mask_iou``, ``mask_iou_50``, ``mask_iou_70``.
    """
    predicted, true = (logits >= 0).flatten(1), (labels == 1).flatten(1)
    overlap = (predicted & true).sum(1) / (predicted | true).sum(1).clamp(min=1)  # (R,)
    count = max(len(overlap), 1)
    return {
        'mask_iou': overlap.sum() / count,
        'mask_iou_50': (overlap > 0.5).sum() / count,
        'mask_iou_70': (overlap > 0.7).sum() / count,
    }
