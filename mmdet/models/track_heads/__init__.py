"""Track heads: detections in, one embedding per detection out."""

from mmdet.models.track_heads.base import TrackHead
from mmdet.models.track_heads.masktrack_head import MaskTrackHead, match_logits, match_targets
from mmdet.models.track_heads.reid_head import ReIDTrackHead

__all__ = ['MaskTrackHead', 'PointTrackHead', 'ReIDTrackHead', 'TrackHead', 'match_logits', 'match_targets']
from mmdet.models.track_heads.point_track_head import PointTrackHead

