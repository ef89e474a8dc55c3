"""What SpatialEmbedding's network says about each pixel: where its object's centre lies, how far off is still inside.

A pixel at coordinate p with offset o votes for the place tanh(o) + p. An object with centre c and bandwidth s owns the
pixels whose vote is near: exp(-sum_a (vote_a - c_a)^2 * exp(10 s_a)) above one half (arXiv 1906.11109, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from mmdet.errors import ConfigError

__all__ = [
    'SIGMA_SCALE',
    'CoordinateMode',
    'EmbeddingMaps',
    'closeness',
    'coordinate_map',
    'precision',
    'split_prediction',
]

CoordinateMode = Literal['default', 'compat']
COMPAT_SIZE = (1024, 2048)  # height and width that the published grid is made for
SIGMA_SCALE = 10.0
LARGEST_SIGMA = 8.0  # exp(80) is still far from the end of float32; a radius is below a pixel long before


@dataclass
class EmbeddingMaps:
    """The parts of a prediction for T images; every map is float32.

    Attributes:
        votes: (T, 2, H, W) x and y of the place that each pixel votes for, in units of the coordinate map.
        sigmas: (T, S, H, W) raw bandwidth, S = 1 (shared by both axes) or 2 (x and y).
        seeds: (T, C, H, W) logit of how near a pixel of each class is to its object's centre.
        coordinates: (2, H, W) x and y of each pixel.
    """

    votes: Tensor
    sigmas: Tensor
    seeds: Tensor
    coordinates: Tensor


def coordinate_map(
    height: int, width: int, mode: CoordinateMode = 'default', unit: float = 1024.0, device: torch.device | None = None
) -> Tensor:
    """x and y of every pixel, (2, height, width) float32.

    Args:
        height, width: of the image in pixels; any size.
        mode: ``default`` steps by 1 / ``unit`` along both axes; ``compat`` takes the published grid, whose steps are
            2 / 2047 along x and 1 / 1023 along y, and continues it beyond its 2048 x 1024 pixels.
        unit: pixels per unit of length. An object reaches less than this from its centre, as tanh ends at 1.
    """
    if mode == 'compat':
        x, y = (_published_axis(n, end, i, device) for n, end, i in ((width, 2.0, 1), (height, 1.0, 0)))
    elif mode == 'default':
        x, y = (torch.arange(size, device=device, dtype=torch.float32) / unit for size in (width, height))
    else:
        raise ConfigError(f"coordinates {mode!r} do not exist; use 'default' or 'compat'")
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)])


def _published_axis(size: int, end: float, axis: int, device: torch.device | None) -> Tensor:
    full = COMPAT_SIZE[axis]
    if size <= full:  # the same roundings as the grid that weights were trained on
        return torch.linspace(0, end, full, device=device)[:size]
    return torch.arange(size, device=device, dtype=torch.float32) * (end / (full - 1))


def split_prediction(prediction: Tensor, num_sigmas: int, coordinates: Tensor) -> EmbeddingMaps:
    """Take (T, 2 + S + C, H, W) network output apart: offsets, bandwidths, seeds."""
    offsets, sigmas, seeds = prediction.float().tensor_split([2, 2 + num_sigmas], dim=1)
    return EmbeddingMaps(offsets.tanh() + coordinates, sigmas, seeds, coordinates)


def precision(sigmas: Tensor) -> Tensor:
    """Raw bandwidths to what squared distances are multiplied by: exp(10 s), kept inside float32."""
    return (SIGMA_SCALE * sigmas.clamp(max=LARGEST_SIGMA)).exp()


def closeness(votes: Tensor, centres: Tensor, sigmas: Tensor) -> Tensor:
    """How near each vote is to each of K centres: (K, P) in (0, 1], above one half inside the object.

    Args:
        votes: (2, P).
        centres: (K, 2).
        sigmas: (K, S) raw bandwidths of the objects.
    """
    scale = precision(sigmas).expand(-1, 2)  # (K, 2)
    x = (votes[0] - centres[:, :1]).square() * scale[:, :1]
    y = (votes[1] - centres[:, 1:]).square() * scale[:, 1:]
    return (-(x + y)).exp()
