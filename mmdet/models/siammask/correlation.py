"""Depth-wise correlation: how much every place of a search map looks like the template, channel by channel."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from mmdet.models.layers import ConvBlock


def correlate(search: Tensor, kernels: Tensor, padding: int = 0) -> Tensor:
    """Correlate each map with its own kernel, per channel (SiamRPN++, arXiv 1812.11703, section 3.4).

    Args:
        search: (B, C, H, W).
        kernels: (B, C, h, w), one per map.
        padding: zeros around the maps.

    Returns:
        (B, C, H + 2p - h + 1, W + 2p - w + 1).
    """
    batch, channels = kernels.shape[:2]
    joined = search.reshape(1, batch * channels, *search.shape[2:])
    weight = kernels.reshape(batch * channels, 1, *kernels.shape[2:])
    out = functional.conv2d(joined, weight, padding=padding, groups=batch * channels)
    return out.view(batch, channels, *out.shape[2:])


class CorrelationBranch(nn.Module):
    """Two 3x3 convolutions without padding that prepare template and search features, and their correlation.

    Args:
        in_channels: of the features.
        channels: of the correlation.
        padding: zeros around the search map while correlating.
        norm_cfg: normalisation; batch norm by default.
    """

    def __init__(
        self, in_channels: int = 256, channels: int = 256, padding: int = 0, norm_cfg: dict | None = None
    ) -> None:
        super().__init__()
        norm_cfg = norm_cfg or dict(type='BN')
        self.conv_kernel = ConvBlock(in_channels, channels, 3, norm_cfg=norm_cfg)
        self.conv_search = ConvBlock(in_channels, channels, 3, norm_cfg=norm_cfg)
        self.padding = padding

    def correlation(self, kernels: Tensor, search: Tensor) -> Tensor:
        """Kernels (B, C, 5, 5), from ``conv_kernel``, and search features (B, C_in, 31, 31) -> (B, C, 25, 25)."""
        return correlate(self.conv_search(search), kernels, self.padding)


class CorrelationHead(CorrelationBranch):
    """A correlation and what a hidden and an output layer, both 1x1, read from it at every cell.

    Args:
        out_channels: numbers per cell.
        in_channels, channels, norm_cfg: see :class:`CorrelationBranch`.
    """

    def __init__(
        self, out_channels: int, in_channels: int = 256, channels: int = 256, norm_cfg: dict | None = None
    ) -> None:
        super().__init__(in_channels, channels, norm_cfg=norm_cfg)
        self.hidden = ConvBlock(channels, channels, 1, norm_cfg=norm_cfg or dict(type='BN'))
        self.out = nn.Conv2d(channels, out_channels, 1)

    def forward(self, kernels: Tensor, search: Tensor) -> Tensor:
        """As :meth:`correlation`, then the two layers: (B, out_channels, n, n)."""
        return self.out(self.hidden(self.correlation(kernels, search)))


def at_cells(maps: Tensor, cells: Tensor) -> Tensor:
    """Vectors (R, C) of maps (B, C, n, n) at cells (R, 3): index of the map, row, column."""
    index, row, column = cells.unbind(1)
    return maps[index, :, row, column]
