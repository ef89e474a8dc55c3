"""Losses: predictions, targets and a count in, one scalar out."""

from mmdet.models.losses.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, L1Loss, SmoothL1Loss, batch_count
from mmdet.models.losses.lovasz import lovasz_gradient, lovasz_hinge
from mmdet.models.losses.siamese import BalancedCrossEntropyLoss, SoftMarginMaskLoss, WeightedL1Loss, mask_accuracy
from mmdet.models.losses.spatial_embedding_loss import SpatialEmbeddingLoss
from mmdet.models.losses.triplet import BatchHardTripletLoss, batch_hard_triplet, nearest_is_same

__all__ = [
    'BalancedCrossEntropyLoss',
    'BatchHardTripletLoss',
    'BinaryCrossEntropyLoss',
    'CrossEntropyLoss',
    'L1Loss',
    'SmoothL1Loss',
    'SoftMarginMaskLoss',
    'SpatialEmbeddingLoss',
    'WeightedL1Loss',
    'batch_count',
    'batch_hard_triplet',
    'lovasz_gradient',
    'lovasz_hinge',
    'mask_accuracy',
    'nearest_is_same',
]
