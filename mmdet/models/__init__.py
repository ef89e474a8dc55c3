"""Everything with weights: detectors, track heads, calibration heads and the models that join them."""

from mmdet.models.assigners import MaxIoUAssigner
from mmdet.models.backbones import BranchedERFNet, DetailStem, ResNet, ResNeXt, SiamResNet
from mmdet.models.calibration_heads import CalibrationHead, CorrelationCalibrationHead
from mmdet.models.dense_heads import AnchorGenerator, EmbeddingClusterer, RPNHead
from mmdet.models.detectors import Clip, Detector, GroundTruthDetector, MaskRCNN, PrecomputedDetector, SpatialEmbedding
from mmdet.models.losses import (
    BalancedCrossEntropyLoss,
    BatchHardTripletLoss,
    BinaryCrossEntropyLoss,
    CrossEntropyLoss,
    L1Loss,
    SmoothL1Loss,
    SoftMarginMaskLoss,
    SpatialEmbeddingLoss,
    WeightedL1Loss,
)
from mmdet.models.necks import FPN, CenterCropNeck
from mmdet.models.preprocessor import VideoDataPreprocessor
from mmdet.models.reid import DeepSORTNet, DeepSORTNet128, ReIDEmbedder, ReIDNet, TorchvisionNet
from mmdet.models.roi_heads import BBoxHead, MaskHead, RoIExtractor, RoIHead
from mmdet.models.samplers import RandomSampler, SampledRoIs
from mmdet.models.siammask import (
    S2MaskHead,
    SiamAnchorGenerator,
    SiamAnchorTarget,
    SiamMask,
    SiamMaskHead,
    SiamMaskSession,
    SiamRefineHead,
    SiamRPNHead,
)
from mmdet.models.track_heads import MaskTrackHead, PointTrackHead, ReIDTrackHead, TrackHead
from mmdet.models.video import VideoInstanceSegmenter, VideoSession

__all__ = [
    'FPN',
    'AnchorGenerator',
    'BBoxHead',
    'BalancedCrossEntropyLoss',
    'BatchHardTripletLoss',
    'BinaryCrossEntropyLoss',
    'BranchedERFNet',
    'CalibrationHead',
    'CenterCropNeck',
    'Clip',
    'CorrelationCalibrationHead',
    'CrossEntropyLoss',
    'DeepSORTNet',
    'DeepSORTNet128',
    'DetailStem',
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
    'S2MaskHead',
    'SampledRoIs',
    'SiamAnchorGenerator',
    'SiamAnchorTarget',
    'SiamMask',
    'SiamMaskHead',
    'SiamMaskSession',
    'SiamRPNHead',
    'SiamRefineHead',
    'SiamResNet',
    'SmoothL1Loss',
    'SoftMarginMaskLoss',
    'SpatialEmbedding',
    'SpatialEmbeddingLoss',
    'TorchvisionNet',
    'TrackHead',
    'VideoDataPreprocessor',
    'VideoInstanceSegmenter',
    'VideoSession',
    'WeightedL1Loss',
]
