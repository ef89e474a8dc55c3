"""Losses: predictions, targets and a count in, one scalar out."""

from mmdet.models.losses.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, L1Loss, SmoothL1Loss, batch_count

__all__ = ['BinaryCrossEntropyLoss', 'CrossEntropyLoss', 'L1Loss', 'SmoothL1Loss', 'batch_count']
