"""Scores and boxes of the anchors (SiamRPN, CVPR 2018, with depth-wise correlation)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmdet.models.siammask.correlation import CorrelationHead
from mmdet.models.siammask.targets import AnchorTargets
from mmdet.registry import MODELS


@MODELS.register_module()
class SiamRPNHead(nn.Module):
    """Two correlation heads: is an anchor the target, and how does it have to move.

    Channels are class-major: ``cls`` has all anchors' background logits, then their target logits; ``loc`` has all dx,
    then all dy, dw and dh.

    Args:
        num_anchors: A, anchors per cell.
        in_channels, channels: of features and correlation.
        norm_cfg: normalisation; batch norm by default.
        loss_cls, loss_bbox: config dicts.
    """

    def __init__(
        self,
        num_anchors: int = 5,
        in_channels: int = 256,
        channels: int = 256,
        norm_cfg: dict | None = None,
        loss_cls: dict | None = None,
        loss_bbox: dict | None = None,
    ) -> None:
        super().__init__()
        self.num_anchors = num_anchors
        self.cls = CorrelationHead(2 * num_anchors, in_channels, channels, norm_cfg)
        self.loc = CorrelationHead(4 * num_anchors, in_channels, channels, norm_cfg)
        self.loss_cls = MODELS.build(loss_cls or dict(type='BalancedCrossEntropyLoss'))
        self.loss_bbox = MODELS.build(loss_bbox or dict(type='WeightedL1Loss', loss_weight=1.2))

    def kernels(self, template: Tensor) -> dict[str, Tensor]:
        """What is kept of template features (N, C, 7, 7): kernels (N, C, 5, 5) by branch."""
        return {'cls': self.cls.conv_kernel(template), 'loc': self.loc.conv_kernel(template)}

    def forward(self, kernels: dict[str, Tensor], search: Tensor) -> tuple[Tensor, Tensor]:
        """Kernels and search features (N, C, 31, 31) -> ``cls`` (N, 2A, n, n) and ``loc`` (N, 4A, n, n)."""
        return self.cls(kernels['cls'], search), self.loc(kernels['loc'], search)

    def loss(self, cls: Tensor, loc: Tensor, targets: Sequence[AnchorTargets]) -> dict[str, Tensor]:
        """``loss_cls`` and ``loss_bbox`` of a batch of B pairs."""
        logits = cls.view(len(cls), 2, -1).transpose(1, 2).reshape(-1, 2)
        labels = torch.stack([target.labels for target in targets]).flatten()
        deltas = torch.stack([target.deltas for target in targets]).flatten(2)
        weights = torch.stack([target.weights for target in targets]).flatten(1)
        return {
            'loss_cls': self.loss_cls(logits, labels),
            'loss_bbox': self.loss_bbox(loc.view(len(loc), 4, -1), deltas, weights),
        }
