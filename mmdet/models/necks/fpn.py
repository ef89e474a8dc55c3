"""Feature pyramid network (arXiv 1612.03144)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn
from torch.nn import functional

from mmdet.models.init import xavier_init
from mmdet.models.layers import ConvBlock
from mmdet.registry import MODELS
from mmdet.structures import Features


@MODELS.register_module()
class FPN(nn.Module):
    """Top-down pyramid of ``num_outs`` maps with equal channels; levels past the backbone's are max-pooled.

    Args:
        in_channels: channels of the backbone's maps, finest first.
        out_channels: channels of every output level.
        num_outs: number of output levels, at least ``len(in_channels)``.
        norm_cfg: normalisation of all convolutions; None as published.
    """

    def __init__(
        self, in_channels: Sequence[int], out_channels: int = 256, num_outs: int = 5, norm_cfg: dict | None = None
    ) -> None:
        super().__init__()
        self.num_extra = num_outs - len(in_channels)
        self.out_channels = out_channels
        self.num_outs = num_outs
        self.lateral_convs = nn.ModuleList(
            ConvBlock(channels, out_channels, 1, norm_cfg=norm_cfg, activation=False) for channels in in_channels
        )
        self.fpn_convs = nn.ModuleList(
            ConvBlock(out_channels, out_channels, 3, 1, norm_cfg, activation=False) for _ in in_channels
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                xavier_init(module)

    def forward(self, maps: Features) -> Features:
        """Backbone maps, finest first -> ``num_outs`` maps (B, out_channels, H_l, W_l)."""
        laterals = [conv(x) for conv, x in zip(self.lateral_convs, maps)]
        for level in range(len(laterals) - 1, 0, -1):
            size = laterals[level - 1].shape[-2:]
            laterals[level - 1] = laterals[level - 1] + functional.interpolate(laterals[level], size=size)
        outs = [conv(x) for conv, x in zip(self.fpn_convs, laterals)]
        for _ in range(self.num_extra):
            outs.append(functional.max_pool2d(outs[-1], 1, stride=2))
        return tuple(outs)
