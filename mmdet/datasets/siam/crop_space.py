"""The square around an object in which training pairs are cut, of 511 pixels, and pictures taken out of it.

An object of w x h pixels is seen in a template of 127 pixels with half its mean side around it (SiamFC, arXiv
1606.09549); the square of 511 pixels shows four times as much at the same scale, so that there is room to shift and
scale. The square may exist as a file or only as a mapping to a frame; pictures are taken out of both in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

CROP_SIZE = 511  # side of the square in pixels
TEMPLATE_SIZE = 127
CONTEXT = 0.5  # of width plus height, added to both
CENTRE = (CROP_SIZE - 1) / 2

Image = NDArray[np.uint8]  # (H, W, 3) RGB or (H, W) mask
Window = NDArray[np.float64]  # (4,) x1 y1 x2 y2: middles of the first and the last pixel, in pixels of the square


def template_side(width: float, height: float) -> float:
    """Side in pixels of the frame of what a template shows: sqrt((w + p)(h + p)), p = (w + h) / 2."""
    padding = CONTEXT * (width + height)
    return float(np.sqrt((width + padding) * (height + padding)))


def size_in_crop(width: float, height: float) -> NDArray[np.float64]:
    """(2,) width and height of the object in pixels of the square."""
    return np.array([width, height]) * (TEMPLATE_SIZE / template_side(width, height))


@dataclass(frozen=True)
class CropView:
    """One object in one frame: an image, and where in it the square around the object lies.

    Attributes:
        image: (H, W, 3) RGB.
        mask: (H, W), 0 or ``mask_value``; None where the object's outline is not known.
        origin: (2,) x, y in the image of the middle of the square's first pixel.
        step: pixels of the image per pixel of the square; 1 where the image is the square.
        size: (2,) of the object in pixels of the square, in whose middle it is.
        mask_value: of the object's pixels.
        video_id, frame_id, path: where it is from, for messages.
    """

    image: Image
    mask: Image | None
    origin: NDArray[np.float64]
    step: float
    size: NDArray[np.float64]
    mask_value: int = 255
    video_id: int = 0
    frame_id: int = 0
    path: str = ''

    @classmethod
    def around(
        cls,
        image: Image,
        mask: Image | None,
        bbox: NDArray[np.floating],
        mask_value: int = 1,
        video_id: int = 0,
        frame_id: int = 0,
        path: str = '',
    ) -> CropView:
        """The square around a box (4,) x1 y1 x2 y2 of a frame: its corners are the middles of the corner pixels."""
        x1, y1, x2, y2 = (float(value) for value in bbox)
        side = template_side(x2 - x1, y2 - y1) * CROP_SIZE / TEMPLATE_SIZE
        origin = np.array([(x1 + x2) / 2, (y1 + y2) / 2]) - side / 2
        size = size_in_crop(x2 - x1, y2 - y1)
        step = side / (CROP_SIZE - 1)
        return cls(image, mask, origin, step, size, mask_value, video_id, frame_id, path)

    @property
    def box(self) -> NDArray[np.float64]:
        """(4,) x1 y1 x2 y2 of the object in pixels of the square."""
        return np.concatenate([CENTRE - self.size / 2, CENTRE + self.size / 2])

    @cached_property
    def colour(self) -> tuple[float, ...]:
        """Mean of the image, which fills what lies outside it."""
        return cv2.mean(self.image)[:3]

    def picture(self, window: Window, size: int) -> Image:
        """A window of the square as (size, size, 3), bilinear."""
        matrix, inside = self._mapping(window, size)
        border = (0.0, 0.0, 0.0) if inside else self.colour
        return self._warp(self.image, matrix, size, border)

    def outline(self, window: Window, size: int) -> Image | None:
        """(size, size) 0 or 1 uint8 of the mask in a window of the square; None where it is not known."""
        if self.mask is None:
            return None
        matrix, _ = self._mapping(window, size)
        grey = self.mask if self.mask_value == 255 else self.mask * np.uint8(255)
        return (self._warp(grey, matrix, size, (0.0,)) > 127).astype(np.uint8)

    def _mapping(self, window: Window, size: int) -> tuple[NDArray[np.float64], bool]:
        """Affine map (2, 3) from the picture's pixels to the image's, and whether all it reads is inside."""
        factors = self.step * (window[2:] - window[:2]) / (size - 1)
        first = self.origin + self.step * window[:2]
        last = first + factors * (size - 1)
        height, width = self.image.shape[:2]
        inside = bool((first >= 0).all() and last[0] <= width - 1 and last[1] <= height - 1)
        return np.array([[factors[0], 0, first[0]], [0, factors[1], first[1]]]), inside

    @staticmethod
    def _warp(image: Image, matrix: NDArray[np.float64], size: int, border: tuple[float, ...]) -> Image:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        warped = cv2.warpAffine(
            image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=border
        )
        return np.asarray(warped, dtype=np.uint8)


def box_in_window(box: NDArray[np.float64], window: Window, size: int) -> NDArray[np.float64]:
    """A box (4,) of the square in pixels of a picture of ``size`` pixels that shows a window of it."""
    factors = (size - 1) / (window[2:] - window[:2])
    return (box - np.tile(window[:2], 2)) * np.tile(factors, 2)
