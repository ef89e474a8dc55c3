"""Deformable convolution: torchvision's on a GPU; on a CPU the same numbers several times faster."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import deform_conv2d as torchvision_deform_conv2d

from mmdet.errors import DataError


def deform_conv2d(maps: Tensor, offsets: Tensor, weight: Tensor, padding: int = 0) -> Tensor:
    """Convolution whose taps read ``maps`` at positions moved by ``offsets`` (arXiv 1703.06211), stride and dilation 1.

    Between cells values are bilinear, beyond the map they are zero. torchvision's CPU kernel gathers and scatters
    single values; where it would run, whole rows of channels are gathered here, by ``embedding_bag``.

    Args:
        maps: (B, C, H, W).
        offsets: (B, 2 * kh * kw, H', W') in cells; channels 2k and 2k + 1 are dy and dx of tap k,
            taps row by row.
        weight: (O, C, kh, kw).
        padding: cells of zeros on every side; H' = H + 2 * padding - kh + 1, and W' likewise.

    Returns:
        (B, O, H', W').

    Raises:
        DataError: shapes or types do not belong together.
    """
    batch, channels, height, width = maps.shape
    kernel = (weight.shape[2], weight.shape[3])
    out = (height + 2 * padding - kernel[0] + 1, width + 2 * padding - kernel[1] + 1)
    expected = (batch, 2 * kernel[0] * kernel[1], *out)
    if weight.shape[1] != channels or tuple(offsets.shape) != expected:
        raise DataError(
            f'deform_conv2d: maps {tuple(maps.shape)} and weight {tuple(weight.shape)} with padding {padding} need '
            f'a weight of {channels} channels and offsets of shape {expected}, got {tuple(offsets.shape)}'
        )
    if not maps.dtype == offsets.dtype == weight.dtype:
        raise DataError(f'deform_conv2d: one type for all, got {maps.dtype}, {offsets.dtype} and {weight.dtype}')
    if maps.device.type != 'cpu':
        return torchvision_deform_conv2d(maps, offsets, weight, padding=padding)
    sampled = _sample(maps, *_positions(offsets, kernel, padding))  # (B * H' * W' * kh * kw, C)
    flat = weight.permute(2, 3, 1, 0).reshape(-1, len(weight))  # (kh * kw * C, O)
    return (sampled.view(-1, len(flat)) @ flat).view(batch, *out, len(weight)).permute(0, 3, 1, 2)


def _positions(offsets: Tensor, kernel: tuple[int, int], padding: int) -> tuple[Tensor, Tensor]:
    """Row and column that each tap reads, both (B, H', W', kh * kw)."""
    moved = offsets.unflatten(1, (-1, 2)).permute(2, 0, 3, 4, 1)  # (2, B, H', W', taps)
    rows, columns = (torch.arange(size, dtype=offsets.dtype, device=offsets.device) for size in offsets.shape[2:])
    taps = torch.arange(kernel[0] * kernel[1], device=offsets.device)
    down = torch.div(taps, kernel[1], rounding_mode='floor') - padding
    right = taps % kernel[1] - padding
    return moved[0] + rows[:, None, None] + down, moved[1] + columns[:, None] + right


def _sample(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Values of (B, C, H, W) at positions (B, ...), bilinear with zeros outside: (positions of all frames, C)."""
    batch, channels, height, width = maps.shape
    frames = torch.arange(batch, device=maps.device).view(-1, *[1] * (rows.dim() - 1)) * (height * width)
    top, left = (place.detach().nan_to_num(0).floor() for place in (rows, columns))  # shares of NaN stay NaN
    down, right = rows - top, columns - left
    cells, shares = [], []
    for row, row_share in ((top, 1 - down), (top + 1, down)):
        for column, column_share in ((left, 1 - right), (left + 1, right)):
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            cell = frames + row.clamp(0, height - 1).long() * width + column.clamp(0, width - 1).long()
            cells.append(cell)
            shares.append(row_share * column_share * inside)
    table = maps.permute(0, 2, 3, 1).reshape(-1, channels)
    corners, weights = torch.stack(cells, -1).view(-1, 4), torch.stack(shares, -1).view(-1, 4)
    return functional.embedding_bag(corners, table, mode='sum', per_sample_weights=weights)
