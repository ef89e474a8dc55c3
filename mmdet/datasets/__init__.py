"""Videos and their annotations as clips, for training and testing. Importing this registers all data sets."""

from mmdet.datasets import transforms
from mmdet.datasets.base import ChunkIndex, TrackAnnotation, TrainIndex, VideoDataset, VideoInfo
from mmdet.datasets.coco import COCOVideoDataset
from mmdet.datasets.crops import CropDataset, CropSampler, IdentityBatchSampler, Market1501Dataset, VideoCropDataset
from mmdet.datasets.davis import DAVISDataset
from mmdet.datasets.holdout import holdout_ids
from mmdet.datasets.imagenet import ImageNetDETDataset, ImageNetVIDDataset
from mmdet.datasets.instances import InstanceDatabase
from mmdet.datasets.loader import Batch, build_test_loader, build_train_loader
from mmdet.datasets.motchallenge import MOTChallengeDataset
from mmdet.datasets.mots import MOTSDataset
from mmdet.datasets.prompted import PromptedVideoDataset, mask_track
from mmdet.datasets.samplers import ChunkSampler, ClipBatchSampler
from mmdet.datasets.siam import Crop511Dataset, SiamPairAugmentation, SiamPairDataset
from mmdet.datasets.vot import VOTDataset
from mmdet.datasets.youtube_vos import YouTubeVOSDataset
from mmdet.datasets.ytvis import OVISDataset, YouTubeVISDataset

__all__ = [
    'Batch',
    'COCOVideoDataset',
    'ChunkIndex',
    'ChunkSampler',
    'ClipBatchSampler',
    'Crop511Dataset',
    'CropDataset',
    'CropSampler',
    'DAVISDataset',
    'IdentityBatchSampler',
    'ImageNetDETDataset',
    'ImageNetVIDDataset',
    'InstanceDatabase',
    'MOTChallengeDataset',
    'MOTSDataset',
    'Market1501Dataset',
    'OVISDataset',
    'PromptedVideoDataset',
    'SiamPairAugmentation',
    'SiamPairDataset',
    'TrackAnnotation',
    'TrainIndex',
    'VOTDataset',
    'VideoCropDataset',
    'VideoDataset',
    'VideoInfo',
    'YouTubeVISDataset',
    'YouTubeVOSDataset',
    'build_test_loader',
    'build_train_loader',
    'holdout_ids',
    'mask_track',
    'transforms',
]
