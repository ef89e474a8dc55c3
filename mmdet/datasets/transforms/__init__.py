"""Transforms of whole clips: every frame of a clip gets the same flip, scale, crop and colours."""

from mmdet.datasets.transforms.crop import CropAroundObject, RandomCrop
from mmdet.datasets.transforms.erasing import RandomErasing
from mmdet.datasets.transforms.geometric import RandomFlip, Resize, rescaled_size
from mmdet.datasets.transforms.loading import BlankFrames, LoadAnnotations, LoadFrames
from mmdet.datasets.transforms.packing import PackClip
from mmdet.datasets.transforms.photometric import PhotometricDistortion

__all__ = [
    'BlankFrames',
    'CropAroundObject',
    'LoadAnnotations',
    'LoadFrames',
    'PackClip',
    'PhotometricDistortion',
    'RandomCrop',
    'RandomErasing',
    'RandomFlip',
    'Resize',
    'rescaled_size',
]
