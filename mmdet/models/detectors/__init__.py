"""Detectors: frames in, detections out."""

from mmdet.models.detectors.base import Clip, Detector
from mmdet.models.detectors.mask_rcnn import MaskRCNN
from mmdet.models.detectors.spatial_embedding import SpatialEmbedding

__all__ = ['Clip', 'Detector', 'MaskRCNN', 'SpatialEmbedding']
