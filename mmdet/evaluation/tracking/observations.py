"""Boxes or masks of a sequence with frame, identity and class, and the overlaps between two sets of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from mmdet.errors import DataError
from mmdet.evaluation.tracking.scene import FloatArray, IntArray
from mmdet.formats import IGNORE, BoxTable, MaskTable
from mmdet.ops.mask_runs import MaskSet, common_pixels
from mmdet.ops.rle_batch import intersections

ANY_CLASS = -1  # class of a region that excuses results of every class
PAIRS_AT_ONCE = 2_000_000  # bounds the memory of comparing boxes: some 200 MB
Pairs = tuple[IntArray, IntArray, FloatArray]


class Role(IntEnum):
    """What a true object does: it is to be found, excuses results, or only takes part in the matching that excuses."""

    COUNTED = 0
    EXCUSES = 1
    BYSTANDER = 2


@dataclass(frozen=True)
class Observations:
    """N objects seen in a sequence, in any order.

    Attributes:
        frames: (N,) from 0.
        ids: (N,) identities.
        class_ids: (N,) class, :data:`ANY_CLASS` for regions that excuse results of every class.
        shapes: boxes (N, 4) float64 x1 y1 x2 y2, or N masks of one size.
        areas: (N,) in pixels.
        roles: (N,) of :class:`Role`; results are all ``COUNTED``.
    """

    frames: IntArray
    ids: IntArray
    class_ids: IntArray
    shapes: FloatArray | MaskSet
    areas: FloatArray
    roles: IntArray

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def of_boxes(
        cls, frames: IntArray, ids: IntArray, class_ids: IntArray, bboxes: FloatArray, roles: IntArray | None = None
    ) -> Observations:
        """From boxes (N, 4) x1 y1 x2 y2."""
        bboxes = np.asarray(bboxes, np.float64).reshape(-1, 4)
        areas = (bboxes[:, 2] - bboxes[:, 0]) * (bboxes[:, 3] - bboxes[:, 1])
        return cls(frames, ids, class_ids, bboxes, areas, np.zeros(len(frames), np.int64) if roles is None else roles)

    @classmethod
    def of_box_table(cls, table: BoxTable, roles: IntArray | None = None) -> Observations:
        """From a MOTChallenge or KITTI file."""
        return cls.of_boxes(table.frames, table.ids, table.class_ids, table.bboxes, roles)

    @classmethod
    def of_mask_table(cls, table: MaskTable) -> Observations:
        """From a MOTS file; regions to be ignored excuse results of every class."""
        regions = table.class_ids == IGNORE
        class_ids = np.where(regions, ANY_CLASS, table.class_ids)
        roles = np.where(regions, Role.EXCUSES, Role.COUNTED).astype(np.int64)
        return cls(table.frames, table.ids, class_ids, table.masks, table.masks.areas.astype(np.float64), roles)

    def take(self, rows: NDArray) -> Observations:
        """The rows that ``rows`` (bool or indices) names."""
        chosen = np.arange(len(self))[rows]
        shapes = self.shapes
        return Observations(
            self.frames[chosen],
            self.ids[chosen],
            self.class_ids[chosen],
            shapes[chosen] if isinstance(shapes, np.ndarray) else shapes.take(chosen),
            self.areas[chosen],
            self.roles[chosen],
        )


def overlap_pairs(first: Observations, second: Observations) -> Pairs:
    """Rows of N and M objects of one frame that overlap, and their intersection over union: three (P,).

    Raises:
        DataError: one side has boxes and the other masks, or masks of one frame have different sizes.
    """
    if not len(first) or not len(second):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    if isinstance(first.shapes, np.ndarray) and isinstance(second.shapes, np.ndarray):
        return _box_pairs(first, second)
    if isinstance(first.shapes, MaskSet) and isinstance(second.shapes, MaskSet):
        if first.shapes.size != second.shapes.size:
            sizes = f'{first.shapes.size} and {second.shapes.size}'
            raise DataError(f'masks of ground truth and results have different sizes (height, width): {sizes}')
        rows, columns, common = _common_mask_pixels(first, second)
        return rows, columns, common / (first.areas[rows] + second.areas[columns] - common)
    raise DataError('ground truth and results must both be boxes or both be masks')


def covered_share(objects: Observations, regions: Observations) -> FloatArray:
    """Share (N,) of an object's own area in the regions of its frame: in one of them for boxes, in all for masks."""
    shares = np.zeros(len(objects))
    if not len(objects) or not len(regions):
        return shares
    if isinstance(objects.shapes, np.ndarray) and isinstance(regions.shapes, np.ndarray):
        for rows, columns in _candidates(objects.frames, regions.frames):
            common = _intersections(objects.shapes[rows], regions.shapes[columns])
            np.maximum.at(shares, rows, common / np.maximum(objects.areas[rows], 1e-12))
    elif isinstance(objects.shapes, MaskSet) and isinstance(regions.shapes, MaskSet):
        for some, inside in _same_frame(objects.frames, regions.frames):
            region = coco_mask.merge(regions.shapes.rles(inside))
            shares[some] = np.asarray(coco_mask.iou(objects.shapes.rles(some), [region], [1]), np.float64)[:, 0]
    return shares


