"""The procedural data set ``shapes``: seeded short videos of textured, moving, overlapping shapes with exact masks."""

from mmdet.datasets.shapes.config import CATEGORY_IDS, CLASSES, ShapesConfig
from mmdet.datasets.shapes.make import make_shapes
from mmdet.datasets.shapes.render import Frame
from mmdet.datasets.shapes.video import ShapesVideo
from mmdet.datasets.shapes.writers import (
    DAVISWriter,
    KITTIMOTSWriter,
    ShapesWriter,
    YouTubeVOSWriter,
    YTVISWriter,
)

__all__ = [
    'CATEGORY_IDS',
    'CLASSES',
    'DAVISWriter',
    'Frame',
    'KITTIMOTSWriter',
    'ShapesConfig',
    'ShapesVideo',
    'ShapesWriter',
    'YTVISWriter',
    'YouTubeVOSWriter',
    'make_shapes',
]
