"""ERFNet (Romera et al., IEEE T-ITS 2018) with one encoder and several decoders, as SpatialEmbedding uses it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdet.errors import ConfigError
from mmdet.registry import MODELS

NORM_EPS = 1e-3
STRIDE = 8  # of the encoder; sizes of images must be multiples of it
DILATIONS = (2, 4, 8, 16)  # of the published network's blocks at stride 8, twice


class Downsampler(nn.Module):
    """Half the resolution: a strided convolution beside a pooling of the input, together ``out_channels`` maps."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels - in_channels, 3, stride=2, padding=1)
        self.bn = nn.BatchNorm2d(out_channels, eps=NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H / 2, W / 2)."""
        x = torch.cat([self.conv(x), functional.max_pool2d(x, 2, stride=2)], dim=1)
        return functional.relu(self.bn(x))


class FactorisedBlock(nn.Module):
    """Residual block of two 3 x 3 convolutions, each taken apart into a column and a row (non-bottleneck-1D).

    Args:
        channels: of input and output.
        dropout: share of the channels that training silences before the sum.
        dilation: of the second pair.
    """

    def __init__(self, channels: int, dropout: float, dilation: int) -> None:
        super().__init__()
        self.column1 = nn.Conv2d(channels, channels, (3, 1), padding=(1, 0))
        self.row1 = nn.Conv2d(channels, channels, (1, 3), padding=(0, 1))
        self.bn1 = nn.BatchNorm2d(channels, eps=NORM_EPS)
        self.column2 = nn.Conv2d(channels, channels, (3, 1), padding=(dilation, 0), dilation=(dilation, 1))
        self.row2 = nn.Conv2d(channels, channels, (1, 3), padding=(0, dilation), dilation=(1, dilation))
        self.bn2 = nn.BatchNorm2d(channels, eps=NORM_EPS)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        y = functional.relu(self.column1(x))
        y = functional.relu(self.bn1(self.row1(y)))
        y = functional.relu(self.column2(y))
        y = self.dropout(self.bn2(self.row2(y)))
        return functional.relu(x + y)


class Upsampler(nn.Module):
    """Twice the resolution by a transposed convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_channels, out_channels, 3, stride=2, padding=1, output_padding=1)
        self.bn = nn.BatchNorm2d(out_channels, eps=NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, 2 H, 2 W)."""
        return functional.relu(self.bn(self.conv(x)))


class Encoder(nn.Module):
    """Images to a map of ``8 * base`` channels at stride 8."""

    def __init__(self, base: int, dropout: Sequence[float], dilations: Sequence[int] = DILATIONS) -> None:
        super().__init__()
        self.stem = Downsampler(3, base)
        self.layers = nn.Sequential(
            Downsampler(base, 4 * base),
            *(FactorisedBlock(4 * base, dropout[0], 1) for _ in range(5)),
            Downsampler(4 * base, 8 * base),
            *(FactorisedBlock(8 * base, dropout[1], dilation) for _ in range(2) for dilation in dilations),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 8 * base, H / 8, W / 8)."""
        return self.layers(self.stem(x))


class Decoder(nn.Module):
    """The encoder's map to ``out_channels`` values per pixel of the image."""

    def __init__(self, base: int, out_channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Upsampler(8 * base, 4 * base),
            *(FactorisedBlock(4 * base, 0.0, 1) for _ in range(2)),
            Upsampler(4 * base, base),
            *(FactorisedBlock(base, 0.0, 1) for _ in range(2)),
        )
        self.output = nn.ConvTranspose2d(base, out_channels, 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 8 * base, H / 8, W / 8) -> (B, out_channels, H, W)."""
        return self.output(self.layers(x))


@MODELS.register_module()
class BranchedERFNet(nn.Module):
    """One ERFNet encoder and one decoder per branch, all at the resolution of the image.

    Args:
        branches: output channels of each decoder.
        base_channels: channels of the first layer; 16 is the published network.
        dropout: of the encoder's blocks at stride 4 and at stride 8.
        norm_eval: keep batch normalisation on its stored statistics while training, as fine-tuning on small batches
            wants it; scales and shifts are still trained.
        dilations: of the encoder's blocks at stride 8, one block each, all of them twice. Frames below some 400 pixels
            want smaller ones than the published: a reach beyond the border sees nothing but padding.

    Raises:
        ConfigError: no branches, or sizes that make no network.
    """

    def __init__(
        self,
        branches: Sequence[int],
        base_channels: int = 16,
        dropout: Sequence[float] = (0.03, 0.3),
        norm_eval: bool = False,
        dilations: Sequence[int] = DILATIONS,
    ) -> None:
        super().__init__()
        if not branches or any(channels < 1 for channels in branches):
            raise ConfigError(f'BranchedERFNet(branches) lists the channels of each decoder, got {branches!r}')
        if base_channels < 4 or len(dropout) != 2 or not all(0 <= share < 1 for share in dropout):
            raise ConfigError(
                f'BranchedERFNet needs base_channels of 4 or more and two shares of dropout, got {base_channels} '
                f'and {tuple(dropout)}'
            )
        if not dilations or any(dilation < 1 for dilation in dilations):
            raise ConfigError(f'BranchedERFNet(dilations) lists whole numbers from 1, got {dilations!r}')
        self.norm_eval = norm_eval
        self.encoder = Encoder(base_channels, dropout, dilations)
        self.branches = nn.ModuleList(Decoder(base_channels, channels) for channels in branches)

    def train(self, mode: bool = True) -> BranchedERFNet:
        """Switch to training, keeping batch normalisation in evaluation mode with ``norm_eval``."""
        super().train(mode)
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W), H and W multiples of 8 -> (B, sum of branches, H, W), branch after branch.

        Raises:
            ConfigError: a size is no multiple of 8.
        """
        height, width = images.shape[-2:]
        if height % STRIDE or width % STRIDE:
            raise ConfigError(
                f'ERFNet takes images whose sizes are multiples of {STRIDE}, got {height} x {width}: give the '
                f'data_preprocessor a pad_size_divisor that is one'
            )
        encoded = self.encoder(images)
        return torch.cat([branch(encoded) for branch in self.branches], dim=1)