def _box_pairs(first: Observations, second: Observations) -> Pairs:
    boxes1, boxes2 = np.asarray(first.shapes), np.asarray(second.shapes)
    found: list[Pairs] = []
    for rows, columns in _candidates(first.frames, second.frames):
        common = _intersections(boxes1[rows], boxes2[columns])
        hit = common > 0
        rows, columns, common = rows[hit], columns[hit], common[hit]
        found.append((rows, columns, common / (first.areas[rows] + second.areas[columns] - common)))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    rows, columns, values = (np.concatenate(column) for column in zip(*found))
    return rows, columns, values


def _intersections(boxes1: FloatArray, boxes2: FloatArray) -> FloatArray:
    """Common area (P,) of boxes (P, 4) and (P, 4)."""
    width = np.minimum(boxes1[:, 2], boxes2[:, 2]) - np.maximum(boxes1[:, 0], boxes2[:, 0])
    height = np.minimum(boxes1[:, 3], boxes2[:, 3]) - np.maximum(boxes1[:, 1], boxes2[:, 1])
    return np.maximum(width, 0) * np.maximum(height, 0)


def _candidates(frames1: IntArray, frames2: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """All pairs of rows of the same frame, in blocks of bounded size."""
    order = np.argsort(frames2, kind='stable')
    starts, stops = (np.searchsorted(frames2[order], frames1, side) for side in ('left', 'right'))
    counts = stops - starts  # (N,) partners of each row
    ends = np.cumsum(counts)
    blocks = np.searchsorted(ends, np.arange(PAIRS_AT_ONCE, ends[-1] + PAIRS_AT_ONCE, PAIRS_AT_ONCE), 'right')
    for low, high in zip([0, *blocks.tolist()], [*blocks.tolist(), len(frames1)]):
        rows = np.repeat(np.arange(low, high), counts[low:high])
        if len(rows):
            place = np.arange(len(rows)) - np.repeat(np.cumsum(counts[low:high]) - counts[low:high], counts[low:high])
            yield rows, order[starts[rows] + place]


def _same_frame(frames1: IntArray, frames2: IntArray) -> Iterator[tuple[list[int], list[int]]]:
    """Rows of both sides for every frame that both have."""
    groups1, groups2 = _by_frame(frames1), _by_frame(frames2)
    for frame in groups1.keys() & groups2.keys():
        yield groups1[frame], groups2[frame]


def _by_frame(frames: IntArray) -> dict[int, list[int]]:
    order = np.argsort(frames, kind='stable')
    starts = np.flatnonzero(np.diff(frames[order], prepend=-1))
    rows, bounds = order.tolist(), [*starts.tolist(), len(order)]
    return {frame: rows[a:b] for frame, a, b in zip(frames[order][starts].tolist(), bounds, bounds[1:])}


def _common_mask_pixels(first: Observations, second: Observations) -> tuple[IntArray, IntArray, IntArray]:
    """Pairs of masks of one frame that share pixels, and how many: three (P,)."""
    masks1, masks2 = first.shapes, second.shapes
    assert isinstance(masks1, MaskSet) and isinstance(masks2, MaskSet)  # for the type checker; see the caller
    if masks1.runs is not None and masks2.runs is not None:
        return common_pixels(masks1.runs, masks2.runs, (len(first), len(second)))
    parts = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for rows, columns in _same_frame(first.frames, second.frames):
        areas = masks1.areas[rows], masks2.areas[columns]
        common = intersections(masks1.rles(rows), masks2.rles(columns), *areas)
        i, j = np.nonzero(common)
        parts.append((np.array(rows)[i], np.array(columns)[j], common[i, j]))
    i, j, common = (np.concatenate(column) for column in zip(*parts))
    return i, j, common
