"""The five boxes that SiamMask compares with the target at every cell, and the window that prefers the middle."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmdet.registry import MODELS


@MODELS.register_module()
class SiamAnchorGenerator:
    """Anchors of SiamRPN. Their heights follow from the *truncated* widths, unlike those of other detectors.

    The weights of the original programs need exactly these sizes: 104x32, 88x40, 64x64, 40x80, 32x96.

    Args:
        stride: pixels between cells.
        ratios: height / width.
        scales: anchor size in strides.
    """

    def __init__(
        self,
        stride: int = 8,
        ratios: Sequence[float] = (0.33, 0.5, 1, 2, 3),
        scales: Sequence[float] = (8,),
    ) -> None:
        self.stride, self.ratios, self.scales = stride, tuple(ratios), tuple(scales)

    @property
    def num_anchors(self) -> int:
        """A, the number of anchors per cell."""
        return len(self.ratios) * len(self.scales)

    def sizes(self) -> Tensor:
        """(A, 2) float32 widths and heights in pixels, ratio-major."""
        found = []
        for ratio in self.ratios:
            width = int(math.sqrt(self.stride**2 / ratio))
            height = int(width * ratio)
            found += [(width * scale, height * scale) for scale in self.scales]
        return torch.tensor(found, dtype=torch.float32)

    def grid(self, cells: int, centre: float = 0.0) -> Tensor:
        """All anchors (A * n * n, 4), centre x, centre y, width, height; anchor outermost, then row, then column.

        Args:
            cells: n, cells per side of the response map.
            centre: coordinate of the middle of the map; 0 for tracking, (side - 1) / 2 of the crop for training.
        """
        sizes = self.sizes()
        axis = (torch.arange(cells, dtype=torch.float32) - (cells - 1) / 2) * self.stride + centre
        ys, xs = torch.meshgrid(axis, axis, indexing='ij')
        centres = torch.stack([xs, ys], -1).expand(len(sizes), cells, cells, 2)
        spread = sizes[:, None, None].expand(len(sizes), cells, cells, 2)
        return torch.cat([centres, spread], -1).reshape(-1, 4)

    def window(self, cells: int) -> Tensor:
        """(A * n * n,) Hann window over the cells, 1 in the middle and 0 at the border, the same for every anchor."""
        hann = np.hanning(cells)
        return torch.from_numpy(np.tile(np.outer(hann, hann).flatten(), self.num_anchors)).float()
