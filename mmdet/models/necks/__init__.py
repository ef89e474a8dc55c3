"""Necks: backbone maps in, what the heads work on out."""

from mmdet.models.necks.center_crop import CenterCropNeck
from mmdet.models.necks.fpn import FPN

__all__ = ['FPN', 'CenterCropNeck']
