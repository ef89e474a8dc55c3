"""Where N targets are looked for in a frame, and where what is found there lies in the frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdet.models.siammask.crops import Image, context_side, square_crop
from mmdet.models.siammask.options import TrackingOptions
from mmdet.models.siammask.target import Target

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CropGeometry:
    """Sizes that a model was trained with, in pixels.

    Attributes:
        template: side of a template.
        search: side of a search crop.
        stride: between cells of the response map.
        window: side of the window that a mask of one cell shows.
    """

    template: int = 127
    search: int = 255
    stride: int = 8
    window: int = 127


@dataclass(frozen=True)
class SearchArea:
    """Squares of a frame in which N targets are looked for.

    Attributes:
        centres, sizes: (N, 2) of the targets before this frame.
        scales: (N,) pixels of the crop per pixel of the frame, by which boxes are scaled back.
        sides: (N,) of the squares in whole pixels of the frame, by which masks are scaled back.
        geometry: of the crops.
    """

    centres: Floats
    sizes: Floats
    scales: Floats
    sides: NDArray[np.int64]
    geometry: CropGeometry

    @classmethod
    def around(cls, targets: list[Target], geometry: CropGeometry, context_amount: float) -> SearchArea:
        """Squares around where the targets were last."""
        centres = np.stack([target.centre for target in targets])
        sizes = np.stack([target.size for target in targets])
        template_sides = context_side(sizes, context_amount)  # (N,)
        sides = np.round(template_sides * geometry.search / geometry.template).astype(np.int64)  # halves to even
        return cls(centres, sizes, geometry.template / template_sides, np.maximum(sides, 1), geometry)

    @property
    def sizes_in_crop(self) -> Floats:
        """(N, 2) sizes of the targets in pixels of the crop."""
        return self.sizes * self.scales[:, None]

    def crops(self, image: Image, targets: list[Target]) -> Image:
        """(N, S, S, 3) search crops of an (H, W, 3) frame."""
        side = self.geometry.search
        rows = zip(self.centres, self.sides, targets)
        return np.stack([square_crop(image, centre, int(s), side, target.colour) for centre, s, target in rows])

    def moved(
        self, boxes: Floats, scores: Floats, penalties: Floats, options: TrackingOptions
    ) -> tuple[Floats, Floats]:
        """New centres and sizes (N, 2), not limited to the frame; the size follows slowly, the position at once.

        Args:
            boxes: (N, 4) chosen boxes relative to the middle of the crop, in its pixels.
            scores, penalties: (N,) of the chosen anchors.
            options: ``lr`` is used.
        """
        found = boxes / self.scales[:, None]
        rate = (penalties * scores * options.lr)[:, None]
        return self.centres + found[:, :2], self.sizes * (1 - rate) + found[:, 2:] * rate

    def mask_squares(self, rows: NDArray[np.int64], columns: NDArray[np.int64], cells: int) -> Floats:
        """Squares (N, 3) left, top, side in the frame that the masks of the given cells show."""
        geometry, scale = self.geometry, self.sides / self.geometry.search
        middle = (geometry.search - geometry.window) / 2
        cell = np.stack([columns, rows], 1) - (cells - 1) / 2
        corners = self.centres - self.sides[:, None] / 2 + (cell * geometry.stride + middle) * scale[:, None]
        return np.concatenate([corners, (geometry.window * scale)[:, None]], 1)

    def crop_squares(self) -> Floats:
        """Squares (N, 3) left, top, side in the frame that the crops show."""
        corners = self.centres - self.sides[:, None] / 2
        return np.concatenate([corners, self.sides[:, None].astype(np.float64)], 1)


def limited_to_frame(
    centre: Floats, size: Floats, height: int, width: int, min_size: float
) -> tuple[Floats, Floats]:
    """Centre inside the frame, and a size between ``min_size`` and that of the frame."""
    canvas = np.array([width, height], dtype=np.float64)
    return np.clip(centre, 0, canvas), np.maximum(np.minimum(size, canvas), min_size)
