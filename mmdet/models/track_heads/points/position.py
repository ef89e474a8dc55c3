"""Where an instance is in its frame, as sines and cosines."""

from __future__ import annotations

import torch
from torch import Tensor

WAVES = 8
POSITION_CHANNELS = 2 * 4 * WAVES
LARGEST_ANGLE, RATIO = 100.0, 1000.0


def box_shapes(bboxes: Tensor, frame_sizes: Tensor) -> Tensor:
    """Centre x, centre y, width and height (N, 4) of boxes (N, 4) in parts of the frames' width and height (N, 2)."""
    low, high = (bboxes / frame_sizes.repeat(1, 2)).split(2, 1)
    return torch.cat([(low + high) / 2, high - low], 1)


def compat_box_shapes(bboxes: Tensor) -> Tensor:
    """What PointTrack's published weights were trained with, (N, 4).

    Inclusive corners in parts of 1242 x 375, whatever the frame's size, and width and height that are 1 too large.
    """
    corners = bboxes - bboxes.new_tensor([0, 0, 1, 1])
    shapes = box_shapes(corners, corners.new_tensor([1242, 375]).expand(len(corners), 2))
    return shapes + corners.new_tensor([0, 0, 1, 1])


def encode_positions(shapes: Tensor) -> Tensor:
    """Sinusoids (N, 64) of (N, 4) numbers q: 32 sines, then 32 cosines, of 100 q / 1000^(i / 8) for i = 0..7."""
    steps = RATIO ** (torch.arange(WAVES, dtype=torch.float32, device=shapes.device) / WAVES)
    angles = (LARGEST_ANGLE * shapes[:, :, None] / steps).flatten(1)  # (N, 32)
    return torch.cat([angles.sin(), angles.cos()], 1)
