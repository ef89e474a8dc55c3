"""Instances cut out of annotated videos, to train a track head without decoding whole frames again and again."""

from mmdet.datasets.instances.database import write_database
from mmdet.datasets.instances.dataset import InstanceDatabase
from mmdet.datasets.instances.sources import AnnotatedFrame, SourceVideo, mots_videos, videos_of

__all__ = ['AnnotatedFrame', 'InstanceDatabase', 'SourceVideo', 'mots_videos', 'videos_of', 'write_database']
