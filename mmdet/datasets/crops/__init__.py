"""Image crops with identities: what an appearance network is trained and measured on."""

from mmdet.datasets.crops.base import CropDataset, CropTable
from mmdet.datasets.crops.market1501 import Market1501Dataset
from mmdet.datasets.crops.samplers import CropSampler, IdentityBatchSampler
from mmdet.datasets.crops.video_crops import VideoCropDataset

__all__ = [
    'CropDataset',
    'CropSampler',
    'CropTable',
    'IdentityBatchSampler',
    'Market1501Dataset',
    'VideoCropDataset',
]
