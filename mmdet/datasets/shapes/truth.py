"""What an annotator would write down about a rendered frame: visible masks, boxes, areas and occlusion levels.

Occlusion levels have OVIS's names. Its paper gives no thresholds; here they follow the hidden share of the pixels that
the object would have inside the frame if nothing stood before it, so being cut by the frame's border does not count:

===================  ===========================
no_occlusion         at most 5 % hidden
slight_occlusion     more than 5 % and at most 50 %
severe_occlusion     more than 50 %
null                 not annotated in this frame
===================  ===========================
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdet.datasets.schema import OCCLUSION_LEVELS
from mmdet.datasets.shapes.render import Frame

SLIGHT_FROM = 0.05  # hidden share above which an object counts as occluded
SEVERE_FROM = 0.5


class SeenObject(NamedTuple):
    """One object in one frame."""

    mask: NDArray[np.bool_]  # (H, W) its visible pixels
    area: int  # number of visible pixels
    bbox: list[float]  # x, y, width, height of the visible pixels
    occlusion: str  # one of OCCLUSION_LEVELS


def seen_objects(frame: Frame, min_area: int) -> list[SeenObject | None]:
    """Each object of the video as it is seen in ``frame``, (N,); None where fewer than ``min_area`` pixels are."""
    areas = np.bincount(frame.ids.ravel(), minlength=len(frame.full_areas) + 1)[1:]
    seen: list[SeenObject | None] = []
    for number, (area, full_area) in enumerate(zip(areas.tolist(), frame.full_areas.tolist(), strict=True)):
        if area < min_area:
            seen.append(None)
            continue
        mask = frame.ids == number + 1
        seen.append(SeenObject(mask, area, tight_box(mask), occlusion_level(area, full_area)))
    return seen


def occlusion_level(visible: int, full: int) -> str:
    """OVIS level of an object of which ``visible`` out of ``full`` pixels inside the frame are seen."""
    hidden = 1 - visible / full
    return OCCLUSION_LEVELS[(hidden > SLIGHT_FROM) + (hidden > SEVERE_FROM)]


def tight_box(mask: NDArray[np.bool_]) -> list[float]:
    """x, y, width, height of the smallest box around a mask (H, W) that is not empty."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    x, y = columns[0], rows[0]
    return [float(v) for v in (x, y, columns[-1] + 1 - x, rows[-1] + 1 - y)]


def uncompressed_rle(mask: NDArray[np.bool_]) -> dict[str, list[int]]:
    """RLE of (H, W) as the YouTube-VIS and OVIS files hold it: run lengths down the columns, first of zeros."""
    flat = mask.ravel(order='F')
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(changes, prepend=0, append=flat.size).tolist()
    return {'counts': [0, *runs] if flat[0] else runs, 'size': [int(n) for n in mask.shape]}


def label_map(frame: Frame, min_area: int, labels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """(H, W) with ``labels[k]`` where object k is seen and 0 elsewhere, also for what is too small to be annotated."""
    areas = np.bincount(frame.ids.ravel(), minlength=len(labels) + 1)[1:]
    table = np.concatenate([[0], np.where(areas >= min_area, labels, 0)]).astype(np.uint16)
    return table[frame.ids]
