"""Everything with weights: detectors, track heads, calibration heads and the models that join them."""

from mmdet.models.assigners import MaxIoUAssigner
from mmdet.models.backbones import ResNet, ResNeXt
from mmdet.models.calibration_heads import CalibrationHead, CorrelationCalibrationHead
from mmdet.models.dense_heads import AnchorGenerator, RPNHead
from mmdet.models.detectors import Clip, Detector, GroundTruthDetector, MaskRCNN
from mmdet.models.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, L1Loss, SmoothL1Loss
from mmdet.models.necks import FPN
from mmdet.models.preprocessor import VideoDataPreprocessor
from mmdet.models.roi_heads import BBoxHead, MaskHead, RoIExtractor, RoIHead
from mmdet.models.samplers import RandomSampler, SampledRoIs
from mmdet.models.track_heads import MaskTrackHead, PointTrackHead, TrackHead
from mmdet.models.video import VideoInstanceSegmenter, VideoSession

__all__ = [
    'FPN',
    'AnchorGenerator',
    'BBoxHead',
    'BinaryCrossEntropyLoss',
    'CalibrationHead',
    'Clip',
    'CorrelationCalibrationHead',
    'CrossEntropyLoss',
    'Detector',
    'GroundTruthDetector',
    'L1Loss',
    'MaskHead',
    'MaskRCNN',
    'MaskTrackHead',
    'MaxIoUAssigner',
    'PointTrackHead',
    'RPNHead',
    'RandomSampler',
    'ResNeXt',
    'ResNet',
    'RoIExtractor',
    'RoIHead',
    'SampledRoIs',
    'SmoothL1Loss',
    'TrackHead',
    'VideoDataPreprocessor',
    'VideoInstanceSegmenter',
    'VideoSession',
]
