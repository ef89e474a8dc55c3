"""The appearance networks of DeepSORT (arXiv 1703.07402) as its PyTorch version has them.

Layers carry that program's names, so that its weights need a prefix and nothing else.
"""

from __future__ import annotations

from torch import Tensor, nn

from mmdet.models.backbones.resnet import BasicBlock
from mmdet.registry import MODELS

_NORM = {'type': 'BN'}


def _stage(in_channels: int, channels: int, stride: int) -> nn.Sequential:
    """Two residual blocks; the first one strides."""
    first, second = (
        BasicBlock(inputs, channels, channels, step, 1, False, _NORM)
        for inputs, step in ((in_channels, stride), (channels, 1))
    )
    return nn.Sequential(first, second)


@MODELS.register_module()
class DeepSORTNet(nn.Module):
    """The network of today's ``ckpt.t7``: a small ResNet, averaged over the whole map to 512 numbers.

    Args:
        base_channels: channels of stem and first stage; vectors have eight times as many. 64 is the published network.

    Attributes:
        embedding_dim: D, length of the vectors.
    """

    def __init__(self, base_channels: int = 64) -> None:
        super().__init__()
        widths = [base_channels * 2**stage for stage in range(4)]
        self.conv = nn.Sequential(
            nn.Conv2d(3, base_channels, 3, 1, 1),
            nn.BatchNorm2d(base_channels),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        )
        self.layer1 = _stage(widths[0], widths[0], 1)
        self.layer2 = _stage(widths[0], widths[1], 2)
        self.layer3 = _stage(widths[1], widths[2], 2)
        self.layer4 = _stage(widths[2], widths[3], 2)
        self.embedding_dim = widths[3]

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, h, w) normalised crops -> (N, D) vectors, not of unit length."""
        x = self.layer1(self.conv(images))
        return self.layer4(self.layer3(self.layer2(x))).mean((-1, -2))

    def make_classifier(self, num_identities: int) -> nn.Module:
        """What training adds: (N, D) vectors -> (N, num_identities) logits."""
        hidden = self.embedding_dim // 2
        return nn.Sequential(
            nn.Linear(self.embedding_dim, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(hidden, num_identities),
        )


@MODELS.register_module()
class DeepSORTNet128(nn.Module):
    """The network of ``original_ckpt.t7``: fewer channels, and a linear layer over the whole map instead of its mean.

    Args:
        base_channels: channels of stem and first stage; 32 is the published network.
        embedding_dim: D, length of the vectors; 128 is the published network.
        size: (width, height) of the crops, multiples of 8; the linear layer fits this size alone.
    """

    def __init__(self, base_channels: int = 32, embedding_dim: int = 128, size: tuple[int, int] = (64, 128)) -> None:
        super().__init__()
        widths = [base_channels * 2**stage for stage in range(3)]
        self.conv = nn.Sequential(
            nn.Conv2d(3, base_channels, 3, 1, 1),
            nn.BatchNorm2d(base_channels),
            nn.ELU(inplace=True),
            nn.Conv2d(base_channels, base_channels, 3, 1, 1),
            nn.BatchNorm2d(base_channels),
            nn.ELU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        )
        self.layer1 = _stage(widths[0], widths[0], 1)
        self.layer2 = _stage(widths[0], widths[1], 2)
        self.layer3 = _stage(widths[1], widths[2], 2)
        self.dropout = nn.Dropout(0.6)
        self.dense = nn.Linear(widths[2] * (size[0] // 8) * (size[1] // 8), embedding_dim)
        self.embedding_dim = embedding_dim

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, h, w) normalised crops -> (N, D) vectors, not of unit length."""
        x = self.layer3(self.layer2(self.layer1(self.conv(images))))
        return self.dense(self.dropout(x.flatten(1)))

    def make_classifier(self, num_identities: int) -> nn.Module:
        """What training adds: (N, D) vectors -> (N, num_identities) logits."""
        return nn.Sequential(
            nn.BatchNorm1d(self.embedding_dim), nn.ELU(inplace=True), nn.Linear(self.embedding_dim, num_identities)
        )
