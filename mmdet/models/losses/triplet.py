"""The triplet loss with the hardest examples of the batch (arXiv 1703.07737)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdet.models.losses.losses import batch_count
from mmdet.registry import MODELS


@MODELS.register_module()
class BatchHardTripletLoss(nn.Module):
    """Every vector should be nearer to the farthest of its own identity than to the nearest of any other.

    Distances are Euclidean. Vectors without another of their identity, or without any of another one, do not count.
    Each process looks for hard examples in its own part of the batch.

    Args:
        margin: how much nearer; None takes the soft margin log(1 + exp(difference)).
        loss_weight: factor on the loss.
    """

    def __init__(self, margin: float | None = 0.3, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.margin, self.loss_weight = margin, loss_weight

    def forward(self, vectors: Tensor, identities: Tensor) -> Tensor:
        """Scalar: mean over the vectors that count, of vectors (N, D) and identities (N,)."""
        # not torch.cdist: its gradient is NaN where two vectors are equal
        square = (vectors[:, None] - vectors[None]).square().sum(-1)  # (N, N)
        distance = square.clamp(min=1e-12).sqrt()
        same = identities[:, None] == identities[None]
        other_of_same = same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)
        counted = other_of_same.any(1) & ~same.all(1)
        farthest = distance.masked_fill(~other_of_same, 0.0).amax(1)
        nearest = distance.masked_fill(same, torch.inf).amin(1).masked_fill(~counted, 0.0)
        difference = farthest - nearest
        loss = functional.softplus(difference) if self.margin is None else (difference + self.margin).relu()
        return self.loss_weight * (loss * counted).sum() / batch_count(float(counted.sum()), vectors)
