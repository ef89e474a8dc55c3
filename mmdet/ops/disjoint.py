"""Makes masks of one frame disjoint: a pixel goes to the object with the highest score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pycocotools import mask as coco_mask

from mmdet.errors import DataError
from mmdet.ops.rle import area, decode, encode
from mmdet.structures import RLE

__all__ = ['make_disjoint']


def make_disjoint(masks: Sequence[RLE], scores: Sequence[float]) -> list[RLE]:
    """N masks of one frame without common pixels; a mask may end up empty.

    Shared pixels go to the higher score, the earlier row on a tie. Masks that share nothing come back unchanged.

    Raises:
        DataError: there are not as many scores as masks, or the masks are of different sizes.
    """
    if len(masks) != len(scores):
        raise DataError(f'{len(masks)} masks, but {len(scores)} scores')
    if len({tuple(mask['size']) for mask in masks}) > 1:
        raise DataError(f'masks of different sizes: {sorted({tuple(mask["size"]) for mask in masks})}')
    found = list(masks)
    areas = area(found)
    if len(found) < 2 or int(coco_mask.area(coco_mask.merge(found))) == int(areas.sum()):
        return found
    owner = np.full(found[0]['size'], -1, np.int64)  # (H, W) row that a pixel belongs to
    for row in np.lexsort((-np.arange(len(found)), np.asarray(scores, np.float64))).tolist():
        owner[decode(found[row]) > 0] = row
    left = np.bincount(owner.ravel() + 1, minlength=len(found) + 1)[1:]
    return [mask if left[row] == areas[row] else encode(owner == row) for row, mask in enumerate(found)]
