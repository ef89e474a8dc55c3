"""The paths that tracks have taken, as lines that fade with age, and are expected to take, as dots that fade ahead."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np

from mmdet.visualization.colours import identity_colour
from mmdet.visualization.rows import TrackRow

__all__ = ['Trails', 'draw_forecasts']

Point = tuple[float, float]
_PIECES = 8  # steps of fading along one path


class Trails:
    """Remembers where each identity was in the last frames, and draws it.

    A path is broken where its track was away. Memory is bounded: an identity unseen for ``length`` frames is forgotten.

    Args:
        length: frames that a path reaches back.
    """

    def __init__(self, length: int = 30) -> None:
        self.length = length
        self._paths: dict[int, deque[Point | None]] = {}

    def add(self, rows: Sequence[TrackRow]) -> None:
        """Take the tracks of the next frame."""
        centres = {
            row.instance_id: ((row.bbox[0] + row.bbox[2]) / 2, (row.bbox[1] + row.bbox[3]) / 2)
            for row in rows
            if row.instance_id is not None and row.instance_id >= 0
        }
        for identity in centres:
            self._paths.setdefault(identity, deque(maxlen=self.length))
        for identity, path in list(self._paths.items()):
            path.append(centres.get(identity))
            if not any(path):
                del self._paths[identity]

    def path(self, identity: int) -> list[Point | None]:
        """Box centres of an identity in the last frames, oldest first; None where it was away."""
        return list(self._paths.get(identity, ()))

    def draw(self, canvas: np.ndarray, factor: float, line: int) -> None:
        """Draw all paths into ``canvas`` (H, W, 3), whose pixels are ``factor`` times those of the boxes."""
        for identity, path in self._paths.items():
            colour = np.array(identity_colour(identity), dtype=np.float32)
            points = list(path)
            for index, (start, stop) in enumerate(itertools.pairwise(points)):
                if start is None or stop is None:
                    continue
                age = (len(points) - 2 - index) * _PIECES // self.length / _PIECES
                shade = tuple(int(v) for v in colour * (1 - 0.7 * age))
                width = max(round(line * (2 - age)), 1)
                ends = [tuple(round(v * factor) for v in point) for point in (start, stop)]
                cv2.line(canvas, ends[0], ends[1], shade, width, cv2.LINE_AA)
            if points[-1] is not None:
                tip = tuple(round(v * factor) for v in points[-1])
                cv2.circle(canvas, tip, 2 * line + 1, identity_colour(identity), cv2.FILLED, cv2.LINE_AA)


def draw_forecasts(canvas: np.ndarray, rows: Sequence[TrackRow], factor: float, line: int) -> None:
    """Draw where tracks are expected next into ``canvas`` (H, W, 3), a dot per frame.

    Args:
        rows: tracks of this frame; those without a forecast are left alone.
        factor: pixels of the canvas per pixel of the boxes.
        line: width of lines.
    """
    for row in rows:
        centres = [((x1 + x2) / 2 * factor, (y1 + y2) / 2 * factor) for x1, y1, x2, y2 in row.forecast]
        for rim, colour in ((1, (0, 0, 0)), (0, row.colour)):  # rims first, or they would hide the dots that are close
            for index, (x, y) in enumerate(centres):
                radius = max(round(1.5 * line * (1 - 0.6 * index / len(centres))), 1)
                if _near(canvas, x, y):
                    cv2.circle(canvas, (round(x), round(y)), radius + rim, colour, cv2.FILLED, cv2.LINE_AA)


def _near(canvas: np.ndarray, x: float, y: float) -> bool:
    """Whether a point is on the canvas or close to it; OpenCV takes no coordinates that are far off."""
    height, width = canvas.shape[:2]
    return -width < x < 2 * width and -height < y < 2 * height
