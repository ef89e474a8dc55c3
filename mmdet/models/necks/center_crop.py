"""The neck of SiamMask: fewer channels, and for small images only the middle of the map."""

from __future__ import annotations

from torch import Tensor

from mmdet.models.layers import ConvBlock
from mmdet.registry import MODELS


@MODELS.register_module()
class CenterCropNeck(ConvBlock):
    """1x1 convolution and normalisation; a map narrower than ``crop_below`` then loses ``crop`` cells on every side.

    The border cells of a small map see mostly padding. The rule concerns templates (127 pixels: 15 -> 7 cells) and the
    small search images that a refine head trains on (143 pixels: 17 -> 9), not usual search images (255 pixels: 31).

    Args:
        in_channels, out_channels: of the convolution.
        crop_below: a map of fewer cells in width is cropped.
        crop: cells taken off each side.
        norm_cfg: normalisation; batch norm by default.
    """

    def __init__(
        self,
        in_channels: int = 1024,
        out_channels: int = 256,
        crop_below: int = 20,
        crop: int = 4,
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, 1, norm_cfg=norm_cfg or dict(type='BN'), activation=False)
        self.crop_below, self.crop = crop_below, crop

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H', W')."""
        x = super().forward(x)
        if x.shape[-1] >= self.crop_below:
            return x
        inner = slice(self.crop, -self.crop or None)
        return x[..., inner, inner]
