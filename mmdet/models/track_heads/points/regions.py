"""Pixels of instances and of the windows around them, for all instances of a frame at once.

Nothing here is a loop over instances or an array of the windows' size: an instance is the sorted list of its pixels,
and the k-th pixel of a window that is *not* in that list is found by a binary search in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmdet.geometry import CONTEXT_ENLARGEMENT, enlarge_boxes


@dataclass(frozen=True)
class Regions:
    """Where the points of N instances of one frame can be drawn; K pixels in all.

    Attributes:
        rows, columns: (K,) pixels of the instances, instance by instance, each in reading order.
        counts: (N,) pixels of each instance.
        bboxes: (N, 4) int x1 y1 x2 y2 around each mask, right and bottom exclusive; zeros for an empty mask.
        windows: (N, 4) int, the boxes enlarged and cut at the frame's border.
    """

    rows: Tensor
    columns: Tensor
    counts: Tensor
    bboxes: Tensor
    windows: Tensor

    @property
    def starts(self) -> Tensor:
        """(N,) place of each instance's first pixel in ``rows``."""
        return self.counts.cumsum(0) - self.counts

    @property
    def context_counts(self) -> Tensor:
        """(N,) pixels of each window that do not belong to its instance."""
        x1, y1, x2, y2 = self.windows.unbind(1)
        return (x2 - x1) * (y2 - y1) - self.counts

    def means(self) -> Tensor:
        """(N, 2) float32 mean row and column of each instance's pixels; 0 for an empty mask."""
        places = torch.stack([self.rows, self.columns], 1)
        sums = torch.cat([places.new_zeros(1, 2), places.cumsum(0)])  # whole numbers: the order of adding is no matter
        ends = self.counts.cumsum(0)
        return ((sums[ends] - sums[self.starts]).double() / self.counts.clamp(min=1)[:, None]).float()

    def context_pixels(self, draws: Tensor) -> tuple[Tensor, Tensor]:
        """Rows and columns (N, C) of the ``draws``-th (N, C) pixels of the windows outside of the instances.

        Pixels count in reading order from 0; N >= 1. Where a window has no such pixel, the result means nothing.
        """
        x1, y1, x2, y2 = self.windows.unbind(1)
        width, starts = (x2 - x1).clamp(min=1), self.starts
        owners = torch.arange(len(self.counts), device=starts.device)
        owner = owners.repeat_interleave(self.counts, output_size=len(self.rows))  # told, a GPU need not be asked
        place = (self.rows - y1[owner]) * width[owner] + self.columns - x1[owner]  # in the window, reading order
        free_before = place - torch.arange(len(place), device=place.device) + starts[owner]
        # The k-th free pixel lies behind every own pixel with at most k free ones before it. One search serves all
        # instances, because each has a range of numbers of its own.
        span = ((x2 - x1) * (y2 - y1)).amax() + 2
        shift = torch.arange(len(self.counts), device=starts.device) * span
        passed = torch.searchsorted(free_before + shift[owner], draws + shift[:, None], right=True) - starts[:, None]
        position = draws + passed
        return y1[:, None] + position // width[:, None], x1[:, None] + position % width[:, None]


def find_regions(
    masks: Tensor, compat: bool = False, frame: tuple[float, float, float, float] | None = None
) -> Regions:
    """Pixels, boxes and windows of (N, H, W) bool masks.

    Args:
        masks: masks at one size.
        compat: cut windows as PointTrack's published program does when it tracks: where a window ends at the frame's
            border, its last row or column is lost, and pixels of the instance with it. An instance that would lose
            all of its pixels keeps them.
        frame: x, y, width, height: where the masks lie in their frame, in their pixels; None: they are all of it.
    """
    height, width = masks.shape[1:]
    owner, rows, columns = _pixels(masks)
    counts = _count(owner, len(masks))
    bboxes = _bounding_boxes(owner, rows, columns, counts)
    windows = enlarge_boxes(bboxes, CONTEXT_ENLARGEMENT, (height, width))
    if not compat:
        return Regions(rows, columns, counts, bboxes, windows)
    x, y, frame_width, frame_height = frame or (0, 0, width, height)
    end = min(height, int(frame_height - y) - 1), min(width, int(frame_width - x) - 1)
    cut = enlarge_boxes(bboxes, CONTEXT_ENLARGEMENT, end)
    survives = _count(owner[_inside(rows, columns, cut[owner])], len(masks)) > 0
    windows = torch.where(survives[:, None], cut, windows)
    inside = _inside(rows, columns, windows[owner])
    counts = _count(owner[inside], len(masks))
    return Regions(rows[inside], columns[inside], counts, bboxes, windows)


def _pixels(masks: Tensor) -> tuple[Tensor, ...]:
    """Instance, row and column (K,) of every pixel of (N, H, W) masks, in that order."""
    if masks.device.type != 'cpu':
        return masks.nonzero().unbind(1)
    flat = torch.from_numpy(np.flatnonzero(masks.numpy()))  # skips empty stretches: several times as fast
    height, width = masks.shape[1:]
    return flat // (height * width), flat // width % height, flat % width


def _count(owner: Tensor, instances: int) -> Tensor:
    """How often each instance appears in ``owner``, (N,). bincount would ask a GPU for the largest."""
    return owner.new_zeros(instances).scatter_add_(0, owner, torch.ones_like(owner))


def _bounding_boxes(owner: Tensor, rows: Tensor, columns: Tensor, counts: Tensor) -> Tensor:
    empty = counts == 0
    places = torch.stack([columns, rows], 1)
    index = owner[:, None].expand_as(places)
    zeros = places.new_zeros(len(counts), 2)
    low = zeros.scatter_reduce(0, index, places, 'amin', include_self=False)
    high = zeros.scatter_reduce(0, index, places, 'amax', include_self=False) + 1
    return torch.where(empty[:, None], 0, torch.cat([low, high], 1))


def _inside(rows: Tensor, columns: Tensor, windows: Tensor) -> Tensor:
    x1, y1, x2, y2 = windows.unbind(1)
    return (rows >= y1) & (rows < y2) & (columns >= x1) & (columns < x2)
