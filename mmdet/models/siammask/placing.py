"""Masks from the square that they were predicted for into the frame, and the rotated box around them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdet.ops.mask_paste import encode_region
from mmdet.structures import RLE

FloatArray = NDArray[np.float32]
OUTSIDE = -1.0  # value of frame pixels that the mask does not reach


@dataclass
class PlacedMask:
    """Mask values in the part of a frame that the mask touches; everywhere else they are -1.

    Attributes:
        values: (h, w) float32, probabilities, and between -1 and them on the rim; 2 where a mask was given.
        region: x1 y1 x2 y2 of that part, right and bottom exclusive; empty where the mask lies outside the frame.
    """

    values: FloatArray
    region: tuple[int, int, int, int]

    def dense(self, height: int, width: int) -> FloatArray:
        """(H, W) values of the whole frame."""
        full = np.full((height, width), OUTSIDE, np.float32)
        x1, y1, x2, y2 = self.region
        full[y1:y2, x1:x2] = self.values
        return full


def place(mask: FloatArray, left: float, top: float, side: float, height: int, width: int) -> PlacedMask:
    """Stretch a mask over a square of the frame, bilinearly, working inside that square only.

    As the original program (OpenCV 4): the scale from mask to frame has a factor (W - 1) / W, and positions in the mask
    are rounded to 1/32. Written out because OpenCV's own rounding changes with its version, and results with it.

    Args:
        mask: (S, S) float32.
        left, top, side: the square in pixels of the frame.
        height, width: of the frame.
    """
    size = len(mask)
    columns = _Axis.between(left, side, size, width)
    rows = _Axis.between(top, side, size, height)
    if not len(columns.tap) or not len(rows.tap):
        return PlacedMask(np.empty((0, 0), np.float32), (0, 0, 0, 0))
    padded = np.pad(mask, 2, constant_values=OUTSIDE).astype(np.float32, copy=False)
    lines = padded[rows.tap] * (1 - rows.part)[:, None] + padded[rows.tap + 1] * rows.part[:, None]  # (h, S + 4)
    values = lines[:, columns.tap] * (1 - columns.part) + lines[:, columns.tap + 1] * columns.part  # (h, w)
    x, y = columns.first, rows.first
    return PlacedMask(values.astype(np.float32, copy=False), (x, y, x + values.shape[1], y + values.shape[0]))


@dataclass(frozen=True)
class _Axis:
    """Where the pixels of a line of the frame fall on a line of a mask with two cells of border on both ends.

    Attributes:
        first: pixel of the frame that the rest begins with.
        tap: (n,) cell before the position.
        part: (n,) float32 weight of the cell after it.
    """

    first: int
    tap: NDArray[np.int64]
    part: FloatArray

    @classmethod
    def between(cls, start: float, side: float, size: int, length: int) -> _Axis:
        """Pixels that a mask of ``size`` cells can reach, stretched over ``side`` pixels from ``start`` on.

        Args:
            start, side: in pixels of the frame.
            size: cells of the mask.
            length: of the frame in pixels.
        """
        shrink = (length - 1) / length
        scale, shift = shrink * side / size, shrink * start  # pixel = scale * cell + shift
        first = max(math.floor(shift - scale), 0)
        last = min(math.ceil(shift + size * scale) + 1, length)
        pixels = np.arange(first, max(last, first))
        fixed = np.rint(pixels / scale * 1024).astype(np.int64) + int(np.rint(-shift / scale * 1024))
        position = (fixed + 16) >> 5  # in 1/32
        low = np.clip(position >> 5, -2, size)
        return cls(first, low + 2, ((position & 31) / np.float32(32)).astype(np.float32))


def whole_frame(mask: NDArray[np.bool_]) -> PlacedMask:
    """A given mask (H, W) in the form of a predicted one: 2 on the object, more than any prediction, -1 elsewhere."""
    height, width = mask.shape
    return PlacedMask(np.where(mask, np.float32(2), np.float32(OUTSIDE)), (0, 0, width, height))


def filled_box(corners: FloatArray, height: int, width: int) -> PlacedMask:
    """The mask of a model that makes none: all pixels whose middle lies in an upright box with ``corners`` (4, 2)."""
    low, high = (np.round(corner).astype(int) for corner in (corners[0], corners[2]))
    x1, y1 = max(int(low[0]), 0), max(int(low[1]), 0)
    x2, y2 = max(min(int(high[0]), width), x1), max(min(int(high[1]), height), y1)
    return PlacedMask(np.ones((y2 - y1, x2 - x1), np.float32), (x1, y1, x2, y2))


def resolve_overlaps(placed: list[PlacedMask], height: int, width: int) -> None:
    """Leave every pixel to the object with the highest value there, the first of equals; changes ``placed``."""
    best = np.full((height, width), OUTSIDE, np.float32)
    owner = np.full((height, width), -1, np.int32)
    for index, mask in enumerate(placed):
        x1, y1, x2, y2 = mask.region
        part = best[y1:y2, x1:x2]
        higher = mask.values > part
        part[higher] = mask.values[higher]
        owner[y1:y2, x1:x2][higher] = index
    for index, mask in enumerate(placed):
        x1, y1, x2, y2 = mask.region
        mask.values = np.where(owner[y1:y2, x1:x2] == index, mask.values, np.float32(OUTSIDE))


def rotated_box(bitmap: NDArray[np.bool_], offset: tuple[int, int], min_area: float) -> FloatArray | None:
    """Corners (4, 2) x, y of the smallest rectangle around the largest part of a mask; None where that is too small.

    Args:
        bitmap: (h, w).
        offset: x, y of its first pixel in the frame.
        min_area: the part's outline must enclose more pixels than this.
    """
    contours, _ = cv2.findContours(
        bitmap.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=offset
    )
    areas = [cv2.contourArea(contour) for contour in contours]
    if not areas or max(areas) <= min_area:
        return None
    largest = contours[int(np.argmax(areas))]
    return cv2.boxPoints(cv2.minAreaRect(largest))


def upright_corners(centre: NDArray[np.float64], size: NDArray[np.float64]) -> FloatArray:
    """Corners (4, 2) of an upright box: top left, top right, bottom right, bottom left."""
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    return (centre + signs * size / 2).astype(np.float32)


def encode_placed(mask: PlacedMask, threshold: float, canvas: tuple[int, int]) -> RLE:
    """Run lengths of the pixels whose value is greater than ``threshold``, at frame size (H, W)."""
    return encode_region(mask.values > threshold, mask.region, canvas)
