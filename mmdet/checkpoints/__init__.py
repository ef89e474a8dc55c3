"""Checkpoints: safe loading, atomic writing, conversion from other programs, and a report on every tensor."""

from mmdet.checkpoints.backbone import torchvision_backbone
from mmdet.checkpoints.convert import convert
from mmdet.checkpoints.families import FAMILIES, ConvertOptions
from mmdet.checkpoints.files import load_file, read_metadata, save_atomic, save_weights
from mmdet.checkpoints.load import filled_parts, load_backbone, load_weights, require_frozen_weights
from mmdet.checkpoints.parts import load_parts
from mmdet.checkpoints.report import LoadReport
from mmdet.checkpoints.state import classes_in, meta_of, state_dict_of

__all__ = [
    'FAMILIES',
    'ConvertOptions',
    'LoadReport',
    'classes_in',
    'convert',
    'filled_parts',
    'load_backbone',
    'load_file',
    'load_parts',
    'load_weights',
    'meta_of',
    'read_metadata',
    'require_frozen_weights',
    'save_atomic',
    'save_weights',
    'state_dict_of',
    'torchvision_backbone',
]
