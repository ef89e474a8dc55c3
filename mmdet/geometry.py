"""Box arithmetic, and the two conventions in which published weights were trained.

All boxes are exclusive ``x1 y1 x2 y2`` (see docs/design.md). The ``legacy`` convention of the original MaskTrack R-CNN
(2019, mmdetection 0.5.6 generation) used inclusive corners; written as exclusive boxes its arithmetic is the plain one
but for the few methods of :class:`BoxConvention`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import roi_align as _roi_align

ConventionName = Literal['modern', 'legacy']
CONTEXT_ENLARGEMENT = 0.2  # on each side, of a box's size: what counts as around an instance (arXiv 2007.01550)
MAX_LOG_RATIO = abs(math.log(16 / 1000))  # largest |dw|, |dh| before exp


@dataclass(frozen=True)
class BoxConvention:
    """What differs between today's box arithmetic (``modern``) and that of the 2019 programs (``legacy``).

    Attributes:
        name: ``modern`` or ``legacy``.
    """

    name: ConventionName = 'modern'

    def __post_init__(self) -> None:
        if self.name not in ('modern', 'legacy'):
            from mmdet.errors import ConfigError

            raise ConfigError(f"box convention {self.name!r} does not exist; use 'modern' or 'legacy'")

    @property
    def legacy(self) -> bool:
        """Whether this is the 2019 convention."""
        return self.name == 'legacy'

    def base_anchors(self, stride: int, scales: tuple[float, ...], ratios: tuple[float, ...]) -> Tensor:
        """Anchors of the cell at the origin, (A, 4), ratio-major.

        ``legacy`` centres them on pixel (stride-1)/2 and rounds inclusive corners; ``modern`` centres them on 0.
        """
        h_ratios = torch.tensor(ratios).sqrt()
        w_ratios = 1 / h_ratios
        widths = (stride * w_ratios[:, None] * torch.tensor(scales)[None]).flatten()
        heights = (stride * h_ratios[:, None] * torch.tensor(scales)[None]).flatten()
        if not self.legacy:
            return torch.stack([-widths, -heights, widths, heights], 1) / 2
        centre = (stride - 1) / 2
        half_w, half_h = (widths - 1) / 2, (heights - 1) / 2
        inclusive = torch.stack([centre - half_w, centre - half_h, centre + half_w, centre + half_h], 1).round()
        inclusive[:, 2:] += 1
        return inclusive

    def clip(self, bboxes: Tensor, shape: tuple[int, int]) -> Tensor:
        """Clip (..., 4) boxes to an image of (H, W)."""
        height, width = shape
        low = 1 if self.legacy else 0  # an inclusive corner in [0, W-1] is an exclusive right edge in [1, W]
        high_x, high_y = (width - 1, height - 1) if self.legacy else (width, height)
        x1, y1, x2, y2 = bboxes.unbind(-1)
        return torch.stack(
            [x1.clamp(0, high_x), y1.clamp(0, high_y), x2.clamp(low, width), y2.clamp(low, height)], dim=-1
        )

    def grow(self, bboxes: Tensor, fraction: float, shape: tuple[int, int]) -> Tensor:
        """Boxes (N, 4) larger on every side by a fraction of their size, clipped to an image of (H, W)."""
        margin = (bboxes[:, 2:] - bboxes[:, :2]) * fraction
        return self.clip(torch.cat([bboxes[:, :2] - margin, bboxes[:, 2:] + margin], 1), shape)

    def to_original(self, bboxes: Tensor, scale_factor: tuple[float, float]) -> Tensor:
        """Boxes (N, 4) of the resized frame in pixels of the original one."""
        one = 1.0 if self.legacy else 0.0
        inclusive = bboxes - bboxes.new_tensor([0, 0, one, one])
        return inclusive / bboxes.new_tensor([*scale_factor, *scale_factor]) + bboxes.new_tensor([0, 0, one, one])

    def to_resized(self, bboxes: Tensor, scale_factor: tuple[float, float]) -> Tensor:
        """Boxes (N, 4) of the original frame in pixels of the resized one; inverse of :meth:`to_original`."""
        one = 1.0 if self.legacy else 0.0
        inclusive = bboxes - bboxes.new_tensor([0, 0, one, one])
        return inclusive * bboxes.new_tensor([*scale_factor, *scale_factor]) + bboxes.new_tensor([0, 0, one, one])

    def targets_from_resized(self, bboxes: Tensor, scale_factor: tuple[float, float], flip: bool) -> Tensor:
        """Training boxes (N, 4) as this convention would have resized and flipped them.

        Data sets scale exclusive edges. The legacy programs scaled inclusive corners, which moves the edge that was
        right in the original frame by 1 - f pixels (the left one after a flip).
        """
        if not self.legacy:
            return bboxes
        fx, fy = scale_factor
        shift = [-(1 - fx), 0.0, 0.0, 1 - fy] if flip else [0.0, 0.0, 1 - fx, 1 - fy]
        return bboxes + bboxes.new_tensor(shift)

    def roi_align(
        self, feature: Tensor, rois: Tensor, output_size: int, spatial_scale: float, sampling_ratio: int
    ) -> Tensor:
        """RoIAlign of (R, 5) rois ``batch x1 y1 x2 y2`` on (B, C, H, W): (R, C, S, S).

        ``legacy`` has no half-pixel shift and no minimum size: shifting the boxes by half a cell before an aligned
        RoIAlign gives exactly that (spec: equality to 1e-15).

        Coordinates are never rounded to a half-precision map's type (bfloat16 knows only every fourth pixel beyond
        512), nor is the sampling done in it; the result has the map's type.
        """
        if self.legacy:
            half = 0.5 / spatial_scale
            rois = rois + rois.new_tensor([0, half, half, half, half])
        wide = torch.promote_types(feature.dtype, torch.float32)
        with torch.autocast(feature.device.type, enabled=False):
            pooled = _roi_align(
                feature.to(wide), rois.to(wide), output_size, spatial_scale, sampling_ratio, aligned=True
            )
        return pooled.to(feature.dtype)


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Pairwise intersection over union of (N, 4) and (M, 4) boxes: (N, M). Empty unions give 0."""
    area1 = (boxes1[:, 2] - boxes1[:, 0]) * (boxes1[:, 3] - boxes1[:, 1])
    area2 = (boxes2[:, 2] - boxes2[:, 0]) * (boxes2[:, 3] - boxes2[:, 1])
    inter = _common_length(boxes1[:, 0::2], boxes2[:, 0::2]) * _common_length(boxes1[:, 1::2], boxes2[:, 1::2])
    return inter / (area1[:, None] + area2[None] - inter).clamp(min=1e-6)


