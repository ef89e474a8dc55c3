"""Detectors: frames in, detections out."""

from mmdet.models.detectors.base import Clip, Detector
from mmdet.models.detectors.ground_truth import GroundTruthDetector
from mmdet.models.detectors.mask_rcnn import MaskRCNN
from mmdet.models.detectors.precomputed import PrecomputedDetector

__all__ = ['Clip', 'Detector', 'GroundTruthDetector', 'MaskRCNN', 'PrecomputedDetector', 'SpatialEmbedding']
from mmdet.models.detectors.spatial_embedding import SpatialEmbedding

