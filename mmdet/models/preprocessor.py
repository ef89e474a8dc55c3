"""Raw 8-bit clips to normalised, padded, stacked network input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdet.errors import ConfigError
from mmdet.registry import MODELS


@MODELS.register_module()
class VideoDataPreprocessor(nn.Module):
    """Normalise, pad right and bottom, stack.

    Args:
        mean, std: per channel, in the order of ``channel_order``, in units of 0..255 pixel values.
        channel_order: what the network was trained on. Frames always come as RGB; ``bgr`` swaps them.
        pad_size_divisor: height and width become multiples of this.
        pad_mode: ``zero``, or ``edge`` to repeat the last row and column.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        channel_order: Literal['rgb', 'bgr'] = 'rgb',
        pad_size_divisor: int = 32,
        pad_mode: Literal['zero', 'edge'] = 'zero',
    ) -> None:
        super().__init__()
        if channel_order not in ('rgb', 'bgr'):
            raise ConfigError(f"channel_order {channel_order!r} does not exist; use 'rgb' or 'bgr'")
        if pad_mode not in ('zero', 'edge'):
            raise ConfigError(f"pad_mode {pad_mode!r} does not exist; use 'zero' or 'edge'")
        self.channel_order, self.divisor = channel_order, pad_size_divisor
        self.pad_mode = {'zero': 'constant', 'edge': 'replicate'}[pad_mode]
        self.register_buffer('mean', torch.tensor(mean, dtype=torch.float32).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std, dtype=torch.float32).view(3, 1, 1), persistent=False)

    def forward(self, clips: Sequence[Tensor]) -> Tensor:
        """B clips (T, 3, H, W) uint8 RGB of any sizes -> (B, T, 3, H', W') float32 on this module's device."""
        height = max(clip.shape[-2] for clip in clips)
        width = max(clip.shape[-1] for clip in clips)
        height, width = (-(-size // self.divisor) * self.divisor for size in (height, width))
        padded = []
        for clip in clips:
            images = clip.to(self.mean.device, non_blocking=True).float()
            if self.channel_order == 'bgr':
                images = images.flip(-3)
            images = (images - self.mean) / self.std
            missing = (0, width - clip.shape[-1], 0, height - clip.shape[-2])
            padded.append(functional.pad(images, missing, self.pad_mode))
        return torch.stack(padded)