def _common_length(spans1: Tensor, spans2: Tensor) -> Tensor:
    """Length that (N, 2) and (M, 2) intervals share: (N, M). One axis at a time is several times faster than both."""
    ends = torch.minimum(spans1[:, None, 1], spans2[None, :, 1])
    return (ends - torch.maximum(spans1[:, None, 0], spans2[None, :, 0])).clamp(min=0)


def whole_pixels(bboxes: Tensor, shape: tuple[int, int]) -> Tensor:
    """The pixels that boxes (N, 4) touch in an image of (H, W), as int64 boxes; x2 <= x1 or y2 <= y1 where none.

    A box with a coordinate that is not finite touches none.
    """
    limit = bboxes.new_tensor([shape[1], shape[0]])
    finite = bboxes.isfinite().all(1, keepdim=True)
    known = torch.where(finite, bboxes, 0.0)
    first = known[:, :2].floor().clamp(min=0)
    last = known[:, 2:].ceil().minimum(limit)
    empty = (known[:, 2:] <= known[:, :2]).any(1, keepdim=True)
    return torch.cat([first, torch.where(empty, first, last)], 1).long()


def tight_bboxes(masks: Tensor) -> Tensor:
    """Smallest boxes (N, 4) float32 around (N, H, W) bool masks; zeros for an empty one."""
    edges = []
    for axis in (1, 2):  # rows taken together give x, columns y
        used = masks.any(axis).byte()  # (N, W) or (N, H)
        if used.shape[1] == 0 or len(used) == 0:
            return masks.new_zeros(len(masks), 4, dtype=torch.float32)
        first = used.argmax(1)
        stop = used.shape[1] - used.flip(1).argmax(1)
        edges.append((first, stop * used.amax(1)))
    (x1, x2), (y1, y2) = edges
    return torch.stack([x1, y1, x2, y2], 1).float()


