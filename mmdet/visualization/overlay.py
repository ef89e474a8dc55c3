"""Draws the tracks of a frame onto it: mask, outline, box, and a label that can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from mmdet.errors import DataError
from mmdet.structures import RLE
from mmdet.visualization.colours import RGB
from mmdet.visualization.rows import TrackRow, track_rows
from mmdet.visualization.text import LabelBoard, Rect
from mmdet.visualization.trails import Trails, draw_forecasts

__all__ = ['OverlayStyle', 'draw_tracks']

DIMMED = 0.35  # part of the colour that is left of an object that is out of sight


@dataclass(frozen=True)
class OverlayStyle:
    """What to draw, and how big.

    Attributes:
        score_thr: tracks with a lower score in this frame are not drawn.
        fill: opacity of masks in [0, 1].
        boxes, labels: whether to draw them. A rotated box is drawn where a track has one. A label that finds no room is
            shortened, then left out.
        min_short_side: frames whose shorter side is smaller, in pixels, are enlarged by the smallest whole factor that
            reaches it, so that labels can be read; 0 never enlarges.
        mark_scale: how much bigger lines and labels are than usual, for pictures that are shrunk afterwards.
    """

    score_thr: float = 0.0
    fill: float = 0.45
    boxes: bool = True
    labels: bool = True
    min_short_side: int = 0
    mark_scale: float = 1.0

    def factor(self, shape: Sequence[int]) -> int:
        """By how much a frame (H, W, ...) is enlarged."""
        return max(-(-self.min_short_side // min(shape[:2])), 1)


class _Patch(NamedTuple):
    """The part of a mask inside its tight box: 0/1 pixels (h, w) and where their top left one is on the canvas."""

    pixels: np.ndarray
    x: int
    y: int


def draw_tracks(
    image: np.ndarray,
    tracks: Any,
    classes: Sequence[str] | None = None,
    style: OverlayStyle = OverlayStyle(),
    trails: Trails | None = None,
) -> np.ndarray:
    """A copy of a frame with its tracks drawn on it; those that are ``lost`` dimmed and labelled so.

    Args:
        image: (H, W, 3) uint8 RGB, the original frame.
        tracks: as :func:`mmdet.visualization.rows.track_rows` takes them; none at all is fine. Their
            ``forecasts`` are drawn as dots.
        classes: names of the labels; without them a label reads ``class 3``.
        style: see :class:`OverlayStyle`.
        trails: the paths of the tracks so far; this frame is added to them.

    Returns:
        (f H, f W, 3) uint8 RGB, where f is ``style.factor``, 1 by default.

    Raises:
        DataError: the image is of another type, or a mask of another size than the image.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise DataError(f'a frame to draw on is (H, W, 3) uint8 RGB, got {image.shape} {image.dtype}')
    factor = style.factor(image.shape)
    canvas = _enlarged(image, factor)
    rows = track_rows(tracks, style.score_thr)
    line = max(round(min(canvas.shape[:2]) / 400 * style.mark_scale), 1)
    patches = {index: _patch(row.mask, image.shape, factor) for index, row in enumerate(rows) if row.mask is not None}
    by_size = sorted(patches, key=lambda index: -patches[index].pixels.size)  # small objects stay on top
    for index in by_size:
        row = rows[index]
        _fill(canvas, patches[index], row.colour, style.fill * (DIMMED if row.lost else 1))
    for index in by_size:
        _outline(canvas, patches[index], _line_colour(rows[index]), line)
    if trails is not None:
        trails.add(rows)
        trails.draw(canvas, factor, line)
    draw_forecasts(canvas, rows, factor, line)
    _boxes_and_labels(canvas, rows, classes, style, factor, line)
    return canvas


def _enlarged(image: np.ndarray, factor: int) -> np.ndarray:
    if factor == 1:
        return image.copy()
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)


def _patch(rle: RLE, shape: Sequence[int], factor: int) -> _Patch:
    if list(rle['size']) != list(shape[:2]):
        raise DataError(
            f'a mask is {rle["size"][0]} x {rle["size"][1]} (height x width) but the frame is {shape[0]} x {shape[1]}; '
            'results must be drawn on the original frames'
        )
    x, y, width, height = (int(v) for v in coco_mask.toBbox(rle))
    pixels = np.ascontiguousarray(coco_mask.decode(rle)[y : y + height, x : x + width])
    if factor > 1 and pixels.size:
        smooth = cv2.resize(pixels * 255, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
        pixels = (smooth > 127).astype(np.uint8)
    return _Patch(pixels, x * factor, y * factor)


def _fill(canvas: np.ndarray, patch: _Patch, colour: RGB, opacity: float) -> None:
    height, width = patch.pixels.shape
    region = canvas[patch.y : patch.y + height, patch.x : patch.x + width]
    inside = patch.pixels.astype(bool)
    region[inside] = (region[inside] * (1 - opacity) + np.array(colour) * opacity + 0.5).astype(np.uint8)


def _outline(canvas: np.ndarray, patch: _Patch, colour: RGB, line: int) -> None:
    if not patch.pixels.size:
        return
    contours, _ = cv2.findContours(patch.pixels, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(patch.x, patch.y))
    cv2.drawContours(canvas, contours, -1, colour, line, cv2.LINE_AA)


def _boxes_and_labels(
    canvas: np.ndarray,
    rows: Sequence[TrackRow],
    classes: Sequence[str] | None,
    style: OverlayStyle,
    factor: int,
    line: int,
) -> None:
    corners = [_scaled(row.bbox, factor) for row in rows]
    if style.boxes:
        for row, corner in zip(rows, corners):
            if row.corners is None:
                _frame(canvas, corner, _line_colour(row), line)
            else:
                points = np.round(np.array(row.corners) * factor).astype(np.int32)
                cv2.polylines(canvas, [points], True, _line_colour(row), line, cv2.LINE_AA)
    if style.labels:
        usual = min(max(round(min(canvas.shape[:2]) / 40), 12), 48)
        board = LabelBoard(canvas, round(usual * style.mark_scale), corners)
        biggest_first = sorted(range(len(rows)), key=lambda i: -_area(corners[i]))
        for index in biggest_first:
            board.place(rows[index].captions(classes), corners[index], _line_colour(rows[index]))


def _line_colour(row: TrackRow) -> RGB:
    """Colour of outline, box and label: that of the track, greyed where the object is out of sight."""
    if not row.lost:
        return row.colour
    red, green, blue = (round(DIMMED * value + (1 - DIMMED) * 128) for value in row.colour)
    return red, green, blue


def _frame(canvas: np.ndarray, rect: Rect, colour: RGB, line: int) -> None:
    """Edges of a box, inside it; OpenCV's thick lines are of another width in every version."""
    x1, y1, x2, y2 = rect
    for inset in range(max(min(line, (x2 - x1) // 2, (y2 - y1) // 2), 1)):
        low, high = (x1 + inset, y1 + inset), (max(x2 - 1 - inset, x1), max(y2 - 1 - inset, y1))  # inclusive
        cv2.rectangle(canvas, low, high, colour)


def _scaled(bbox: tuple[float, float, float, float], factor: int) -> Rect:
    x1, y1, x2, y2 = (round(v * factor) for v in bbox)
    return x1, y1, x2, y2


def _area(rect: Rect) -> int:
    return (rect[2] - rect[0]) * (rect[3] - rect[1])
