"""The models that a config names."""

from mmdet.models.video.segmenter import VideoInstanceSegmenter
from mmdet.models.video.session import VideoSession

__all__ = ['VideoInstanceSegmenter', 'VideoSession']