def encode_deltas(
    boxes: Tensor, targets: Tensor, means: tuple[float, ...] = (0, 0, 0, 0), stds: tuple[float, ...] = (1, 1, 1, 1)
) -> Tensor:
    """Regression targets (N, 4) that move ``boxes`` onto ``targets`` (R-CNN coding: centre shift, log size)."""
    size = boxes[:, 2:] - boxes[:, :2]
    target_size = targets[:, 2:] - targets[:, :2]
    shift = ((targets[:, :2] + targets[:, 2:]) - (boxes[:, :2] + boxes[:, 2:])) / 2 / size
    deltas = torch.cat([shift, (target_size / size).log()], 1)
    return (deltas - deltas.new_tensor(means)) / deltas.new_tensor(stds)


def decode_deltas(
    boxes: Tensor, deltas: Tensor, means: tuple[float, ...] = (0, 0, 0, 0), stds: tuple[float, ...] = (1, 1, 1, 1)
) -> Tensor:
    """Apply deltas (N, 4·K) to boxes (N, 4): (N, K, 4). Sizes change by at most a factor of 62.5."""
    deltas = deltas.view(len(boxes), -1, 4) * deltas.new_tensor(stds) + deltas.new_tensor(means)
    size = (boxes[:, 2:] - boxes[:, :2])[:, None]  # (N, 1, 2)
    centre = ((boxes[:, :2] + boxes[:, 2:]) / 2)[:, None] + deltas[..., :2] * size
    new_size = size * deltas[..., 2:].clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()
    return torch.cat([centre - new_size / 2, centre + new_size / 2], dim=-1)


def roi_levels(rois: Tensor, finest_scale: float, num_levels: int) -> Tensor:
    """Pyramid level (R,) of each (R, 4) box: floor(log2(sqrt(area) / finest_scale)), clamped (FPN paper, eq. 1)."""
    scale = ((rois[:, 2] - rois[:, 0]) * (rois[:, 3] - rois[:, 1])).clamp(min=0).sqrt()
    return torch.floor(torch.log2(scale / finest_scale + 1e-6)).clamp(0, num_levels - 1).long()


def enlarge_boxes(bboxes: Tensor, fraction: float, limits: tuple[int, int]) -> Tensor:
    """Boxes (N, 4) int grown on every side by a fraction of their size, rounded down, and cut at (height, width)."""
    x1, y1, x2, y2 = bboxes.unbind(1)
    grow_x, grow_y = ((x2 - x1) * fraction).long(), ((y2 - y1) * fraction).long()
    height, width = limits
    left, top = (x1 - grow_x).clamp(min=0), (y1 - grow_y).clamp(min=0)
    return torch.stack([left, top, (x2 + grow_x).clamp(max=width), (y2 + grow_y).clamp(max=height)], 1)


def polygon_to_box(polygon: Sequence[float]) -> tuple[float, float, float, float]:
    """The upright box x1 y1 x2 y2 that a tracker starts from where a polygon is given (VOT's convention).

    It has the mean of the corners as its middle, the aspect ratio of the upright box around the polygon, and nearly
    the polygon's area: sides s * extent + 1 with s = sqrt(area of the rectangle / area of the box around it).

    Args:
        polygon: x1, y1, ..., x4, y4 of a rotated rectangle in order.
    """
    points = np.asarray(polygon, dtype=np.float64).reshape(4, 2)
    centre = points.mean(0)
    extent = points.max(0) - points.min(0)
    area = np.linalg.norm(points[0] - points[1]) * np.linalg.norm(points[1] - points[2])
    scale = np.sqrt(area / max(extent.prod(), 1e-12))
    low, high = centre - (scale * extent + 1) / 2, centre + (scale * extent + 1) / 2
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
