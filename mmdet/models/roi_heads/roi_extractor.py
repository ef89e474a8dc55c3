"""Pool pyramid features inside boxes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmdet.geometry import BoxConvention, roi_levels
from mmdet.registry import MODELS
from mmdet.structures import Features


def to_rois(boxes: Sequence[Tensor]) -> Tensor:
    """Boxes of each image, (N_i, 4), as one (R, 5) tensor ``image_index x1 y1 x2 y2``."""
    return torch.cat([torch.cat([b.new_full((len(b), 1), i), b], 1) for i, b in enumerate(boxes)])


@MODELS.register_module()
class RoIExtractor(nn.Module):
    """RoIAlign on the one pyramid level that fits each box's size.

    Args:
        output_size: S, side of the pooled grid.
        strides: pixels per cell of the levels used, finest first.
        sampling_ratio: samples per bin side; 0 adapts to the bin's size.
        finest_scale: boxes of less than twice this side (geometric mean, pixels) use the finest level.
    """

    def __init__(
        self, output_size: int, strides: Sequence[int], sampling_ratio: int = 0, finest_scale: float = 56
    ) -> None:
        super().__init__()
        self.output_size, self.strides = output_size, tuple(strides)
        self.sampling_ratio, self.finest_scale = sampling_ratio, finest_scale

    def forward(self, features: Features, rois: Tensor, convention: BoxConvention) -> Tensor:
        """Features (B, C, H_l, W_l) and rois (R, 5) -> (R, C, S, S)."""
        levels = roi_levels(rois[:, 1:], self.finest_scale, len(self.strides))
        pooled = features[0].new_zeros(len(rois), features[0].shape[1], self.output_size, self.output_size)
        for level, stride in enumerate(self.strides):
            rows = torch.nonzero(levels == level).flatten()
            part = convention.roi_align(features[level], rois[rows], self.output_size, 1 / stride, self.sampling_ratio)
            pooled = pooled.index_copy(0, rows, part)
        return pooled
