"""Backbones: images in, one map per stride out."""

from mmdet.models.backbones.erfnet import BranchedERFNet
from mmdet.models.backbones.resnet import ResNet, ResNeXt

__all__ = ['BranchedERFNet', 'ResNeXt', 'ResNet']
