"""The triplet loss with the hardest examples of the batch (arXiv 1703.07737): farthest friend, nearest stranger."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdet.models.losses.losses import batch_count
from mmdet.registry import MODELS

__all__ = ['BatchHardTripletLoss', 'batch_hard_triplet', 'nearest_is_same']


def batch_hard_triplet(
    vectors: Tensor, identities: Tensor, margin: float | None = 0.3, count_alone: bool = False
) -> Tensor:
    """Mean over vectors of relu(farthest of the same identity - nearest of another + margin); distances are Euclidean.

    Vectors without any of another identity do not count. Each process looks in its own part of the batch.

    Args:
        vectors: (N, D).
        identities: (N,) whole numbers.
        margin: by how much strangers should be farther than friends; None takes log(1 + exp(difference)).
        count_alone: whether a vector without another of its identity counts: it is its own friend then and is still
            pushed away from strangers.

    Returns:
        Scalar; 0, with gradients of 0, where no vector counts.
    """
    if len(vectors) == 0:
        return vectors.sum() * 0 / batch_count(0.0, vectors)  # other processes may have some
    distances = _distances(vectors.float())
    same = identities[:, None] == identities[None]
    friend = same if count_alone else same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)
    counted = friend.any(1) & ~same.all(1)
    farthest = distances.masked_fill(~friend, 0.0).amax(1)
    nearest = distances.masked_fill(same, torch.inf).amin(1).masked_fill(~counted, 0.0)
    difference = farthest - nearest
    loss = functional.softplus(difference) if margin is None else (difference + margin).relu()
    # all processes meet in the count, whatever their share of the batch holds
    return (loss * counted).sum() / batch_count(counted.sum(), vectors)


@MODELS.register_module()
class BatchHardTripletLoss(nn.Module):
    """:func:`batch_hard_triplet` as a module.

    Args:
        margin: see there.
        loss_weight: factor on the loss.
    """

    def __init__(self, margin: float | None = 0.3, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.margin, self.loss_weight = margin, loss_weight

    def forward(self, vectors: Tensor, identities: Tensor) -> Tensor:
        """Scalar, of vectors (N, D) and identities (N,)."""
        return self.loss_weight * batch_hard_triplet(vectors, identities, self.margin)


def nearest_is_same(embeddings: Tensor, identities: Tensor) -> Tensor:
    """Percentage of embeddings with a friend whose nearest other embedding is one; 0 where nobody has a friend."""
    same = (identities[:, None] == identities[None]).fill_diagonal_(False)
    alone = ~same.any(1)
    distances = _distances(embeddings.float()).fill_diagonal_(torch.inf)
    right = same.gather(1, distances.argmin(1, keepdim=True)).squeeze(1) if len(same) else alone
    return (right & ~alone).sum() / (~alone).sum().clamp(min=1) * 100


def _distances(vectors: Tensor) -> Tensor:
    """Euclidean distances (N, N) of vectors (N, D), at least 1e-6: the gradient of torch.cdist is NaN at 0."""
    return (vectors[:, None] - vectors[None]).square().sum(-1).clamp(min=1e-12).sqrt()
