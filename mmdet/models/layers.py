"""Small building blocks that backbones, necks and heads share."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from mmdet.errors import ConfigError

NORMS: dict[str, type[nn.Module]] = {'BN': nn.BatchNorm2d, 'SyncBN': nn.SyncBatchNorm, 'GN': nn.GroupNorm}


def build_norm(cfg: dict, channels: int) -> nn.Module:
    """Normalisation layer from ``dict(type='BN' | 'SyncBN' | 'GN', ...)``; ``num_groups`` belongs to ``GN``.

    Raises:
        ConfigError: the type does not exist, or its arguments do not fit.
    """
    arguments = {key: value for key, value in cfg.items() if key != 'type'}
    kind = cfg.get('type')
    if kind not in NORMS:
        raise ConfigError(f"norm_cfg type {kind!r} does not exist; use one of {', '.join(NORMS)}")
    try:
        if kind == 'GN':
            return nn.GroupNorm(num_channels=channels, **arguments)
        return NORMS[kind](channels, **arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f'norm_cfg {cfg} does not fit {channels} channels: {error}') from error


class ConvBlock(nn.Module):
    """Convolution, then optionally normalisation and ReLU; the convolution's weights are called ``conv.*``.

    Args:
        in_channels, out_channels, kernel_size, padding: of the convolution.
        norm_cfg: see :func:`build_norm`; the convolution then has no bias.
        activation: whether a ReLU follows.
        dilation, stride: of the convolution.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        padding: int = 0,
        norm_cfg: dict | None = None,
        activation: bool = True,
        dilation: int = 1,
        stride: int = 1,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, padding, dilation=dilation, bias=norm_cfg is None
        )
        self.norm = build_norm(norm_cfg, out_channels) if norm_cfg else None
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H', W')."""
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        return functional.relu(x) if self.activation else x
