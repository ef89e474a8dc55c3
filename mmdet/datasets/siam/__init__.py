"""Training pairs of Siamese trackers: an object in one frame, and where it is in another."""

from mmdet.datasets.siam.augment import SiamPairAugmentation
from mmdet.datasets.siam.crop_folder import Crop511Dataset
from mmdet.datasets.siam.pairs import SiamPairDataset

__all__ = ['Crop511Dataset', 'SiamPairAugmentation', 'SiamPairDataset']
