"""Non-maximum suppression in groups."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import nms


def batched_nms(boxes: Tensor, scores: Tensor, groups: Tensor, iou_threshold: float) -> Tensor:
    """Indices of the boxes that survive, best score first; boxes of different groups never suppress each other.

    Groups are moved apart in float64, so that the shift changes no overlap by more than 1e-9 and the result does not
    depend on how many groups there are (torchvision's own version shifts in float32).

    Args:
        boxes: (N, 4).
        scores: (N,).
        groups: (N,) integers from 0.
        iou_threshold: a box goes if its overlap with a better one of its group is greater.
    """
    if len(boxes) == 0:
        return groups.new_zeros(0, dtype=torch.long)
    wide = boxes.double()
    shift = groups.double() * (wide.max() - wide.min() + 1)
    return nms(wide + shift[:, None], scores.double(), iou_threshold)
