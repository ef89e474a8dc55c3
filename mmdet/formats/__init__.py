"""Files that several rooms read or write: every row checked on the way in, whole files on the way out.

MOTChallenge and MOTS, stored detections, JSON. Readers give plain arrays in the units of the file and know nothing of
models, data sets or metrics.
"""

from mmdet.formats.boxes import BoxTable, counted_rows, distractor_rows, read_boxes, write_boxes
from mmdet.formats.kitti import KITTI_TYPES, read_kitti_boxes, write_kitti_boxes
from mmdet.formats.masks import CAR, IGNORE, MOTS_CLASSES, PEDESTRIAN, MaskTable, read_masks, write_masks
from mmdet.formats.masks_join import join_masks, join_mots_results
from mmdet.formats.masks_png import list_mask_pngs, mots_sources, read_mask_pngs, write_mask_pngs
from mmdet.formats.sequences import (
    SeqmapRow,
    SequenceInfo,
    mots_seqmap,
    read_seqinfo,
    read_seqmap,
    write_seqinfo,
    write_seqmap,
)

__all__ = [
    'CAR',
    'IGNORE',
    'KITTI_TYPES',
    'MOTS_CLASSES',
    'PEDESTRIAN',
    'BoxTable',
    'MaskTable',
    'SeqmapRow',
    'SequenceInfo',
    'counted_rows',
    'distractor_rows',
    'join_masks',
    'join_mots_results',
    'list_mask_pngs',
    'mots_seqmap',
    'mots_sources',
    'read_boxes',
    'read_kitti_boxes',
    'read_mask_pngs',
    'read_masks',
    'read_seqinfo',
    'read_seqmap',
    'write_boxes',
    'write_kitti_boxes',
    'write_mask_pngs',
    'write_masks',
    'write_seqinfo',
    'write_seqmap',
]
