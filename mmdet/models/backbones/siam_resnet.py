"""The dilated ResNet of Siamese trackers (SiamRPN++, arXiv 1812.11703; SiamMask, arXiv 1812.05050)."""

from __future__ import annotations

from torch import Tensor, nn

from mmdet.errors import ConfigError
from mmdet.models.backbones.freezing import StagedBackbone
from mmdet.models.init import kaiming_init
from mmdet.models.layers import build_norm
from mmdet.registry import MODELS
from mmdet.structures import Features

BLOCKS = {18: (2, 2, 2), 50: (3, 4, 6)}
STAGES = 3


def _padding(stride: int, dilation: int) -> int:
    """Zero padding of a 3x3 convolution: none where it halves the map, else what keeps its size."""
    return dilation if dilation > 1 else 2 - stride


class _SiamBlock(nn.Module):
    """Residual block; its shortcut is a 3x3 convolution wherever the main path changes position, not 1x1."""

    def __init__(
        self, in_channels: int, planes: int, stride: int, dilation: int, shortcut: int | None, deep: bool, norm: dict
    ) -> None:
        super().__init__()
        out_channels, padding = planes * (4 if deep else 1), _padding(stride, dilation)
        layers = [(in_channels, planes, 1, 1, 0, 1)] if deep else []
        layers.append((planes if deep else in_channels, planes, 3, stride, padding, dilation))
        layers.append((planes, out_channels, 1, 1, 0, 1) if deep else (planes, planes, 3, 1, dilation, dilation))
        self.num_layers = len(layers)
        for i, (c_in, c_out, size, step, pad, spread) in enumerate(layers, 1):
            setattr(self, f'conv{i}', nn.Conv2d(c_in, c_out, size, step, pad, spread, bias=False))
            setattr(self, f'bn{i}', build_norm(norm, c_out))
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if shortcut is not None:
            pad = _padding(stride, 1) if shortcut == 3 else 0
            projection = nn.Conv2d(in_channels, out_channels, shortcut, stride, pad, bias=False)
            self.downsample = nn.Sequential(projection, build_norm(norm, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H', W')."""
        skip = x if self.downsample is None else self.downsample(x)
        for i in range(1, self.num_layers + 1):
            x = getattr(self, f'bn{i}')(getattr(self, f'conv{i}')(x))
            if i < self.num_layers:
                x = self.relu(x)
        return self.relu(x + skip)


@MODELS.register_module()
class SiamResNet(StagedBackbone):
    """ResNet without its last stage, at stride 8, whose maps shrink without padding where they are halved.

    Stem and second stage pad nothing, the second and third stage's shortcuts are 3x3 convolutions, and the third stage
    keeps the resolution, dilated from its second block on. So ImageNet weights of torchvision do not fit; the original
    programs start from a network that was trained in this form (``resnet.model``).

    Sides of the four maps: 61, 31, 15, 15 for an image of 127; 125, 63, 31, 31 for 255; 69, 35, 17, 17 for 143.

    Args:
        depth: 50, as published, or 18, for small machines.
        base_channels: channels of the stem; 64 is the published network.
        frozen_stages: -1 trains everything, 0 freezes the stem, n also the first n stages. SiamMask trains its first
            half with 3 and its second with 1.
        norm_cfg: ``dict(type='BN')`` or ``dict(type='GN', num_groups=n)``.
        norm_eval: True keeps every batch normalisation on its stored statistics for the whole training, as the
            original SiamMask does; False lets those of trained stages follow the batch, as pysot does.
        pretrained: file with weights of this form to start training from. ``tools/train.py`` loads it.
    """

    def __init__(
        self,
        depth: int = 50,
        base_channels: int = 64,
        frozen_stages: int = -1,
        norm_cfg: dict | None = None,
        norm_eval: bool = True,
        pretrained: str | None = None,
    ) -> None:
        super().__init__()
        if depth not in BLOCKS:
            raise ConfigError(f'SiamResNet depth {depth} does not exist; use one of {sorted(BLOCKS)}')
        if not -1 <= frozen_stages <= STAGES:
            raise ConfigError(f'SiamResNet has stages 1 to {STAGES}; frozen_stages={frozen_stages} is none of -1 to 3')
        norm = norm_cfg or dict(type='BN')
        self.norm_eval, self.pretrained = norm_eval, pretrained
        self.conv1 = nn.Conv2d(3, base_channels, 7, 2, 0, bias=False)
        self.bn1 = build_norm(norm, base_channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels, out_channels = base_channels, [base_channels]
        for stage in range(STAGES):
            blocks, channels = self._stage(stage, depth, channels, base_channels * 2**stage, norm)
            setattr(self, f'layer{stage + 1}', blocks)
            out_channels.append(channels)
        self.out_channels = tuple(out_channels)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                kaiming_init(module)
        self.freeze(frozen_stages)

    @staticmethod
    def _stage(stage: int, depth: int, channels: int, planes: int, norm: dict) -> tuple[nn.Sequential, int]:
        deep = depth >= 50
        out_channels, blocks = planes * (4 if deep else 1), []
        for index in range(BLOCKS[depth][stage]):
            stride = 2 if stage == 1 and index == 0 else 1
            dilation = 2 if stage == 2 and index > 0 else 1
            shortcut = None
            if index == 0 and channels != out_channels:
                shortcut = 1 if stage == 0 else 3
            blocks.append(_SiamBlock(channels, planes, stride, dilation, shortcut, deep, norm))
            channels = out_channels
        return nn.Sequential(*blocks), channels

    def forward(self, x: Tensor) -> Features:
        """(B, 3, H, W) -> maps of the stem (before pooling) and of the three stages."""
        stem = self.relu(self.bn1(self.conv1(x)))
        maps = [stem]
        x = self.maxpool(stem)
        for stage in range(1, STAGES + 1):
            x = getattr(self, f'layer{stage}')(x)
            maps.append(x)
        return tuple(maps)
