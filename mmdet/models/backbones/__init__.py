"""Backbones: images in, one map per stride out."""

from mmdet.models.backbones.detail_stem import DetailStem
from mmdet.models.backbones.erfnet import BranchedERFNet
from mmdet.models.backbones.resnet import ResNet, ResNeXt
from mmdet.models.backbones.siam_resnet import SiamResNet

__all__ = ['BranchedERFNet', 'DetailStem', 'ResNeXt', 'ResNet', 'SiamResNet']
