"""Calibration heads: a frame's features repaired with those of its neighbours."""

from mmdet.models.calibration_heads.base import CalibrationHead
from mmdet.models.calibration_heads.correlation_calibration import CorrelationCalibrationHead

__all__ = ['CalibrationHead', 'CorrelationCalibrationHead']
