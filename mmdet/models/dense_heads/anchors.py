"""Anchor boxes on every cell of a pyramid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmdet.geometry import BoxConvention
from mmdet.registry import MODELS


@MODELS.register_module()
class AnchorGenerator:
    """Anchors of ``scales`` x ``ratios`` at each cell; sizes are multiples of the level's stride.

    Args:
        strides: pixels between cells, one per level.
        scales: side of a square anchor in strides.
        ratios: height / width.
    """

    def __init__(self, strides: Sequence[int], scales: Sequence[float] = (8,), ratios: Sequence[float] = (0.5, 1, 2)):
        self.strides, self.scales, self.ratios = tuple(strides), tuple(scales), tuple(ratios)

    @property
    def num_anchors(self) -> int:
        """Anchors per cell."""
        return len(self.scales) * len(self.ratios)

    def grid(
        self, sizes: Sequence[tuple[int, int]], convention: BoxConvention, device: torch.device
    ) -> list[Tensor]:
        """Anchors (H_l * W_l * A, 4) of each level for maps of ``sizes`` (H_l, W_l), row by row."""
        levels = []
        for (height, width), stride in zip(sizes, self.strides):
            base = convention.base_anchors(stride, self.scales, self.ratios).to(device)
            y, x = torch.meshgrid(
                torch.arange(height, device=device) * stride,
                torch.arange(width, device=device) * stride,
                indexing='ij',
            )
            shifts = torch.stack([x, y, x, y], -1).view(-1, 1, 4)
            levels.append((shifts + base).view(-1, 4))
        return levels
