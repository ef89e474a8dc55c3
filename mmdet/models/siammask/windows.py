"""Square windows of maps that belong to cells of the response map."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def windows_at(maps: Tensor, cells: Tensor, num_cells: int, size: int, stride: int) -> Tensor:
    """The window that each cell sees, cut from maps that are padded with zeros so that the grid fits in the middle.

    Args:
        maps: (B, C, H, H).
        cells: (R, 3) index of the map, row and column on the grid.
        num_cells: n, side of the grid.
        size: side of a window in pixels of the map.
        stride: pixels of the map between neighbouring windows.

    Returns:
        (R, C, size, size)
    """
    padding = ((num_cells - 1) * stride + size - maps.shape[-1]) // 2
    padded = functional.pad(maps, (padding, padding, padding, padding))
    index, row, column = cells.unbind(1)
    return padded.unfold(2, size, stride).unfold(3, size, stride)[index, :, row, column]


def label_windows(masks: Tensor, cells: Tensor, num_cells: int, size: int = 127, stride: int = 8) -> Tensor:
    """Mask targets (R, size, size): 1 on the object, -1 beside it, 0 outside the search image.

    Args:
        masks: (B, S, S) 0 or 1.
        cells, num_cells, size, stride: see :func:`windows_at`.
    """
    labels = masks.to(torch.float32) * 2 - 1
    return windows_at(labels[:, None], cells, num_cells, size, stride)[:, 0]
