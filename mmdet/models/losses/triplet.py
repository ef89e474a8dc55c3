"""Batch-hard triplet loss: every embedding against its farthest friend and its nearest stranger."""

from __future__ import annotations

import torch
from torch import Tensor

from mmdet.models.losses.losses import batch_count


def pairwise_distances(embeddings: Tensor) -> Tensor:
    """Euclidean distances (M, M) of embeddings (M, D), at least 1e-6 so that their gradient is finite."""
    differences = embeddings[:, None] - embeddings[None]
    return differences.square().sum(-1).clamp(min=1e-12).sqrt()


def batch_hard_triplet(embeddings: Tensor, identities: Tensor, margin: float) -> Tensor:
    """Mean over embeddings of relu(farthest of the same identity - nearest of another + margin) (arXiv 1703.07737).

    An embedding is its own friend, so one that is alone is still pushed away from strangers.

    Args:
        embeddings: (M, D).
        identities: (M,) whole numbers.
        margin: by how much strangers should be farther than friends.

    Returns:
        Scalar; 0, with gradients of 0, where there are fewer than two identities.
    """
    count = batch_count(len(embeddings), embeddings)  # all processes meet here, whatever their share of the batch holds
    same = identities[:, None] == identities[None]
    if bool(same.all()):
        return embeddings.sum() * 0
    distances = pairwise_distances(embeddings.float())
    farthest = distances.masked_fill(~same, -torch.inf).amax(1)
    nearest = distances.masked_fill(same, torch.inf).amin(1)
    return (farthest - nearest + margin).clamp(min=0).sum() / count


def nearest_is_same(embeddings: Tensor, identities: Tensor) -> Tensor:
    """Percentage of embeddings with a friend whose nearest other embedding is one; 0 where nobody has a friend."""
    same = (identities[:, None] == identities[None]).fill_diagonal_(False)
    alone = ~same.any(1)
    distances = pairwise_distances(embeddings.float()).fill_diagonal_(torch.inf)
    right = same.gather(1, distances.argmin(1, keepdim=True)).squeeze(1) if len(same) else alone
    return (right & ~alone).sum() / (~alone).sum().clamp(min=1) * 100
