"""Everything with weights: detectors, track heads, calibration heads and the models that join them."""

from mmdet.models.assigners import MaxIoUAssigner
from mmdet.models.backbones import BranchedERFNet, ResNet, ResNeXt
from mmdet.models.calibration_heads import CalibrationHead, CorrelationCalibrationHead
from mmdet.models.dense_heads import AnchorGenerator, EmbeddingClusterer, RPNHead
from mmdet.models.detectors import Clip, Detector, GroundTruthDetector, MaskRCNN, PrecomputedDetector, SpatialEmbedding
from mmdet.models.losses import (
    BatchHardTripletLoss,
    BinaryCrossEntropyLoss,
    CrossEntropyLoss,
    L1Loss,
    SmoothL1Loss,
    SpatialEmbeddingLoss,
)
from mmdet.models.necks import FPN
from mmdet.models.preprocessor import VideoDataPreprocessor
from mmdet.models.reid import DeepSORTNet, DeepSORTNet128, ReIDEmbedder, ReIDNet, TorchvisionNet
from mmdet.models.roi_heads import BBoxHead, MaskHead, RoIExtractor, RoIHead
from mmdet.models.samplers import RandomSampler, SampledRoIs
from mmdet.models.track_heads import MaskTrackHead, PointTrackHead, ReIDTrackHead, TrackHead
from mmdet.models.video import VideoInstanceSegmenter, VideoSession

__all__ = [
    'FPN',
    'AnchorGenerator',
    'BBoxHead',
    'BatchHardTripletLoss',
    'BinaryCrossEntropyLoss',
    'BranchedERFNet',
    'CalibrationHead',
    'Clip',
    'CorrelationCalibrationHead',
    'CrossEntropyLoss',
    'DeepSORTNet',
    'DeepSORTNet128',
    'Detector',
    'EmbeddingClusterer',
    'GroundTruthDetector',
    'L1Loss',
    'MaskHead',
    'MaskRCNN',
    'MaskTrackHead',
    'MaxIoUAssigner',
    'PointTrackHead',
    'PrecomputedDetector',
    'RPNHead',
    'RandomSampler',
    'ReIDEmbedder',
    'ReIDNet',
    'ReIDTrackHead',
    'ResNeXt',
    'ResNet',
    'RoIExtractor',
    'RoIHead',
    'SampledRoIs',
    'SmoothL1Loss',
    'SpatialEmbedding',
    'SpatialEmbeddingLoss',
    'TorchvisionNet',
    'TrackHead',
    'VideoDataPreprocessor',
    'VideoInstanceSegmenter',
    'VideoSession',
]
