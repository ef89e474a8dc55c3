"""COCO run-length encoded masks: one checked form for every spelling found in annotation and result files.

Compiled mask code trusts its input, so a damaged string can read or write out of bounds. Here the runs of every mask
are parsed and added up in numpy first; only masks that cover their frame exactly reach the C functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from mmdet.errors import DataError
from mmdet.ops.rle_counts import join_runs
from mmdet.structures import RLE

__all__ = ['area', 'compact', 'decode', 'decode_all', 'encode', 'from_bboxes', 'normalise_rle', 'shift', 'to_bbox']

MAX_CHARS_PER_RUN = 7  # 5 bits each: more than any mask of less than 2**32 pixels needs
MASKS_AT_ONCE = 255  # pycocotools keeps the number of masks that it measures in one byte
POLYGON_MARGIN = 10  # corners further out than this many frame sizes are damage, and would take memory to rasterise


def normalise_rle(segmentation: Any, height: int, width: int, where: str = '') -> RLE:
    """Turn one mask of a file into a compressed RLE that is safe to decode.

    Args:
        segmentation: ``dict(size=[h, w], counts=...)`` with compressed (``str`` or ``bytes``) or uncompressed (list of
            run lengths) counts, or polygons: ``[[x1, y1, x2, y2, x3, y3, ...], ...]``, also one flat polygon.
        height: height of the frame in pixels.
        width: width of the frame in pixels.
        where: file, video, frame and annotation, put in front of every message.

    Raises:
        DataError: of another size than the frame, not decodable, or its runs do not add up to the frame.
    """
    prefix = f'{where}: ' if where else ''
    if isinstance(segmentation, dict):
        return _from_dict(segmentation, height, width, prefix)
    if isinstance(segmentation, (list, tuple)):
        return _from_polygons(segmentation, height, width, prefix)
    raise DataError(f'{prefix}a mask must be an RLE dict or a list of polygons, got {_short(segmentation)}')


def compact(segmentation: Any) -> Any:
    """The same mask as short text where it is an uncompressed RLE; anything else, damage too, as it is, unchecked."""
    if not isinstance(segmentation, dict) or not isinstance(segmentation.get('counts'), list):
        return segmentation
    try:
        height, width = segmentation['size']
        runs = _check_run_list(segmentation['counts'], '')
        if runs.size == 0 or runs.min() < 0 or runs.max() >= 2**31:
            return segmentation
        return _as_text(coco_mask.frPyObjects({'size': [height, width], 'counts': runs.tolist()}, height, width))
    except (DataError, KeyError, TypeError, ValueError, OverflowError):
        return segmentation  # whoever uses it gets the error with its place


def _from_dict(segmentation: dict, height: int, width: int, prefix: str) -> RLE:
    size, counts = segmentation.get('size'), segmentation.get('counts')
    if size is None or counts is None:
        raise DataError(f"{prefix}an RLE mask needs the keys 'size' and 'counts', got {sorted(map(str, segmentation))}")
    if not isinstance(size, (list, tuple)) or list(size) != [height, width]:
        raise DataError(
            f'{prefix}mask size [height, width] is {_short(size)} but the frame is [{height}, {width}]; '
            f'masks must be given in pixels of the original frame'
        )
    if isinstance(counts, (str, bytes)):
        text = counts if isinstance(counts, str) else counts.decode('latin-1')
        runs = _parse_runs(text, prefix)
        _check_runs(runs, height, width, prefix)
        if (runs[1:] > 0).all():
            return RLE(size=[int(height), int(width)], counts=text)
    else:
        runs = _check_run_list(counts, prefix)
        _check_runs(runs, height, width, prefix)
    runs = join_runs(runs)  # IoU and union in C stop early at an empty run
    encoded = coco_mask.frPyObjects({'size': [height, width], 'counts': runs.tolist()}, height, width)
    return _as_text(encoded)


def _check_run_list(counts: Any, prefix: str) -> np.ndarray:
    """Uncompressed counts as int64 (R,)."""
    try:
        runs = np.asarray(counts)
    except ValueError:
        runs = np.asarray('ragged')
    if runs.size == 0:
        return np.zeros(0, dtype=np.int64)
    if runs.ndim != 1 or runs.dtype.kind not in 'iuf' or not np.all(runs == np.floor(runs)):
        raise DataError(f'{prefix}RLE counts must be a string or a list of whole numbers, got {_short(counts)}')
    return runs.astype(np.int64)


def _parse_runs(text: str, prefix: str) -> np.ndarray:
    """Run lengths (R,) of a compressed string, without trusting it.

    COCO's text form: 6 bits per character from '0' on; 5 of data, low ones first, one that says 'more follows'; the
    top data bit of the last character is the sign. From the fourth run on, the difference to the run two places before
    is stored.
    """
    codes = np.frombuffer(text.encode('utf-8', 'replace'), dtype=np.uint8).astype(np.int64) - 48  # (C,)
    if codes.size == 0:
        return codes
    if codes.min() < 0 or codes.max() > 63:
        raise DataError(f'{prefix}RLE string holds characters that the COCO format does not use: {_short(text)}')
    ends = np.flatnonzero((codes & 32) == 0)
    if ends.size == 0 or ends[-1] != codes.size - 1:
        raise DataError(f'{prefix}RLE string is cut off: its last run is incomplete')
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > MAX_CHARS_PER_RUN:
        raise DataError(f'{prefix}RLE string holds a run that is longer than any mask')
    position = np.arange(codes.size) - np.repeat(starts, lengths)  # place of each character in its run
    values = np.add.reduceat((codes & 31) << (5 * position), starts)  # (R,)
    negative = (codes[ends] & 16) != 0
    values = values - (negative.astype(np.int64) << (5 * lengths))
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def _check_runs(runs: np.ndarray, height: int, width: int, prefix: str) -> None:
    if runs.size and runs.min() < 0:
        raise DataError(f'{prefix}RLE holds a negative run ({int(runs.min())}); the mask is damaged')
    covered = int(runs.sum())
    if covered != height * width:
        raise DataError(
            f'{prefix}RLE runs cover {covered} pixels but a frame of {height} x {width} has {height * width}; '
            f'the mask is damaged or was made for another size'
        )


def _from_polygons(polygons: Sequence, height: int, width: int, prefix: str) -> RLE:
    if polygons and not isinstance(polygons[0], (list, tuple)):
        polygons = [polygons]
    if not polygons:
        raise DataError(f'{prefix}the list of polygons is empty; use null for a frame without the object')
    limit = POLYGON_MARGIN * max(height, width)
    corners = []
    for index, polygon in enumerate(polygons):
        try:
            points = np.asarray(polygon, dtype=np.float64)
        except (TypeError, ValueError):
            points = np.zeros(0)
        if points.ndim != 1 or len(points) < 6 or len(points) % 2:
            raise DataError(f'{prefix}polygon {index} must be x, y pairs of at least 3 corners, got {_short(polygon)}')
        if not np.isfinite(points).all() or np.abs(points).max() > limit:
            raise DataError(f'{prefix}polygon {index} has corners far outside the frame of {height} x {width}')
        corners.append(points.tolist())
    return _as_text(coco_mask.merge(coco_mask.frPyObjects(corners, height, width)))


def _as_text(encoded: dict) -> RLE:
    counts = encoded['counts']
    text = counts.decode('ascii') if isinstance(counts, bytes) else counts
    return RLE(size=[int(encoded['size'][0]), int(encoded['size'][1])], counts=text)


def _short(value: Any, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + '...'


def decode(rle: RLE) -> np.ndarray:
    """Mask (H, W) uint8 0/1 of an RLE that :func:`normalise_rle` or this package made."""
    return coco_mask.decode(rle)


def decode_all(rles: Sequence[RLE], height: int, width: int) -> np.ndarray:
    """Masks (N, H, W) uint8 0/1; N = 0 gives (0, H, W)."""
    masks = np.empty((len(rles), height, width), dtype=np.uint8)
    for mask, rle in zip(masks, rles):
        cv2.transpose(coco_mask.decode(rle).T, mask)  # decoded column by column; five times faster than assigning
    return masks


def encode(mask: np.ndarray) -> RLE:
    """Encode one mask (H, W) of any number or bool type; pixels other than 0 belong to it."""
    return _as_text(coco_mask.encode(np.asfortranarray(mask != 0, dtype=np.uint8)))


def from_bboxes(bboxes: np.ndarray, height: int, width: int) -> list[RLE]:
    """Rectangles of boxes (N, 4) x1 y1 x2 y2, edges rounded to whole pixels and cut at the frame's border."""
    edges = np.clip(np.rint(np.asarray(bboxes, np.float64).reshape(-1, 4)), 0, [width, height, width, height])
    edges[:, 2:] -= edges[:, :2]
    if not len(edges):
        return []
    return [_as_text(encoded) for encoded in coco_mask.frPyObjects(edges, height, width)]


