"""Videos and their annotations as clips, for training and testing. Importing this registers all data sets."""

from mmdet.datasets import transforms
from mmdet.datasets.base import ChunkIndex, TrackAnnotation, TrainIndex, VideoDataset, VideoInfo
from mmdet.datasets.coco import COCOVideoDataset
from mmdet.datasets.holdout import holdout_ids
from mmdet.datasets.imagenet import ImageNetDETDataset, ImageNetVIDDataset
from mmdet.datasets.loader import Batch, build_test_loader, build_train_loader
from mmdet.datasets.samplers import ChunkSampler, ClipBatchSampler
from mmdet.datasets.siam import Crop511Dataset, SiamPairAugmentation, SiamPairDataset
from mmdet.datasets.ytvis import OVISDataset, YouTubeVISDataset

__all__ = [
    'Batch',
    'COCOVideoDataset',
    'ChunkIndex',
    'ChunkSampler',
    'ClipBatchSampler',
    'Crop511Dataset',
    'ImageNetDETDataset',
    'ImageNetVIDDataset',
    'OVISDataset',
    'SiamPairAugmentation',
    'SiamPairDataset',
    'TrackAnnotation',
    'TrainIndex',
    'VideoDataset',
    'VideoInfo',
    'YouTubeVISDataset',
    'build_test_loader',
    'build_train_loader',
    'holdout_ids',
    'transforms',
]
