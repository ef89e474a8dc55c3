"""Losses: predictions, targets and a count in, one scalar out."""

from mmdet.models.losses.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, L1Loss, SmoothL1Loss, batch_count
from mmdet.models.losses.triplet import batch_hard_triplet, nearest_is_same

__all__ = [
    'BinaryCrossEntropyLoss',
    'CrossEntropyLoss',
    'L1Loss',
    'SmoothL1Loss',
    'batch_count',
    'batch_hard_triplet',
    'nearest_is_same',
]
