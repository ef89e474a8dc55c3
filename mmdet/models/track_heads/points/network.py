"""PointTrack's network (arXiv 2007.01550, section 3.2): sets of points to one vector per instance.

Every layer looks at one point alone, so points of all instances go through as rows of one matrix, and a pixel that was
drawn several times goes through once.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdet.models.track_heads.points.position import (
    POSITION_CHANNELS,
    box_shapes,
    compat_box_shapes,
    encode_positions,
)
from mmdet.models.track_heads.points.sampling import InstancePoints, PointSet

SLOPE = 0.01  # of the leaky rectifiers
COLOURS, PLACE = 3, 2  # numbers of a point

# What the published program feeds in for a point of the background, of another class (there: background) and of
# another instance of the same class; needed for its weights.
COMPAT_CATEGORIES = (
    (0.9479751586914062, 0.4561353325843811, 0.16707628965377808),
    (0.9479751586914062, 0.4561353325843811, 0.16707628965377808),
    (0.5455077290534973, -0.6193588972091675, -2.629554510116577),
)
ONE_HOT = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


class PointEmbedding(NamedTuple):
    """What the network says of N instances.

    Attributes:
        vectors: (N, D).
        weights: (N, P) attention on each foreground point; a row sums to 1.
        winners: (N, 4 * base) context point that holds the maximum of each channel.
    """

    vectors: Tensor
    weights: Tensor
    winners: Tensor


class PointLayer(nn.Module):
    """Fully connected layer on each point, optional batch norm, leaky rectifier."""

    def __init__(self, in_channels: int, out_channels: int, norm: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels, out_channels)
        self.norm = nn.BatchNorm1d(out_channels) if norm else None

    def forward(self, x: Tensor) -> Tensor:
        """(K, C_in) -> (K, C_out)."""
        if self.norm is None:
            return functional.leaky_relu_(self.linear(x), SLOPE)
        if self.training:
            return functional.leaky_relu_(self.norm(self.linear(x)), SLOPE)
        return functional.leaky_relu_(functional.linear(x, *self._folded(self.norm)), SLOPE)

    def _folded(self, norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
        """Weight and bias of layer and norm in one, which spares two passes over all points."""
        mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
        scale = norm.weight * (variance + norm.eps).rsqrt()
        return self.linear.weight * scale[:, None], (self.linear.bias - mean) * scale + norm.bias


class PointLayers(nn.Sequential):
    """Layers of the given widths; ``norms`` says how many of the first ones are normalised."""

    def __init__(self, *widths: int, norms: int = 0) -> None:
        super().__init__(*(PointLayer(a, b, i < norms) for i, (a, b) in enumerate(pairwise(widths))))


class ForegroundBranch(nn.Module):
    """Points on the instance: mean, maximum, and a sum weighted by learnt attention."""

    def __init__(self, base: int) -> None:
        super().__init__()
        self.offsets = PointLayers(PLACE, base, 2 * base, 4 * base, norms=3)
        self.colours = PointLayers(COLOURS, base, 2 * base, 4 * base, norms=3)
        self.mean_path = PointLayers(8 * base, 4 * base, 8 * base, base, norms=2)
        self.max_path = PointLayers(8 * base, 4 * base, 8 * base, base, norms=2)
        self.attention = nn.Linear(2 * base, 1)

    def forward(self, points: PointSet) -> tuple[Tensor, Tensor]:
        """Features (N, 10 * base) and attention (N, P)."""
        colours, offsets = points.values.split([COLOURS, PLACE], 1)
        features = torch.cat([self.offsets(offsets), self.colours(colours)], 1)  # (K, 8 * base)
        means, maxima = self.mean_path(features), self.max_path(features)
        scores = self.attention(torch.cat([means, maxima], 1))  # (K, 1)
        weights = points.drawn(scores).squeeze(-1).float().softmax(1)  # (N, P)
        pooled = [points.drawn(means).mean(1), points.drawn(maxima).amax(1), weighted_sum(points, features, weights)]
        return torch.cat(pooled, 1), weights


class ContextBranch(nn.Module):
    """Points around the instance: the maximum of every channel."""

    categories: Tensor

    def __init__(self, base: int, compat: bool) -> None:
        super().__init__()
        self.offsets = PointLayers(PLACE, base, 2 * base, 2 * base)
        self.colours = PointLayers(COLOURS, base, 2 * base, 4 * base)
        self.kinds = PointLayers(3, base, 2 * base, 2 * base)
        self.fuse = PointLayers(8 * base, 4 * base, 8 * base, 4 * base)
        table = torch.tensor([*(COMPAT_CATEGORIES if compat else ONE_HOT), (0.0, 0.0, 0.0)])  # (4, 3) by kind
        self.register_buffer('categories', table, persistent=False)

    def forward(self, points: PointSet) -> tuple[Tensor, Tensor]:
        """Features (N, 4 * base) and which of the P points holds each maximum, (N, 4 * base)."""
        colours, offsets = points.values.split([COLOURS, PLACE], 1)
        kinds = self.kinds(self.categories)[points.kinds]  # there are four kinds only
        features = self.fuse(torch.cat([self.offsets(offsets), self.colours(colours), kinds], 1))
        return points.drawn(features).max(1)


def weighted_sum(points: PointSet, features: Tensor, weights: Tensor) -> Tensor:
    """Sum (N, C) over drawn points of features (K, C) times weights (N, P)."""
    if not points.distinct:
        return torch.einsum('np,npc->nc', weights, points.drawn(features).to(weights.dtype))
    return functional.embedding_bag(points.members, features.float(), mode='sum', per_sample_weights=weights)


class PointNetwork(nn.Module):
    """Foreground, context and position of instances to vectors, which are not normalised.

    Args:
        embedding_dim: D.
        base_channels: width of the first layers; the published network has 64.
        compat: take categories of context points and positions as the published weights need them.
    """

    def __init__(self, embedding_dim: int = 32, base_channels: int = 64, compat: bool = False) -> None:
        super().__init__()
        base = base_channels
        self.compat = compat
        self.foreground = ForegroundBranch(base)
        self.context = ContextBranch(base, compat)
        self.hidden = nn.Linear(14 * base + POSITION_CHANNELS, 4 * base)
        self.output = nn.Linear(4 * base, embedding_dim)

    def forward(self, points: InstancePoints) -> PointEmbedding:
        """Vectors of N >= 1 instances and what they rest on."""
        foreground, weights = self.foreground(points.foreground)
        context, winners = self.context(points.context)
        shapes = compat_box_shapes(points.bboxes) if self.compat else box_shapes(points.bboxes, points.frame_sizes)
        joined = torch.cat([foreground, context, encode_positions(shapes)], 1)
        vectors = self.output(functional.leaky_relu_(self.hidden(joined), SLOPE))
        return PointEmbedding(vectors.float(), weights, winners)
