"""mmdetection 2 and 3 (Mask R-CNN, MaskTrack R-CNN) and mmtracking's MaskTrack R-CNN.

Our names and class order are theirs; a plain detector gets the ``detector.`` prefix, and the track head loses a level.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdet.checkpoints.families.base import Converted, ConvertOptions, Family, KeyMap, Rule
from mmdet.checkpoints.families.openmmlab import ASSUMED, facts
from mmdet.checkpoints.report import LoadReport
from mmdet.checkpoints.state import Shapes, StateDict

TRACK_KEY = 'track_head.embed_head.fcs.0.weight'
DETECTOR_KEY = 'roi_head.bbox_head.fc_cls.weight'

MAP = KeyMap(
    rules=[
        Rule('detector.*', 'detector.*'),
        Rule('backbone.*', 'detector.backbone.*'),
        Rule('neck.*', 'detector.neck.*'),
        Rule('rpn_head.*', 'detector.rpn_head.*'),
        Rule('roi_head.bbox_head.*', 'detector.roi_head.bbox_head.*'),
        Rule('roi_head.mask_head.*', 'detector.roi_head.mask_head.*'),
        Rule('track_head.embed_head.fcs.*', 'track_head.fcs.*'),
    ],
    ignored={
        'data_preprocessor.*': 'normalisation belongs to the config',
        'detector.data_preprocessor.*': 'normalisation belongs to the config',
    },
)


def detect(shapes: Shapes) -> bool:
    """Whether the names are those of mmdetection 2 or later."""
    plain = DETECTOR_KEY in shapes and any(key.startswith('backbone.') for key in shapes)
    return plain or TRACK_KEY in shapes


def _convert(name: str, state_dict: StateDict, meta: Mapping[str, Any]) -> Converted:
    report = LoadReport(family=name)
    ours = MAP.to_ours(state_dict, report)
    known = {**facts(meta), 'convention': 'modern'}
    if 'track_head.fcs.0.weight' in ours:
        known['track_head'] = {'last_relu': True}
    return Converted(ours, report, known, ASSUMED)


def convert(state_dict: StateDict, meta: Mapping[str, Any], options: ConvertOptions) -> Converted:
    """Weights of mmdetection 2 or 3 under our names."""
    return _convert('mmdet3', state_dict, meta)


def convert_mmtracking(state_dict: StateDict, meta: Mapping[str, Any], options: ConvertOptions) -> Converted:
    """Weights of mmtracking's MaskTrack R-CNN under our names; its keys are mmdetection 3's."""
    return _convert('mmtracking', state_dict, meta)


def invert(state_dict: StateDict) -> tuple[StateDict, LoadReport]:
    """Our weights under the names of mmdetection 3's MaskTrack R-CNN."""
    report = LoadReport(family='mmdet3')
    return MAP.to_theirs(state_dict, report), report


MMDET3 = Family(
    'mmdet3',
    'mmdetection 2 or 3: Mask R-CNN or MaskTrack R-CNN',
    detect,
    convert,
    invert,
    claims=lambda meta: 'mmtrack_version' not in meta,
)
MMTRACKING = Family(
    'mmtracking',
    'mmtracking: MaskTrack R-CNN',
    detect,
    convert_mmtracking,
    invert,
    claims=lambda meta: 'mmtrack_version' in meta,
)
