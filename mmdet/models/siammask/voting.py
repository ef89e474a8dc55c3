"""Masks of several boxes agree on one: each is pasted into the search crop and votes for its pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

TIE_BREAK = 1e-3  # far below one vote in a hundred

def grow(boxes: Tensor, part: float, side: int) -> Tensor:
    """Boxes (R, 4) with ``part`` of their width or height added on every side, clamped to a crop of ``side`` pixels.

    A box outside the crop becomes one of a pixel at its border.
    """
    margin = (boxes[:, 2:] - boxes[:, :2]) * part
    low = (boxes[:, :2] - margin).clamp(0, side - 2)
    high = torch.maximum((boxes[:, 2:] + margin).clamp(0, side - 1), low + 1)
    return torch.cat([low, high], 1)


def vote_maps(masks: Tensor, boxes: Tensor, side: int) -> Tensor:
    """Masks (R, S, S) stretched over boxes (R, 4) of a crop: (R, side, side), 0 outside the boxes.

    Pixel i of the crop has its middle at i, as in ``boxes``.
    """
    pixels = torch.arange(side, dtype=boxes.dtype, device=boxes.device)
    low, size = boxes[:, :2, None], (boxes[:, 2:] - boxes[:, :2])[..., None]
    position = (pixels - low) / size * 2 - 1  # (R, 2, side), -1 and 1 at the edges of the box
    xs, ys = position.unbind(1)
    grid = torch.stack([xs[:, None].expand(-1, side, -1), ys[:, :, None].expand(-1, -1, side)], -1)
    return functional.grid_sample(masks[:, None], grid.to(masks), align_corners=False)[:, 0]


def vote_share(maps: Tensor, threshold: float) -> Tensor:
    """Part of the K maps (..., K, H, W) that vote for each pixel, which they do above ``threshold``: (..., H, W).

    Where a pixel needs more than half of them, 5 of 10 votes are not enough and 6 are.
    """
    return (maps > threshold).float().mean(-3)


def vote_values(maps: Tensor, threshold: float) -> Tensor:
    """:func:`vote_share`, less up to :data:`TIE_BREAK` for pixels of low mean probability.

    Shares have K + 1 levels, so two objects often have as many votes for a pixel; it then goes to the one whose maps
    are surer. Never enough to outweigh a vote.
    """
    return vote_share(maps, threshold) - TIE_BREAK * (1 - maps.mean(-3))
