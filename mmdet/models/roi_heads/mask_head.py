"""Mask head: one small mask per class for every box (arXiv 1703.06870)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import roi_align

from mmdet.errors import ConfigError
from mmdet.geometry import BoxConvention
from mmdet.models.init import kaiming_init, zero_init
from mmdet.models.layers import ConvBlock
from mmdet.models.losses import batch_count
from mmdet.models.samplers import SampledRoIs
from mmdet.registry import MODELS


@MODELS.register_module()
class MaskHead(nn.Module):
    """3x3 convolutions, 2x upsampling, one logit per class and cell.

    Args:
        num_classes: K.
        loss_mask: config dict.
        in_channels, channels: of the pooled grid and of the hidden layers.
        num_convs: hidden 3x3 convolutions.
        mask_size: side of the training targets: 2 to the ``num_upsamples`` times the pooled grid's.
        threshold: a pixel is foreground where its probability is greater.
        norm_cfg: normalisation of the convolutions; None as published.
        num_upsamples: transposed convolutions; 1 as published. More of them make fine masks of a small pooled grid.
        coordinates: let the first convolution see each cell's place in the box too, as two more channels (arXiv
            1807.03247). Few convolutions on a fine grid do not reach its edges, and cannot tell otherwise which of two
            objects in one box is meant.
        soft_targets: train on the share of a cell that the object covers instead of whether that is at least half (as
            published). Masks are interpolated when they are put into the frame, so shares say where in a cell the
            outline runs. Targets of the ``legacy`` convention are 0 or 1 either way.
        dilations: of the hidden convolutions, one each; None is 1 for all, as published. With 2 they see as much of an
            object on a grid of 56 as ordinary ones do on a grid of 28, and start well from weights trained on that.
        detail_channels: of a map of fine detail, pooled at ``mask_size``, by which two convolutions sharpen the last
            hidden map; 0 (as published): none. They start at zero: weights trained without detail lose nothing.

    Raises:
        ConfigError: ``num_upsamples`` or ``dilations`` cannot be.
    """

    def __init__(
        self,
        num_classes: int,
        loss_mask: dict,
        in_channels: int = 256,
        channels: int = 256,
        num_convs: int = 4,
        mask_size: int = 28,
        threshold: float = 0.5,
        norm_cfg: dict | None = None,
        num_upsamples: int = 1,
        coordinates: bool = False,
        soft_targets: bool = False,
        dilations: Sequence[int] | None = None,
        detail_channels: int = 0,
    ) -> None:
        super().__init__()
        if num_upsamples < 1:
            raise ConfigError(f'num_upsamples must be at least 1, got {num_upsamples}')
        dilations = (1,) * num_convs if dilations is None else tuple(dilations)
        if len(dilations) != num_convs or min(dilations, default=1) < 1:
            raise ConfigError(f'dilations must be {num_convs} numbers from 1, one per convolution, got {dilations}')
        self.num_classes, self.mask_size, self.threshold = num_classes, mask_size, threshold
        self.loss_mask = MODELS.build(loss_mask)
        self.coordinates, self.soft_targets = coordinates, soft_targets
        in_channels += 2 if coordinates else 0
        self.convs = nn.ModuleList(
            ConvBlock(in_channels if i == 0 else channels, channels, 3, dilation, norm_cfg, dilation=dilation)
            for i, dilation in enumerate(dilations)
        )
        self.upsample = nn.ConvTranspose2d(channels, channels, 2, stride=2)
        self.more_upsamples = nn.ModuleList(
            nn.ConvTranspose2d(channels, channels, 2, stride=2) for _ in range(num_upsamples - 1)
        )
        self.conv_logits = nn.Conv2d(channels, num_classes, 1)
        for layer in (self.upsample, *self.more_upsamples, self.conv_logits):
            kaiming_init(layer)
        self.detail_channels = detail_channels
        self.sharpen = _sharpener(channels, detail_channels, norm_cfg) if detail_channels else None

    def forward(self, pooled: Tensor, labels: Tensor, detail: Tensor | None = None) -> Tensor:
        """(R, C, S, S) and classes (R,) -> logits (R, M, M) of each box's own class, M = S * 2 ** num_upsamples.

        ``detail`` is (R, detail_channels, M, M). The maps of the other classes, which nothing looks at, are not
        computed.
        """
        x = torch.cat([pooled, _places(pooled)], 1) if self.coordinates else pooled
        for conv in self.convs:
            x = conv(x)
        for upsample in (self.upsample, *self.more_upsamples):
            x = functional.relu(upsample(x))
        if self.sharpen is not None and detail is not None:
            x = x + self.sharpen(torch.cat([x, detail], 1))
        weight, bias = self.conv_logits.weight[:, :, 0, 0], cast(Tensor, self.conv_logits.bias)
        own = torch.bmm(weight[labels, None], x.flatten(2))[:, 0] + bias[labels, None]
        return own.reshape(-1, *x.shape[2:])

    def loss(
        self, logits: Tensor, sampled: Sequence[SampledRoIs], gt_masks: Sequence[Tensor], convention: BoxConvention
    ) -> dict[str, Tensor]:
        """``loss_mask``: mean over the cells of the positives' logits (P, M, M)."""
        make = _legacy_targets if convention.legacy else _covered
        covered = torch.cat(
            [make(s.positive_bboxes, s.gt_inds, masks, self.mask_size) for s, masks in zip(sampled, gt_masks)]
        )
        targets = covered if self.soft_targets else (covered >= 0.5).to(covered)
        count = batch_count(len(logits), logits) * self.mask_size**2
        return {'loss_mask': self.loss_mask(logits, targets.to(logits.device), count)}


def _sharpener(channels: int, detail_channels: int, norm_cfg: dict | None) -> nn.Sequential:
    last = ConvBlock(detail_channels, channels, 3, 1, activation=False)
    zero_init(last.conv)
    return nn.Sequential(ConvBlock(channels + detail_channels, detail_channels, 3, 1, norm_cfg), last)


def _places(grid: Tensor) -> Tensor:
    """Where the cells of a grid (R, C, S, S) lie, x and y from -1 to 1: (R, 2, S, S)."""
    line = torch.linspace(-1, 1, grid.shape[-1], dtype=grid.dtype, device=grid.device)
    return torch.stack(torch.meshgrid(line, line, indexing='xy')).expand(len(grid), -1, -1, -1)


def _covered(boxes: Tensor, gt_inds: Tensor, masks: Tensor, size: int) -> Tensor:
    """Share (P, size, size) of the cells in boxes (P, 4) that masks (G, H, W) cover, by RoIAlign."""
    if len(boxes) == 0:
        return boxes.new_zeros(0, size, size)
    rois = torch.cat([gt_inds[:, None].to(boxes), boxes], 1)
    return roi_align(masks[:, None].to(boxes), rois, size, 1.0, 0, aligned=True)[:, 0]


def _legacy_targets(boxes: Tensor, gt_inds: Tensor, masks: Tensor, size: int) -> Tensor:
    """0 or 1 where :func:`_covered` has shares: crops at truncated inclusive corners, resized as 8 bits (2019)."""
    corners = (boxes - boxes.new_tensor([0, 0, 1, 1])).cpu().numpy().astype(np.int32)
    bitmaps = masks.cpu().numpy().astype(np.uint8)
    targets = np.zeros((len(corners), size, size), np.float32)
    for target, (x1, y1, x2, y2), index in zip(targets, corners, gt_inds.tolist()):
        right, bottom = max(x2 + 1, x1 + 1), max(y2 + 1, y1 + 1)
        crop = bitmaps[index, y1:bottom, x1:right]
        target[:] = cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(targets)
