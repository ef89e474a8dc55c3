"""Original MaskTrack R-CNN and CMaskTrack R-CNN, and every Mask R-CNN of mmdetection before version 2.

Their class heads put the background first; the geometry is the ``legacy`` one; the track head has no ReLU at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdet.checkpoints.families.base import Change, Converted, ConvertOptions, Family, KeyMap, Rule
from mmdet.checkpoints.families.heads import BACKGROUND_LAST, DROP_BACKGROUND_BOX, DROP_BACKGROUND_MASK
from mmdet.checkpoints.families.openmmlab import ASSUMED, facts
from mmdet.checkpoints.report import LoadReport
from mmdet.checkpoints.state import Shapes, StateDict
from mmdet.class_names import OVIS_CLASSES


def _both(old: str, new: str, change: Change) -> list[Rule]:
    """The same change for weight and bias."""
    return [Rule(f'{old}.{part}', f'{new}.{part}', change) for part in ('weight', 'bias')]


DETECTOR = [
    Rule('backbone.*', 'detector.backbone.*'),
    Rule('neck.*', 'detector.neck.*'),
    Rule('rpn_head.*', 'detector.rpn_head.*'),  # one sigmoid per anchor in both generations: nothing to rotate
    *_both('bbox_head.fc_cls', 'detector.roi_head.bbox_head.fc_cls', BACKGROUND_LAST),
    *_both('bbox_head.fc_reg', 'detector.roi_head.bbox_head.fc_reg', DROP_BACKGROUND_BOX),
    Rule('bbox_head.*', 'detector.roi_head.bbox_head.*'),
    *_both('mask_head.conv_logits', 'detector.roi_head.mask_head.conv_logits', DROP_BACKGROUND_MASK),
    Rule('mask_head.*', 'detector.roi_head.mask_head.*'),
]
TRACK_HEAD = [Rule('track_head.fcs.*', 'track_head.fcs.*')]
CALIBRATION = [
    Rule('track_head.offset_convs.*', 'calibration_head.offset_convs.*'),
    Rule('track_head.conv_offset.*', 'calibration_head.conv_offset.*'),
    Rule('track_head.dconv_featureflow.*', 'calibration_head.deform_conv.*'),
]
MAP = KeyMap([*DETECTOR, *TRACK_HEAD])
CALIBRATED_MAP = KeyMap([*DETECTOR, *TRACK_HEAD, *CALIBRATION])
CALIBRATION_KEY = 'track_head.dconv_featureflow.weight'


def _detect_any(shapes: Shapes) -> bool:
    return 'bbox_head.fc_cls.weight' in shapes


def _convert(key_map: KeyMap, name: str, state_dict: StateDict, meta: Mapping[str, Any]) -> Converted:
    report = LoadReport(family=name)
    ours = key_map.to_ours(state_dict, report)
    known = {**facts(meta), 'convention': 'legacy'}
    if 'track_head.fcs.0.weight' in ours:
        known['track_head'] = {'last_relu': False}
    assumed = dict(ASSUMED)
    if 'calibration_head.deform_conv.weight' in ours:
        # that program was trained on a GPU, whose window lies elsewhere
        known['calibration_head'] = {'window': 'cuda', 'dilation_patch': 2}
        if len(ours['detector.roi_head.bbox_head.fc_cls.weight']) == len(OVIS_CLASSES) + 1:
            assumed['classes'] = list(OVIS_CLASSES)  # the data set that it was written for
    return Converted(ours, report, known, assumed)


def _invert(key_map: KeyMap, name: str, state_dict: StateDict) -> tuple[StateDict, LoadReport]:
    report = LoadReport(family=name)
    return key_map.to_theirs(state_dict, report), report


def convert(state_dict: StateDict, meta: Mapping[str, Any], options: ConvertOptions) -> Converted:
    """Weights of MaskTrack R-CNN (2019) or an old Mask R-CNN under our names."""
    return _convert(MAP, 'masktrack', state_dict, meta)


def convert_calibrated(state_dict: StateDict, meta: Mapping[str, Any], options: ConvertOptions) -> Converted:
    """Weights of CMaskTrack R-CNN (2022) under our names."""
    return _convert(CALIBRATED_MAP, 'cmasktrack', state_dict, meta)


def invert(state_dict: StateDict) -> tuple[StateDict, LoadReport]:
    """Our weights under MaskTrack R-CNN's names; background blocks that we do not have are zeros."""
    return _invert(MAP, 'masktrack', state_dict)


def invert_calibrated(state_dict: StateDict) -> tuple[StateDict, LoadReport]:
    """Our weights under CMaskTrack R-CNN's names; background blocks that we do not have are zeros."""
    return _invert(CALIBRATED_MAP, 'cmasktrack', state_dict)


MASKTRACK = Family(
    'masktrack',
    'original MaskTrack R-CNN, or Mask R-CNN of mmdetection before version 2',
    lambda shapes: _detect_any(shapes) and CALIBRATION_KEY not in shapes,
    convert,
    invert,
)
CMASKTRACK = Family(
    'cmasktrack',
    'original CMaskTrack R-CNN',
    lambda shapes: _detect_any(shapes) and CALIBRATION_KEY in shapes,
    convert_calibrated,
    invert_calibrated,
)
