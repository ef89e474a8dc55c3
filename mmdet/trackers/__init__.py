"""Trackers: detections of one frame after another in, identities out. Pure state machines without weights."""

from mmdet.trackers.base import Tracker, with_identities
from mmdet.trackers.bytetrack import ByteTracker
from mmdet.trackers.deepsort import DeepSORTTracker
from mmdet.trackers.iou import IoUTracker
from mmdet.trackers.masktrack import MaskTrackTracker
from mmdet.trackers.ocsort import OCSORTTracker
from mmdet.trackers.pointtrack import PointTrackTracker
from mmdet.trackers.sort import SORTTracker

__all__ = [
    'ByteTracker',
    'DeepSORTTracker',
    'IoUTracker',
    'MaskTrackTracker',
    'OCSORTTracker',
    'PointTrackTracker',
    'SORTTracker',
    'Tracker',
    'with_identities',
]
