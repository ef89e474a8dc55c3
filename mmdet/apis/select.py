"""Lets a user draw boxes around objects with the mouse."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from mmdet.apis.frame_source import FrameSource
from mmdet.errors import PromptError, VideoSourceError
from mmdet.visualization.window import why_no_window

__all__ = ['select_boxes']

_TITLE = 'Draw a box, Enter keeps it, Escape ends'


def select_boxes(source: FrameSource, frame: int = 0) -> list[tuple[float, float, float, float]]:
    """Boxes (x, y, width, height) that the user draws in one frame, in the order drawn.

    Args:
        source: of frames; it must be one that can be read again.
        frame: index of the frame.

    Raises:
        VideoSourceError: there is no display, or the source is live.
        PromptError: the source has no such frame, or nothing was drawn.
    """
    reason = why_no_window()
    if reason is not None:
        raise VideoSourceError(f'cannot show a window to select in: {reason}')
    if source.live:
        raise VideoSourceError(f'{source.name} does not wait while you select; record it to a file first')
    if frame < 0:
        raise PromptError(f'{source.name} has no frame {frame}; the first is 0')
    image = next(itertools.islice(iter(source), frame, None), None)
    if image is None:
        raise PromptError(f'{source.name} has no frame {frame}')
    boxes = cv2.selectROIs(_TITLE, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), showCrosshair=False)
    cv2.destroyWindow(_TITLE)
    if not len(boxes):
        raise PromptError('nothing was drawn: drag a box around each object and press Enter after each')
    rows = np.asarray(boxes, np.float64).reshape(-1, 4).tolist()
    return [(left, top, width, height) for left, top, width, height in rows]
