"""Temporal feature calibration of CMaskTrack R-CNN (arXiv 2102.01558): a reference frame's features, moved to where the
current frame needs them and added to its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import DeformConv2d

from mmdet.errors import ConfigError, DataError
from mmdet.models.calibration_heads.base import CalibrationHead
from mmdet.models.init import kaiming_init, zero_init
from mmdet.models.layers import ConvBlock
from mmdet.ops.correlation import correlation
from mmdet.ops.deform_conv import deform_conv2d
from mmdet.registry import MODELS
from mmdet.structures import Features

TAPS = 9  # of the 3x3 deformable convolution


@MODELS.register_module()
class CorrelationCalibrationHead(CalibrationHead):
    """Correlate, predict offsets, sample the reference there, add: ``fused = x + deform_conv(r, offsets(x, r))``.

    One set of weights serves all pyramid levels.

    Args:
        channels: C of the pyramid, and width of the hidden layers.
        patch_size: displacements per axis that each position is compared with.
        dilation_patch: step between them, in cells of the level.
        window: where an even patch lies, see :func:`mmdet.ops.correlation.correlation`. Released weights need ``cuda``;
            for an odd patch the two are the same.
        num_convs: 3x3 convolutions between correlation and offsets.
        levels: pyramid levels to calibrate, finest is 0; the others pass unchanged. None calibrates all.
        init: ``original`` starts with random offsets and a random deformable convolution, so fused features are x plus
            noise; ``identity`` starts both at zero, so that fused features are x until training finds something better.
        detach_ref: keep the gradient of fused features away from the reference frame.
        reference_range, max_references: see :class:`CalibrationHead`.

    Raises:
        ConfigError: a choice does not exist or a number is too small.
    """

    def __init__(
        self,
        channels: int = 256,
        patch_size: int = 16,
        dilation_patch: int = 2,
        window: Literal['centred', 'cuda'] = 'centred',
        num_convs: int = 3,
        levels: Sequence[int] | None = None,
        init: Literal['original', 'identity'] = 'original',
        detach_ref: bool = False,
        reference_range: int = 5,
        max_references: int | None = None,
    ) -> None:
        super().__init__(reference_range, max_references)
        if window not in ('centred', 'cuda'):
            raise ConfigError(f"window {window!r} does not exist; use 'centred' or 'cuda'")
        if init not in ('original', 'identity'):
            raise ConfigError(f"init {init!r} does not exist; use 'original' or 'identity'")
        if patch_size < 1 or dilation_patch < 1 or num_convs < 0:
            raise ConfigError(
                'patch_size and dilation_patch must be 1 or more and num_convs 0 or more, '
                f'got {patch_size}, {dilation_patch} and {num_convs}'
            )
        if levels is not None and (not levels or min(levels) < 0):
            raise ConfigError(f'levels are indices of pyramid levels, at least one, or None; got {tuple(levels)}')
        self.channels, self.patch_size, self.dilation_patch = channels, patch_size, dilation_patch
        self.window, self.detach_ref = window, detach_ref
        self.levels = None if levels is None else tuple(levels)
        widths = [patch_size**2] + [channels] * num_convs
        self.offset_convs = nn.ModuleList(ConvBlock(width, channels, 3, padding=1) for width in widths[:-1])
        self.conv_offset = nn.Conv2d(widths[-1], 2 * TAPS, 3, padding=1)
        self.deform_conv = DeformConv2d(channels, channels, 3, padding=1, bias=False)
        for block in self.offset_convs:
            kaiming_init(block.conv)
        if init == 'identity':
            for layer in (self.conv_offset, self.deform_conv):
                zero_init(layer)

    def fuse(self, features: Features, reference_features: Features) -> Features:
        """Pyramids of (B, C, H_l, W_l) -> the calibrated pyramid.

        Raises:
            ConfigError: the pyramid lacks a level that is to be calibrated, or has another number of channels.
            DataError: the two pyramids have different sizes.
        """
        self._check(features, reference_features)
        chosen = range(len(features)) if self.levels is None else self.levels
        return tuple(
            self.fuse_level(feature, reference) if level in chosen else feature
            for level, (feature, reference) in enumerate(zip(features, reference_features))
        )

    def fuse_level(self, feature: Tensor, reference: Tensor) -> Tensor:
        """One level, (B, C, H, W) of the frames and of their references -> (B, C, H, W)."""
        if self.detach_ref:
            reference = reference.detach()
        return feature + self.sample(reference, self.offsets(feature, reference)).to(feature.dtype)

    def similarities(self, feature: Tensor, reference: Tensor) -> Tensor:
        """Correlation as the offset layers see it: (B, P, P, H, W), mean over channels, negative values times 0.1."""
        volume = correlation(
            feature,
            reference,
            patch_size=self.patch_size,
            dilation_patch=self.dilation_patch,
            window=self.window,
        )
        return functional.leaky_relu(volume / feature.shape[1], 0.1)

    def offsets(self, feature: Tensor, reference: Tensor) -> Tensor:
        """Where to sample the reference: (B, 18, H, W) in cells; channels 2k and 2k + 1 are dy and dx of tap k."""
        x = self.similarities(feature, reference).flatten(1, 2)  # (B, P * P, H, W), rows of displacements first
        for block in self.offset_convs:
            x = block(x)
        return self.conv_offset(x)

    def sample(self, reference: Tensor, offsets: Tensor) -> Tensor:
        """The reference (B, C, H, W) moved by ``offsets`` and mixed; float32 at least.

        Sampling positions in half precision would be off by whole fractions of a cell.
        """
        wide = torch.promote_types(reference.dtype, torch.float32)
        with torch.autocast(reference.device.type, enabled=False):
            return deform_conv2d(reference.to(wide), offsets.to(wide), self.deform_conv.weight.to(wide), padding=1)

    def _check(self, features: Features, references: Features) -> None:
        shapes, others = [tuple(f.shape) for f in features], [tuple(r.shape) for r in references]
        if shapes != others:
            raise DataError(
                f'the features of a frame {shapes} and of its reference {others} differ: all frames of a video must '
                'have one size'
            )
        if self.levels is not None and max(self.levels) >= len(features):
            raise ConfigError(f'calibration_head.levels is {self.levels}, but the pyramid has {len(features)} levels')
        for level in range(len(features)) if self.levels is None else self.levels:
            if features[level].shape[1] != self.channels:
                raise ConfigError(
                    f'calibration_head.channels is {self.channels}, but level {level} of the pyramid has '
                    f'{features[level].shape[1]} channels'
                )
