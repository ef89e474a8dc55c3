"""The layouts in which procedural videos can be written to disk."""

from mmdet.datasets.shapes.writers.base import SPLITS, ShapesWriter
from mmdet.datasets.shapes.writers.davis import DAVISWriter
from mmdet.datasets.shapes.writers.kitti_mots import KITTIMOTSWriter
from mmdet.datasets.shapes.writers.youtube_vos import YouTubeVOSWriter
from mmdet.datasets.shapes.writers.ytvis import YTVISWriter

WRITERS: dict[str, type[ShapesWriter]] = {
    w.name: w for w in (YTVISWriter, DAVISWriter, YouTubeVOSWriter, KITTIMOTSWriter)
}

__all__ = ['SPLITS', 'WRITERS', 'DAVISWriter', 'KITTIMOTSWriter', 'ShapesWriter', 'YTVISWriter', 'YouTubeVOSWriter']
