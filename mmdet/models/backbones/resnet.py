"""ResNet and ResNeXt backbones (arXiv 1512.03385, 1611.05431) with torchvision's weight names."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from mmdet.errors import ConfigError
from mmdet.models.backbones.freezing import StagedBackbone
from mmdet.models.init import kaiming_init
from mmdet.models.layers import build_norm
from mmdet.registry import MODELS
from mmdet.structures import Features

STAGE_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a skip, as in ResNet-18 and 34."""

    expansion = 1

    def __init__(
        self, in_channels: int, width: int, out_channels: int, stride: int, groups: int, caffe: bool, norm_cfg: dict
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, 1, bias=False)
        self.bn1 = build_norm(norm_cfg, width)
        self.conv2 = nn.Conv2d(width, out_channels, 3, 1, 1, bias=False)
        self.bn2 = build_norm(norm_cfg, out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _downsample(in_channels, out_channels, stride, norm_cfg)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H / stride, W / stride)."""
        skip = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + skip)


class Bottleneck(nn.Module):
    """1x1, 3x3 (grouped in ResNeXt), 1x1 with a skip; ``caffe`` strides in the first 1x1 instead of the 3x3."""

    expansion = 4

    def __init__(
        self, in_channels: int, width: int, out_channels: int, stride: int, groups: int, caffe: bool, norm_cfg: dict
    ) -> None:
        super().__init__()
        first, second = (stride, 1) if caffe else (1, stride)
        self.conv1 = nn.Conv2d(in_channels, width, 1, first, bias=False)
        self.bn1 = build_norm(norm_cfg, width)
        self.conv2 = nn.Conv2d(width, width, 3, second, 1, groups=groups, bias=False)
        self.bn2 = build_norm(norm_cfg, width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = build_norm(norm_cfg, out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _downsample(in_channels, out_channels, stride, norm_cfg)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H / stride, W / stride)."""
        skip = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + skip)


def _downsample(in_channels: int, out_channels: int, stride: int, norm_cfg: dict) -> nn.Module | None:
    if stride == 1 and in_channels == out_channels:
        return None
    projection = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
    return nn.Sequential(projection, build_norm(norm_cfg, out_channels))


@MODELS.register_module()
class ResNet(StagedBackbone):
    """Residual network that returns the maps of all four stages (strides 4, 8, 16, 32).

    Args:
        depth: 18, 34, 50, 101 or 152.
        base_channels: channels of the stem and width of the first stage; 64 is the published network.
        groups, base_width: ResNeXt's cardinality and width per group (``groups=32, base_width=4`` is 32x4d).
        style: ``pytorch`` strides in the 3x3 convolution of a bottleneck, ``caffe`` in the first 1x1.
        frozen_stages: -1 trains everything, 0 freezes the stem, n also the first n stages.
        norm_cfg: ``dict(type='BN')`` or ``dict(type='GN', num_groups=n)``; layers are called ``bn1``, ... either way.
        norm_eval: keep batch normalisation on its stored statistics while training.
        pretrained: ImageNet weights to start training from: a torchvision weight name such as
            ``ResNet50_Weights.IMAGENET1K_V1`` (torchvision downloads it) or a file with torchvision's keys.
            ``tools/train.py`` loads it; building the model alone never does.
    """

    def __init__(
        self,
        depth: int,
        base_channels: int = 64,
        groups: int = 1,
        base_width: int = 64,
        style: Literal['pytorch', 'caffe'] = 'pytorch',
        frozen_stages: int = -1,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        pretrained: str | None = None,
    ) -> None:
        super().__init__()
        if depth not in STAGE_BLOCKS:
            raise ConfigError(f'ResNet depth {depth} does not exist; use one of {sorted(STAGE_BLOCKS)}')
        if style not in ('pytorch', 'caffe'):
            raise ConfigError(f"ResNet style {style!r} does not exist; use 'pytorch' or 'caffe'")
        if groups > 1 and depth < 50:
            raise ConfigError(f'ResNet-{depth} has no grouped convolutions; ResNeXt starts at depth 50')
        block = BasicBlock if depth < 50 else Bottleneck
        norm_cfg = norm_cfg or dict(type='BN')
        self.style = style  # converted weights are compared with it
        self.norm_eval, self.pretrained = norm_eval, pretrained
        self.conv1 = nn.Conv2d(3, base_channels, 7, 2, 3, bias=False)
        self.bn1 = build_norm(norm_cfg, base_channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels, out_channels = base_channels, []
        for stage, blocks in enumerate(STAGE_BLOCKS[depth]):
            planes = base_channels * 2**stage
            width = planes if block is BasicBlock else int(planes * base_width / 64) * groups
            layers = []
            for index in range(blocks):
                stride = 2 if stage > 0 and index == 0 else 1
                layers.append(
                    block(channels, width, planes * block.expansion, stride, groups, style == 'caffe', norm_cfg)
                )
                channels = planes * block.expansion
            setattr(self, f'layer{stage + 1}', nn.Sequential(*layers))
            out_channels.append(channels)
        self.out_channels = tuple(out_channels)
        self._init_convolutions()
        self.freeze(frozen_stages)

    def _init_convolutions(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                kaiming_init(module)

    def forward(self, x: Tensor) -> Features:
        """(B, 3, H, W) images -> four maps of ``out_channels`` at strides 4, 8, 16, 32."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        maps = []
        for name in ('layer1', 'layer2', 'layer3', 'layer4'):
            x = getattr(self, name)(x)
            maps.append(x)
        return tuple(maps)


@MODELS.register_module()
class ResNeXt(ResNet):
    """ResNet with grouped bottlenecks; ``groups=32 | 64, base_width=4`` are the published 32x4d and 64x4d."""

    def __init__(
        self,
        depth: int,
        groups: int = 32,
        base_width: int = 4,
        base_channels: int = 64,
        style: Literal['pytorch', 'caffe'] = 'pytorch',
        frozen_stages: int = -1,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        pretrained: str | None = None,
    ) -> None:
        super().__init__(
            depth, base_channels, groups, base_width, style, frozen_stages, norm_cfg, norm_eval, pretrained
        )
