"""The refinement of SiamMask's sharp variant: masks of 127 x 127 from the correlation vector and early features."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from mmdet.models.losses import mask_accuracy
from mmdet.models.siammask.correlation import at_cells
from mmdet.models.siammask.windows import label_windows, windows_at
from mmdet.registry import MODELS
from mmdet.structures import Features

WIDTHS = (4, 16, 32)  # of the levels, finest first
START = 15  # side of the map that a correlation vector grows into
SIZES = (61, 31, 15)  # cells of the early maps under one window of 127 pixels
STRIDES = (4, 2, 1)  # cells of the early maps between neighbouring windows
OUTPUTS = (127, 61, 31)  # sides after each level's enlargement


def _two_convs(in_channels: int, middle: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, middle, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(middle, out_channels, 3, padding=1),
        nn.ReLU(),
    )


@MODELS.register_module()
class SiamRefineHead(nn.Module):
    """Grow a correlation vector into a mask, adding what stem, first and second stage see of the same window.

    It replaces the output layer of the mask head, whose correlation it reads. It works on any grid of cells: 25 x 25
    while tracking, 3 x 3 on the search images of 143 pixels that the original trains it on.

    Args:
        skip_channels: of the stem's and the first two stages' maps.
        channels: of the correlation.
        window: side in pixels of what a mask shows, and of the mask.
        stride: pixels between cells.
        loss_mask: config dict.
    """

    def __init__(
        self,
        skip_channels: Sequence[int] = (64, 256, 512),
        channels: int = 256,
        window: int = 127,
        stride: int = 8,
        loss_mask: dict | None = None,
    ) -> None:
        super().__init__()
        self.window, self.stride = window, stride
        self.loss_mask = MODELS.build(loss_mask or dict(type='SoftMarginMaskLoss', loss_weight=36.0))
        after = (1, *WIDTHS[:-1])
        for level, (skip, width) in enumerate(zip(skip_channels, WIDTHS)):
            setattr(self, f'v{level}', _two_convs(skip, 4 * width, width))
            setattr(self, f'h{level}', _two_convs(width, width, width))
            setattr(self, f'post{2 - level}', nn.Conv2d(width, after[level], 3, padding=1))
        self.deconv = nn.ConvTranspose2d(channels, WIDTHS[-1], START, START)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, a=1)

    def masks(self, skips: Features, correlation: Tensor, cells: Tensor) -> Tensor:
        """Logits (R, 127, 127).

        Args:
            skips: maps of stem, first and second stage of B search images.
            correlation: (B, C, n, n) of the mask head.
            cells: (R, 3) index in the batch, row, column.
        """
        x = self.deconv(at_cells(correlation, cells)[..., None, None])
        for level in (2, 1, 0):
            seen = windows_at(skips[level], cells, correlation.shape[-1], SIZES[level], STRIDES[level])
            x = getattr(self, f'h{level}')(x) + getattr(self, f'v{level}')(seen)
            side = OUTPUTS[level]
            x = getattr(self, f'post{2 - level}')(functional.interpolate(x, (side, side)))  # nearest neighbour
        return x[:, 0]

    def loss(self, skips: Features, correlation: Tensor, cells: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """``loss_mask`` and accuracies of R cells; ``masks`` (B, S, S) are the search images' own, 0 or 1."""
        labels = label_windows(masks, cells, correlation.shape[-1], self.window, self.stride)
        logits = self.masks(skips, correlation, cells)
        return {'loss_mask': self.loss_mask(logits, labels), **mask_accuracy(logits, labels)}
