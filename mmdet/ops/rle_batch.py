"""Run-length masks in bulk: checked on the way in, compared all pairs of a frame at once.

Single masks are :mod:`mmdet.ops.rle`'s business. Result files hold hundreds of thousands, so the common spelling
(compressed text) is checked here for all frames of a track together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from mmdet.errors import DataError
from mmdet.ops import rle_counts
from mmdet.ops.rle import area, normalise_rle
from mmdet.structures import RLE

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class MaskBatch:
    """Checked masks of one canvas size.

    Attributes:
        masks: N compressed masks; None where the input was None or bad.
        areas: (N,) pixels, 0 where there is no mask.
        problems: what is wrong with a bad mask, by its position.
    """

    masks: list[RLE | None]
    areas: IntArray
    problems: dict[int, str]


def inspect_masks(masks: Sequence[object], height: int, width: int) -> MaskBatch:
    """Read N masks of a ``height`` x ``width`` canvas in any spelling; bad ones are described, none raises.

    Accepted: None (no mask) and what :func:`mmdet.ops.rle.normalise_rle` takes. Frames must be below 2^29 pixels.
    """
    problems: dict[int, str] = {}
    texts: dict[int, bytes] = {}
    usual = {position: text for position, mask in enumerate(masks) if (text := _usual_text(mask, height, width))}
    if not rle_counts.all_well_formed(list(usual.values())):
        usual = {position: text for position, text in usual.items() if rle_counts.is_well_formed(text)}
    for position, mask in enumerate(masks):
        try:
            if mask is not None:
                text = usual.get(position) or normalise_rle(mask, height, width)['counts'].encode('ascii')
                texts[position] = text
        except DataError as error:
            problems[position] = str(error)
    found: list[RLE | None] = [None] * len(masks)
    areas = np.zeros(len(masks), np.int64)
    statistics = rle_counts.run_statistics(list(texts.values()))
    for (position, text), total, pixels, negative, split in zip(texts.items(), *(a.tolist() for a in statistics)):
        if negative or total != height * width:
            problems[position] = _description(masks[position], height, width)
            continue
        if split:  # the IoU in C stops early where two masks have an empty run at one place
            text = _without_empty_runs(text, height, width)
        found[position] = RLE(size=[height, width], counts=text.decode('ascii'))
        areas[position] = pixels
    return MaskBatch(found, areas, dict(sorted(problems.items())))


def check_masks(masks: Sequence[object], height: int, width: int, where: str) -> MaskBatch:
    """Like :func:`inspect_masks` for the T frames of a track, but the first bad mask is an error.

    Raises:
        DataError: the message begins with ``where`` (file, video, track) and names the frame.
    """
    batch = inspect_masks(masks, height, width)
    for frame, problem in batch.problems.items():
        raise DataError(f'{where}, frame {frame}: {problem}')
    return batch


def intersections(
    first: Sequence[RLE],
    second: Sequence[RLE],
    first_areas: IntArray | None = None,
    second_areas: IntArray | None = None,
) -> IntArray:
    """Pixels common to every pair of N and M checked masks of one frame, in one call: (N, M).

    The C code gives IoU = i / (a + b - i) in double precision, so i = IoU (a + b) / (1 + IoU). With areas below
    2^29 pixels the rounding error is below 1e-6 pixels: the integer is recovered exactly.

    Raises:
        DataError: the masks are not all of one size.
    """
    if not len(first) or not len(second):
        return np.zeros((len(first), len(second)), np.int64)
    iou = np.asarray(coco_mask.iou(list(first), list(second), [0] * len(second)), np.float64)
    if iou.min() < 0:  # the C code's answer to different sizes
        sizes = sorted({tuple(mask['size']) for mask in (*first, *second)})
        raise DataError(f'masks of one frame have different sizes (height, width): {sizes}')
    a = area(first) if first_areas is None else first_areas
    b = area(second) if second_areas is None else second_areas
    return np.rint(iou * (a[:, None] + b[None]) / (1 + iou)).astype(np.int64)


def _usual_text(mask: object, height: int, width: int) -> bytes | None:
    """Text of a compressed mask of the right size; None for anything else."""
    if not isinstance(mask, dict) or mask.get('size') != [height, width] or height * width >= rle_counts.MAX_PIXELS:
        return None
    counts = mask.get('counts')
    if isinstance(counts, str):
        return counts.encode() if counts.isascii() else None
    return counts if isinstance(counts, bytes) else None


def _description(mask: object, height: int, width: int) -> str:
    """What :func:`normalise_rle` says about a bad mask."""
    try:
        normalise_rle(mask, height, width)
    except DataError as error:
        return str(error)
    return f'mask does not fit a frame of {height} x {width}'


def _without_empty_runs(text: bytes, height: int, width: int) -> bytes:
    runs = rle_counts.join_runs(rle_counts.decode_counts(text))
    return coco_mask.frPyObjects({'size': [height, width], 'counts': runs.tolist()}, height, width)['counts']
