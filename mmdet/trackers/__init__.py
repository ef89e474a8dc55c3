"""Trackers: detections of one frame after another in, identities out. Pure state machines without weights."""

from mmdet.trackers.base import Tracker, with_identities
from mmdet.trackers.masktrack import MaskTrackTracker

__all__ = ['MaskTrackTracker', 'Tracker', 'with_identities']
