"""Checkpoints of this program's own training: the weights alone, with metadata, to pass on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdet.checkpoints.families.base import Converted, ConvertOptions, Family, KeyMap, Rule
from mmdet.checkpoints.metadata import COMPARED
from mmdet.checkpoints.report import LoadReport
from mmdet.checkpoints.state import Shapes, StateDict, classes_in

ROOMS = ('detector', 'track_head', 'calibration_head', 'embedder', 'classifier')
SIAMMASK_ROOMS = ('backbone', 'neck', 'rpn_head', 'mask_head', 'refine_head', 'stage2_head')
SIAMMASK_KEY = 'rpn_head.cls.conv_kernel.conv.weight'
FACTS = (*dict.fromkeys(entry.partition('.')[0] for entry in COMPARED), 'config')
MAP = KeyMap(
    rules=[Rule(f'{room}.*', f'{room}.*') for room in (*ROOMS, *SIAMMASK_ROOMS)],
    ignored={'data_preprocessor.*': 'normalisation belongs to the config'},
)


def detect(shapes: Shapes) -> bool:
    """Whether the names are our models' own."""
    # a track head and a re-identification network may come alone
    ours = any(key.startswith(('detector.', 'embedder.', 'track_head.network.')) for key in shapes)
    return (ours and not any('.embed_head.' in key for key in shapes)) or SIAMMASK_KEY in shapes


def convert(state_dict: StateDict, meta: Mapping[str, Any], options: ConvertOptions) -> Converted:
    """The same weights; facts that the checkpoint already tells are kept."""
    report = LoadReport(family='own')
    ours = MAP.to_ours(state_dict, report)
    known = {key: meta[key] for key in FACTS if key in meta and not (key == 'config' and '\n' in str(meta[key]))}
    classes = classes_in(meta)
    return Converted(ours, report, {**known, **({'classes': list(classes)} if classes else {})})


OWN = Family('own', 'a checkpoint of this program', detect, convert)
