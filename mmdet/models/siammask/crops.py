"""Square cuts of a frame around a target, as the original cuts them: whole pixels, filled up with one colour."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (H, W, 3)


def context_side(size: NDArray[np.float64], context_amount: float) -> NDArray[np.float64]:
    """Sides (...,) of the squares that show targets of (..., 2) width and height with their surroundings in a template.

    sqrt((w + p)(h + p)) with p = context_amount * (w + h), SiamFC (arXiv 1606.09549).
    """
    padding = context_amount * size.sum(-1, keepdims=True)
    return np.sqrt((size + padding).prod(-1))


def mean_colour(image: Image) -> Image:
    """(3,) mean of an image, truncated to whole numbers; what lies outside the frame is filled with it."""
    pixels = image.shape[0] * image.shape[1]
    return (image.sum((0, 1), dtype=np.int64) // pixels).astype(np.uint8)


def square_crop(image: Image, centre: NDArray[np.float64], side: int, size: int, colour: Image) -> Image:
    """The square of ``side`` pixels around ``centre``, resized to (size, size, 3).

    Its first pixel is round(centre - (side + 1) / 2), rounding halves to even.

    Args:
        image: (H, W, 3).
        centre: x, y.
        side: of the square in pixels of the image.
        size: of the result.
        colour: (3,) of pixels outside the image.
    """
    left, top = (round(float(c) - (side + 1) / 2) for c in centre)
    height, width = image.shape[:2]
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + side, width), min(top + side, height)
    if (x1, y1, x2, y2) == (left, top, left + side, top + side):
        cut = image[y1:y2, x1:x2]
    else:
        cut = np.empty((side, side, 3), np.uint8)
        cut[:] = colour
        if x2 > x1 and y2 > y1:
            cut[y1 - top : y2 - top, x1 - left : x2 - left] = image[y1:y2, x1:x2]
    return cut if side == size else cv2.resize(cut, (size, size), interpolation=cv2.INTER_LINEAR)
