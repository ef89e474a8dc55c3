"""Box head: classify pooled boxes and refine them, one refinement per class."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdet.errors import ConfigError
from mmdet.geometry import BoxConvention, decode_deltas, encode_deltas
from mmdet.models.init import normal_init, xavier_init
from mmdet.models.layers import ConvBlock
from mmdet.models.losses import batch_count
from mmdet.models.samplers import SampledRoIs
from mmdet.ops.nms import batched_nms
from mmdet.registry import MODELS


@MODELS.register_module()
class BBoxHead(nn.Module):
    """Optional convolutions, shared fully connected layers, then class logits and class-specific deltas.

    Background is the last class.

    Args:
        num_classes: K foreground classes.
        in_channels, roi_size: channels and side of the pooled grid.
        fc_channels: width of the hidden layers.
        num_convs: 3x3 convolutions before them; none as published, some help where training starts from scratch.
        norm_cfg: normalisation of those convolutions.
        loss_cls, loss_bbox: config dicts.
        target_stds: standard deviations that the deltas are divided by.
        score_threshold: detections need a greater score.
        nms_iou_threshold: overlap above which the weaker detection of a class goes.
        max_per_image: detections kept per image.
        num_fcs: hidden layers; 2 as published, 1 in torchvision's second version.

    Raises:
        ConfigError: no hidden layer.
    """

    def __init__(
        self,
        num_classes: int,
        loss_cls: dict,
        loss_bbox: dict,
        in_channels: int = 256,
        roi_size: int = 7,
        fc_channels: int = 1024,
        num_convs: int = 0,
        norm_cfg: dict | None = None,
        target_stds: Sequence[float] = (0.1, 0.1, 0.2, 0.2),
        score_threshold: float = 0.05,
        nms_iou_threshold: float = 0.5,
        max_per_image: int = 100,
        num_fcs: int = 2,
    ) -> None:
        super().__init__()
        if num_fcs < 1:
            raise ConfigError(f'BBoxHead: num_fcs must be at least 1, got {num_fcs}')
        self.num_classes = num_classes
        self.target_stds = tuple(target_stds)
        self.score_threshold = score_threshold
        self.nms_iou_threshold, self.max_per_image = nms_iou_threshold, max_per_image
        self.loss_cls, self.loss_bbox = MODELS.build(loss_cls), MODELS.build(loss_bbox)
        self.shared_convs = nn.ModuleList(
            ConvBlock(in_channels, in_channels, 3, padding=1, norm_cfg=norm_cfg) for _ in range(num_convs)
        )
        widths = [in_channels * roi_size**2, *[fc_channels] * num_fcs]
        self.shared_fcs = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))
        self.fc_cls = nn.Linear(fc_channels, num_classes + 1)
        self.fc_reg = nn.Linear(fc_channels, 4 * num_classes)
        for layer in self.shared_fcs:
            xavier_init(layer)
        normal_init(self.fc_cls, std=0.01)
        normal_init(self.fc_reg, std=0.001)

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """(R, C, S, S) -> class logits (R, K + 1), deltas (R, 4K)."""
        x = pooled
        for conv in self.shared_convs:
            x = conv(x)
        x = x.flatten(1)
        for layer in self.shared_fcs:
            x = functional.relu(layer(x))
        return self.fc_cls(x), self.fc_reg(x)

    def loss(
        self, logits: Tensor, deltas: Tensor, sampled: Sequence[SampledRoIs], gt_bboxes: Sequence[Tensor]
    ) -> dict[str, Tensor]:
        """Losses over the sampled boxes of all images, in their order; ``acc`` is the top-1 accuracy in percent."""
        labels = torch.cat([s.labels for s in sampled])
        count = batch_count(len(labels), logits)
        positive = torch.nonzero(labels < self.num_classes).flatten()
        boxes = torch.cat([s.positive_bboxes for s in sampled])
        matched = torch.cat([gt[s.gt_inds] for s, gt in zip(sampled, gt_bboxes)])
        targets = encode_deltas(boxes, matched, stds=self.target_stds)
        own = deltas.view(len(deltas), -1, 4)[positive, labels[positive]]
        with torch.no_grad():
            accuracy = (logits.argmax(1) == labels).float().mean() * 100
        return {
            'loss_cls': self.loss_cls(logits, labels, count),
            'loss_bbox': self.loss_bbox(own, targets, count),
            'acc': accuracy,
        }

    @torch.no_grad()
    def detect(
        self, logits: Tensor, deltas: Tensor, proposals: Tensor, image_shape: tuple[int, int], convention: BoxConvention
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes (N, 4) in resized pixels, scores (N,) and labels (N,) of one image after NMS.

        Ordered by score; the legacy convention orders by class, then score, unless it had to cut to ``max_per_image``
        (identities on a video's first frame follow this order).
        """
        probabilities = logits.float().softmax(1)[:, :-1]  # (R, K)
        decoded = decode_deltas(proposals, deltas.float(), stds=self.target_stds)  # (R, K, 4)
        rows, labels = torch.nonzero(probabilities > self.score_threshold, as_tuple=True)
        boxes, scores = convention.clip(decoded[rows, labels], image_shape), probabilities[rows, labels]
        keep = batched_nms(boxes, scores, labels, self.nms_iou_threshold)
        if convention.legacy and len(keep) <= self.max_per_image:
            keep = keep[labels[keep].argsort(stable=True)]
        keep = keep[: self.max_per_image]
        return boxes[keep], scores[keep], labels[keep]
