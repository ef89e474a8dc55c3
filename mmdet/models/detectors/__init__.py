"""Detectors: frames in, detections out."""

from mmdet.models.detectors.base import Clip, Detector
from mmdet.models.detectors.ground_truth import GroundTruthDetector
from mmdet.models.detectors.mask_rcnn import MaskRCNN

__all__ = ['Clip', 'Detector', 'GroundTruthDetector', 'MaskRCNN']
