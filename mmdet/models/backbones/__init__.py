"""Backbones: images in, one map per stride out."""

from mmdet.models.backbones.resnet import ResNet, ResNeXt

__all__ = ['ResNeXt', 'ResNet']
