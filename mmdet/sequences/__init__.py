"""Folders of the mask tracking benchmarks, DAVIS, YouTube-VOS and VOT, as they lie on disk.

Data sets read them to run models and evaluation reads them to score files, so this is below both.
"""

from mmdet.sequences.davis import DavisSequence, read_davis, read_names
from mmdet.sequences.label_maps import davis_palette, encode_label_map, object_numbers, read_label_map, write_label_map
from mmdet.sequences.regions import box_polygon, initial_box, polygon_bounds, read_regions
from mmdet.sequences.vot import VOTSequence, read_vot
from mmdet.sequences.youtube_vos import VOSObject, VOSVideo, read_meta

__all__ = [
    'DavisSequence',
    'VOSObject',
    'VOSVideo',
    'VOTSequence',
    'box_polygon',
    'davis_palette',
    'encode_label_map',
    'initial_box',
    'object_numbers',
    'polygon_bounds',
    'read_davis',
    'read_label_map',
    'read_meta',
    'read_names',
    'read_regions',
    'read_vot',
    'write_label_map',
]
