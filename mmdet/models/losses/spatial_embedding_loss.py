"""The three losses of SpatialEmbedding (arXiv 1906.11109, section 3): masks, bandwidths and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from mmdet.errors import ConfigError
from mmdet.models.embedding_maps import EmbeddingMaps, closeness
from mmdet.models.losses.lovasz import lovasz_hinge
from mmdet.registry import MODELS

__all__ = ['SpatialEmbeddingLoss']


@MODELS.register_module()
class SpatialEmbeddingLoss(nn.Module):
    """Losses of one image; the detector averages them over the batch.

    * instance: Lovász hinge between each object's mask and the pixels near its centre, mean over objects. Centres are
      the mean coordinates of the masks, bandwidths the mean of what the masks' pixels say.
    * variance: pixels of an object should say the same bandwidth; mean over objects.
    * seed: a pixel of class c should say in seed map c how near it is to its object's centre, every other pixel 0; sum
      over classes, divided by the number of pixels.

    Args:
        instance_weight, variance_weight, seed_weight: weights of the three.
        foreground_weight: of the seeds inside objects against those outside; one number, or one per class.
        weigh_other_classes: in the seed map of a class, pixels of other classes' objects weigh as much as those of its
            own. Without it, as published for one class per network, they count as background: a large
            ``foreground_weight`` then makes every map answer to objects of every class.
        ignored: ``exclude`` leaves pixels of ignored regions (crowds) out of the seed loss, ``background`` takes them
            for background as the original program does.
    """

    _class_weights: Tensor

    def __init__(
        self,
        instance_weight: float = 1.0,
        variance_weight: float = 10.0,
        seed_weight: float = 1.0,
        foreground_weight: float | Sequence[float] = 10.0,
        weigh_other_classes: bool = False,
        ignored: Literal['exclude', 'background'] = 'exclude',
    ) -> None:
        super().__init__()
        if ignored not in ('exclude', 'background'):
            raise ConfigError(f"SpatialEmbeddingLoss(ignored) is 'exclude' or 'background', got {ignored!r}")
        self.weights = (instance_weight, variance_weight, seed_weight)
        self.foreground_weight, self.weigh_other_classes = foreground_weight, weigh_other_classes
        self.register_buffer('_class_weights', torch.tensor(foreground_weight, dtype=torch.float32), persistent=False)
        self.ignored = ignored

    def forward(
        self, maps: EmbeddingMaps, masks: Tensor, labels: Tensor, ignored: Tensor | None = None
    ) -> dict[str, Tensor]:
        """``loss_instance``, ``loss_variance`` and ``loss_seed`` of one image.

        Args:
            maps: of this one image (T = 1).
            masks: (K, H, W) 0/1 masks of the objects; an empty one counts for nothing.
            labels: (K,) class of each.
            ignored: (H, W) bool, regions where nothing is known.
        """
        votes, sigmas = maps.votes[0].flatten(1), maps.sigmas[0].flatten(1)  # (2, P), (S, P)
        seeds = maps.seeds[0].flatten(1).sigmoid()  # (C, P)
        inside = masks.flatten(1).to(votes.dtype)  # (K, P)
        counts = inside.sum(1)
        share = inside / counts.clamp(min=1)[:, None]
        means = share @ sigmas.T  # (K, S)
        near = closeness(votes, share @ maps.coordinates.flatten(1).T, means)  # (K, P)
        objects = (counts > 0).to(votes.dtype)  # (K,)
        instance = lovasz_hinge(2 * near - 1, inside) * objects
        variance = _variance(sigmas, means.detach(), share)
        total = objects.sum().clamp(min=1)
        seed = self._seed_loss(seeds, near.detach(), inside, labels, None if ignored is None else ignored.flatten())
        values = (instance.sum() / total, variance.sum() / total, seed)
        names = ('loss_instance', 'loss_variance', 'loss_seed')
        return {name: weight * value for name, weight, value in zip(names, self.weights, values)}

    def _seed_loss(self, seeds: Tensor, near: Tensor, inside: Tensor, labels: Tensor, ignored: Tensor | None) -> Tensor:
        weights = self._class_weights.to(seeds).expand(len(seeds))
        foreground = (inside * (seeds[labels] - near).square()).sum(1) @ weights[labels]
        taken = torch.zeros_like(seeds).index_add_(0, labels, inside) > 0  # (C, P) pixels of each class
        if ignored is not None and self.ignored == 'exclude':
            taken = taken | ignored
        elsewhere = (~taken).to(seeds.dtype)
        if self.weigh_other_classes:
            elsewhere = torch.where(inside.any(0), weights[:, None] * elsewhere, elsewhere)
        return (foreground + (seeds.square() * elsewhere).sum()) / seeds.shape[1]


def _variance(sigmas: Tensor, means: Tensor, share: Tensor) -> Tensor:
    """Mean squared difference (K,) between the pixels' bandwidths (S, P) and those of their objects (K, S)."""
    axes = [(share * (sigma - mean[:, None]).square()).sum(1) for sigma, mean in zip(sigmas, means.T)]
    return torch.stack(axes).mean(0)
