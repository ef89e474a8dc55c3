"""The mask branch: a whole mask of 63 x 63 logits from the correlation vector of one cell (arXiv 1812.05050)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from mmdet.models.losses import mask_accuracy
from mmdet.models.siammask.correlation import CorrelationHead, at_cells
from mmdet.models.siammask.windows import label_windows
from mmdet.registry import MODELS


@MODELS.register_module()
class SiamMaskHead(CorrelationHead):
    """Correlation, and masks read from single cells of it; the output layer runs on the cells in question only.

    Args:
        mask_size: side of a mask in logits; it stands for ``window`` pixels.
        window: side in pixels of what a mask shows.
        stride: pixels between cells.
        in_channels, channels: of features and correlation.
        norm_cfg: normalisation; batch norm by default.
        loss_mask: config dict.
    """

    def __init__(
        self,
        mask_size: int = 63,
        window: int = 127,
        stride: int = 8,
        in_channels: int = 256,
        channels: int = 256,
        norm_cfg: dict | None = None,
        loss_mask: dict | None = None,
    ) -> None:
        super().__init__(mask_size**2, in_channels, channels, norm_cfg)
        self.mask_size, self.window, self.stride = mask_size, window, stride
        self.loss_mask = MODELS.build(loss_mask or dict(type='SoftMarginMaskLoss', loss_weight=36.0))

    def masks(self, correlation: Tensor, cells: Tensor) -> Tensor:
        """Logits (R, mask_size, mask_size) at cells (R, 3) of the correlation (B, C, n, n)."""
        if self.training:  # statistics of the hidden layer's normalisation are those of all cells
            vectors = at_cells(self.hidden(correlation), cells)[..., None, None]
        else:
            vectors = self.hidden(at_cells(correlation, cells)[..., None, None])
        return self.out(vectors).view(-1, self.mask_size, self.mask_size)

    def loss(self, correlation: Tensor, cells: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """``loss_mask`` and accuracies, at the resolution of the search image.

        Args:
            correlation: (B, C, n, n).
            cells: (R, 3) positive cells: index in the batch, row, column.
            masks: (B, S, S) 0 or 1, of the search images.
        """
        labels = label_windows(masks, cells, correlation.shape[-1], self.window, self.stride)
        logits = self.masks(correlation, cells)[:, None]
        full = functional.interpolate(logits, (self.window, self.window), mode='bilinear', align_corners=True)[:, 0]
        return {'loss_mask': self.loss_mask(full, labels), **mask_accuracy(full, labels)}
