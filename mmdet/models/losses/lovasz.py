"""The Lovász hinge: a convex surrogate of one minus IoU for binary masks (arXiv 1705.08790)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ['lovasz_gradient', 'lovasz_hinge']


def lovasz_gradient(targets: Tensor) -> Tensor:
    """Gradient of the Jaccard loss's Lovász extension (..., P), for 0/1 targets sorted by falling error (algorithm 1).

    Entry i is what the i-th largest error adds to the loss ``1 - IoU`` of a prediction wrong in the first i pixels.
    """
    targets = targets.to(torch.float32)
    total = targets.sum(-1, keepdim=True)
    found = targets.cumsum(-1)
    intersection = total - found
    union = total + torch.arange(1, targets.shape[-1] + 1, device=targets.device) - found
    jaccard = 1 - intersection / union
    return torch.cat([jaccard[..., :1], jaccard[..., 1:] - jaccard[..., :-1]], dim=-1)


def lovasz_hinge(logits: Tensor, targets: Tensor) -> Tensor:
    """Loss (...,) of each of many binary masks (..., P): 0 where all margins are at least 1.

    Args:
        logits: (..., P); above 0 means foreground.
        targets: (..., P) 0/1 or bool.
    """
    targets = targets.to(logits.dtype)
    errors = 1 - logits * (2 * targets - 1)
    errors, order = errors.sort(dim=-1, descending=True)
    return (functional.relu(errors) * lovasz_gradient(targets.gather(-1, order))).sum(-1)
