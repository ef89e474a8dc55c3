"""A fine map straight from the frame, for outlines."""

from __future__ import annotations

from torch import Tensor, nn

from mmdet.models.init import kaiming_init
from mmdet.models.layers import ConvBlock
from mmdet.registry import MODELS


@MODELS.register_module()
class DetailStem(nn.Module):
    """Two 3x3 convolutions on the frame, the first with stride 2: edges that a pyramid from stride 4 has lost.

    A mask head with ``detail_channels`` sharpens its outlines by this map (fine features beside coarse ones, as in
    arXiv 1912.08193 and 2104.08569).

    Args:
        channels: of both convolutions.
        norm_cfg: normalisation after each; None for none.
    """

    def __init__(self, channels: int, norm_cfg: dict | None = None) -> None:
        super().__init__()
        self.conv1 = ConvBlock(3, channels, 3, 1, norm_cfg, stride=2)
        self.conv2 = ConvBlock(channels, channels, 3, 1, norm_cfg)
        for block in (self.conv1, self.conv2):
            kaiming_init(block.conv)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, channels, H / 2, W / 2)."""
        return self.conv2(self.conv1(images))
