"""Pictures of results: overlays, videos, contact sheets."""

from mmdet.visualization.colours import identity_colour
from mmdet.visualization.contact_sheet import contact_sheet, write_image
from mmdet.visualization.overlay import OverlayStyle, draw_tracks
from mmdet.visualization.report import render_video_result
from mmdet.visualization.trails import Trails
from mmdet.visualization.video_writer import VideoWriter, open_writer

__all__ = [
    'OverlayStyle',
    'Trails',
    'VideoWriter',
    'contact_sheet',
    'draw_tracks',
    'identity_colour',
    'open_writer',
    'render_video_result',
    'write_image',
]
