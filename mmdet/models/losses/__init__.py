"""Losses: predictions, targets and a count in, one scalar out."""

from mmdet.models.losses.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, L1Loss, SmoothL1Loss, batch_count
from mmdet.models.losses.siamese import BalancedCrossEntropyLoss, SoftMarginMaskLoss, WeightedL1Loss, mask_accuracy

__all__ = [
    'BalancedCrossEntropyLoss',
    'BinaryCrossEntropyLoss',
    'CrossEntropyLoss',
    'L1Loss',
    'SmoothL1Loss',
    'SoftMarginMaskLoss',
    'WeightedL1Loss',
    'batch_count',
    'mask_accuracy',
]