def shift(rle: RLE, right: int, down: int) -> RLE:
    """The mask moved by whole pixels in its frame; what leaves the frame is cut off."""
    if right == 0 and down == 0:
        return rle
    mask, (height, width) = decode(rle), rle['size']
    moved = np.zeros_like(mask)
    if abs(right) < width and abs(down) < height:
        rows, columns = _moved_span(down, height), _moved_span(right, width)
        moved[rows[1], columns[1]] = mask[rows[0], columns[0]]
    return encode(moved)


def _moved_span(step: int, length: int) -> tuple[slice, slice]:
    """What stays inside along one axis: where it was and where it comes to lie."""
    start, stop = max(step, 0), min(length + step, length)
    return slice(start - step, stop - step), slice(start, stop)


def area(rles: Sequence[RLE]) -> np.ndarray:
    """Pixels of each mask: (N,) int64."""
    rles = list(rles)
    parts = [coco_mask.area(rles[i : i + MASKS_AT_ONCE]) for i in range(0, len(rles), MASKS_AT_ONCE)]
    return np.concatenate([np.zeros(0, np.int64), *parts]).astype(np.int64)


def to_bbox(rles: Sequence[RLE]) -> np.ndarray:
    """Tight boxes x, y, width, height of each mask: (N, 4) float64; empty masks give zeros."""
    return np.asarray(coco_mask.toBbox(list(rles)), dtype=np.float64).reshape(-1, 4)
