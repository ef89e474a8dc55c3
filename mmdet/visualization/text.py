"""Labels that can be read on any background: anti-aliased text on a plate, moved where it covers no other label."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mmdet.visualization.colours import RGB, readable_on

__all__ = ['LabelBoard', 'Rect', 'draw_caption', 'draw_text', 'text_size']

SMALLEST = 11  # font size in pixels below which digits run together
Rect = tuple[int, int, int, int]  # x1 y1 x2 y2, right and bottom exclusive


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


@lru_cache(maxsize=1024)
def _coverage(text: str, size: int) -> np.ndarray:
    """How much of each pixel a line of text covers: (h, w) float32 in [0, 1]; all texts of a size are equally high."""
    font = _font(size)
    left, _, right, _ = font.getbbox(text)
    _, top, _, bottom = font.getbbox('Ahgjy|')
    plate = Image.new('L', (max(int(np.ceil(right - left)), 1), int(np.ceil(bottom - top))))
    ImageDraw.Draw(plate).text((-left, -top), text, fill=255, font=font)
    coverage = np.asarray(plate, dtype=np.float32) / 255
    coverage.setflags(write=False)  # it is shared by the cache
    return coverage


def text_size(text: str, size: int) -> tuple[int, int]:
    """Width and height in pixels of a line of text in a font of ``size`` pixels."""
    height, width = _coverage(text, size).shape
    return width, height


def draw_text(canvas: np.ndarray, text: str, x: int, y: int, size: int, colour: RGB) -> None:
    """Draw one line into ``canvas`` (H, W, 3) uint8, top left corner at x, y; what lies outside is cut off."""
    coverage = _coverage(text, size)
    height, width = coverage.shape
    x1, y1, x2, y2 = max(x, 0), max(y, 0), min(x + width, canvas.shape[1]), min(y + height, canvas.shape[0])
    if x1 >= x2 or y1 >= y2:
        return
    share = coverage[y1 - y : y2 - y, x1 - x : x2 - x, None]  # (h, w, 1)
    region = canvas[y1:y2, x1:x2]
    region[:] = (region * (1 - share) + np.asarray(colour, dtype=np.float32) * share + 0.5).astype(np.uint8)


def draw_caption(canvas: np.ndarray, text: str) -> None:
    """Draw one line on a dark plate into the top left corner of ``canvas`` (H, W, 3) uint8, above everything else."""
    size = min(max(round(min(canvas.shape[:2]) / 30), 14), 48)
    width, height = text_size(text, size)
    pad = size // 3
    plate = canvas[: height + 2 * pad, : width + 2 * pad]
    plate[:] = plate // 4
    draw_text(canvas, text, pad, pad, size, (255, 255, 255))


class LabelBoard:
    """Places the labels of one frame so that none covers another, and few cover other objects.

    Args:
        canvas: (H, W, 3) uint8, drawn into.
        size: of the font in pixels; labels of small boxes get a smaller one.
        boxes: of all objects of the frame.
    """

    def __init__(self, canvas: np.ndarray, size: int, boxes: Sequence[Rect] = ()) -> None:
        self.canvas, self.size = canvas, size
        self._boxes = np.array(boxes, dtype=np.int64).reshape(-1, 4)
        self._plates = np.zeros((0, 4), dtype=np.int64)

    def place(self, texts: Sequence[str], box: Rect, colour: RGB) -> Rect | None:
        """Write the first of ``texts``, longest first, that has room at ``box``.

        Returns:
            Where its plate is; None where none has room, as two labels on top of each other tell nothing.
        """
        size = self._size_for(box)
        pad = max(size // 6, 2)
        for text in texts:
            width, height = text_size(text, size)
            plate, covered = self._spot(width + 2 * pad, height + 2 * pad, box)
            if not covered:
                x1, y1, x2, y2 = plate
                self.canvas[y1:y2, x1:x2] = colour
                draw_text(self.canvas, text, x1 + pad, y1 + pad, size, readable_on(colour))
                self._plates = np.concatenate([self._plates, [plate]])
                return plate
        return None

    def _size_for(self, box: Rect) -> int:
        small = min(box[2] - box[0], box[3] - box[1]) < 3 * self.size
        return min(self.size, max(round(0.7 * self.size), SMALLEST)) if small else self.size

    def _spot(self, width: int, height: int, box: Rect) -> tuple[Rect, int]:
        """The first of the spots that cover least, labels before other objects; and the pixels of labels it covers."""
        corners = np.array(_spots(width, height, box))  # (S, 2)
        room = np.array([self.canvas.shape[1] - width, self.canvas.shape[0] - height])
        corners = np.minimum(corners, room).clip(min=0)
        spots = np.concatenate([corners, corners + [width, height]], axis=1)  # (S, 4)
        labels = _covered(spots, self._plates)
        others = _covered(spots, self._boxes[(self._boxes != box).any(1)])
        best = int(np.lexsort((others, labels))[0])
        x1, y1, x2, y2 = spots[best].tolist()
        return (x1, y1, x2, y2), int(labels[best])


def _covered(spots: np.ndarray, rects: np.ndarray) -> np.ndarray:
    """Pixels (S,) of each spot (S, 4) that the rectangles (N, 4) cover, counted once for each."""
    low = np.maximum(spots[:, None, :2], rects[None, :, :2])
    high = np.minimum(spots[:, None, 2:], rects[None, :, 2:])
    return (high - low).clip(min=0).prod(2).sum(1)


def _spots(width: int, height: int, box: Rect) -> list[tuple[int, int]]:
    """Top left corners to try for a plate, best first: on top of the box, under it, inside it, beside it."""
    x1, y1, x2, y2 = box
    rows = [(x, y) for y in (y1 - height, y2, y1, y2 - height) for x in (x1, x2 - width)]
    return [*rows, (x2, y1), (x1 - width, y1)]
