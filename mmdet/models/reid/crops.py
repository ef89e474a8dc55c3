"""Boxes of any size cut out of 8-bit frames and resized to one size, all at once, where the frames are."""

from __future__ import annotations

import torch
from torch import Tensor

from mmdet.geometry import whole_pixels


def resize_crops(
    frames: Tensor, frame_of: Tensor, bboxes: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Cut boxes out of frames and resize each, whatever its aspect, as OpenCV's bilinear resize of floats does.

    Nothing outside a box takes part, and shrinking does not blur first: published appearance networks were trained so.

    Args:
        frames: (T, 3, H, W) uint8.
        frame_of: (N,) int64, the frame of each box.
        bboxes: (N, 4) in pixels of the frames; the pixels that a box touches are cut out.
        size: (width, height) of the result.

    Returns:
        Crops (N, 3, height, width) float32 in 0..255, and which of them are empty (N,) bool: boxes without area
        inside the frame, or not finite. What an empty one holds means nothing.
    """
    height, width = frames.shape[-2:]
    x1, y1, x2, y2 = whole_pixels(bboxes, (height, width)).unbind(1)
    left, right, x_weight = _neighbours(x1, x2, size[0], width)
    top, bottom, y_weight = _neighbours(y1, y2, size[1], height)
    y_weight, x_weight = y_weight[:, :, None, None], x_weight[:, None, :, None]
    index = frame_of[:, None, None]

    def pixels(rows: Tensor, columns: Tensor) -> Tensor:
        return frames[index, :, rows[:, :, None], columns[:, None, :]].float()  # (N, h, w, 3)

    upper = torch.lerp(pixels(top, left), pixels(top, right), x_weight)
    lower = torch.lerp(pixels(bottom, left), pixels(bottom, right), x_weight)
    crops = torch.lerp(upper, lower, y_weight)
    return crops.permute(0, 3, 1, 2), (x2 <= x1) | (y2 <= y1)


def _neighbours(start: Tensor, stop: Tensor, count: int, limit: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels before and after each of ``count`` sample points spread over ``start`` .. ``stop - 1``, (N, count) each.

    The third result is the weight of the pixel after.
    """
    length = (stop - start).clamp(min=1)[:, None]
    centres = torch.arange(count, device=start.device, dtype=torch.float64) + 0.5  # as OpenCV: rounded once, at the end
    points = (centres * (length / count) - 0.5).clamp(min=0).minimum(length - 1.0)
    before = points.floor().long()
    after = (before + 1).minimum(length - 1)
    first = start.clamp(0, limit - 1)[:, None]
    return (first + before).clamp(max=limit - 1), (first + after).clamp(max=limit - 1), (points - before).float()
