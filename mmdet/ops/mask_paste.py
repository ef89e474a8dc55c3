"""From 28 x 28 probabilities to run-length masks at frame size, working inside each box only.

Two paste rules exist. ``modern`` samples the grid bilinearly at pixel centres of the sub-pixel box, with zeros outside
the grid (detectron2, mmdetection >= 2). ``legacy`` truncates the box to integers and resizes the grid onto it with
clamped edges (mmdetection 0.x, the original MaskTrack R-CNN).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from torch import Tensor

from mmdet.structures import RLE, RoIMasks

FloatArray = NDArray[np.float32]

DENSE_AT_ONCE = 32  # masks that are resampled together on a device, as 32-bit numbers of frame size


def _bilinear_taps(positions: FloatArray, size: int, clamp: bool) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    """Left tap index and the two weights of each sample position on a grid of ``size`` cells: 3 x (P,).

    ``clamp`` repeats the edge cells; otherwise taps outside the grid weigh nothing.
    """
    low = np.floor(positions).astype(np.int64)
    high_weight = (positions - low).astype(np.float32)
    low_weight = 1 - high_weight
    if not clamp:
        low_weight = low_weight * ((low >= 0) & (low < size))
        high_weight = high_weight * ((low + 1 >= 0) & (low + 1 < size))
    return low, low_weight, high_weight


def _resample(grid: FloatArray, ys: FloatArray, xs: FloatArray, clamp: bool) -> FloatArray:
    """Values (len(ys), len(xs)) of ``grid`` (S, S) at fractional cell indices."""
    size = len(grid)
    low, low_weight, high_weight = _bilinear_taps(ys, size, clamp)
    first, second = grid[low.clip(0, size - 1)], grid[(low + 1).clip(0, size - 1)]
    rows = first * low_weight[:, None] + second * high_weight[:, None]  # (len(ys), S)
    low, low_weight, high_weight = _bilinear_taps(xs, size, clamp)
    return rows[:, low.clip(0, size - 1)] * low_weight + rows[:, (low + 1).clip(0, size - 1)] * high_weight


def _paste_region(box: FloatArray, canvas: tuple[int, int], legacy: bool) -> tuple[int, int, int, int]:
    """Pixel window ``x1 y1 x2 y2`` (exclusive) that the pasted mask can touch."""
    height, width = canvas
    if legacy:
        x1, y1 = int(box[0]), int(box[1])
        x2, y2 = int(box[2] - 1) + 1, int(box[3] - 1) + 1  # truncation acts on inclusive corners
        x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
    else:
        x1, y1, x2, y2 = (int(v) for v in (*np.floor(box[:2] - 1), *np.ceil(box[2:] + 1)))
    return max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)


def _mask_in_region(grid: FloatArray, box: FloatArray, region: tuple[int, int, int, int], rule: RoIMasks) -> NDArray:
    """Bool mask (h, w) of the region's pixels."""
    x1, y1, x2, y2 = region
    size = len(grid)
    if rule.legacy:
        left, top = int(box[0]), int(box[1])
        span_x, span_y = max(int(box[2] - 1) - left + 1, 1), max(int(box[3] - 1) - top + 1, 1)
    else:
        left, top = box[0], box[1]
        span_x, span_y = box[2] - box[0], box[3] - box[1]
    xs = (np.arange(x1, x2, dtype=np.float32) + 0.5 - left) * (size / span_x) - 0.5
    ys = (np.arange(y1, y2, dtype=np.float32) + 0.5 - top) * (size / span_y) - 0.5
    return _resample(grid, ys, xs, clamp=rule.legacy) > rule.threshold


def encode_region(mask: NDArray, region: tuple[int, int, int, int], canvas: tuple[int, int]) -> RLE:
    """Run lengths of a region's mask on the whole canvas, without building the canvas."""
    height, width = canvas
    x1, y1, _, y2 = region
    if not mask.any():
        counts = [height * width]
    else:
        columns = np.zeros((mask.shape[1], mask.shape[0] + 2), bool)  # a gap on both sides ends every run
        columns[:, 1:-1] = mask.T
        edges = np.flatnonzero(columns[:, 1:] != columns[:, :-1])
        column, row = np.divmod(edges, mask.shape[0] + 1)
        position = (x1 + column) * height + y1 + row
        if y1 == 0 and y2 == height:  # runs that touch across columns are one run
            joined = np.flatnonzero(position[1:-1:2] == position[2::2])
            position = np.delete(position, np.concatenate([2 * joined + 1, 2 * joined + 2]))
        counts = np.diff(np.concatenate([[0], position, [height * width]])).tolist()
        if counts[-1] == 0:  # the codec's canonical form has no empty last run
            counts.pop()
    rle = coco_mask.frPyObjects({'size': [height, width], 'counts': counts}, height, width)
    return RLE(size=[height, width], counts=rle['counts'].decode('ascii'))


def _each_mask(masks: RoIMasks) -> list[tuple[NDArray, tuple[int, int, int, int]]]:
    grids = masks.probabilities.float().cpu().numpy()
    boxes = masks.bboxes.float().cpu().numpy()
    pasted = []
    for grid, box in zip(grids, boxes):
        region = _paste_region(box, masks.canvas, masks.legacy)
        if region[2] <= region[0] or region[3] <= region[1] or not (box[2:] > box[:2]).all():
            pasted.append((np.zeros((0, 0), bool), (0, 0, 0, 0)))
        else:
            pasted.append((_mask_in_region(grid, box, region, masks), region))
    return pasted


def paste_to_rle(masks: RoIMasks) -> list[RLE]:
    """COCO RLE of every mask at canvas size, N of them. Boxes outside the canvas give empty masks."""
    return [encode_region(mask, region, masks.canvas) for mask, region in _each_mask(masks)]


def paste_dense(masks: RoIMasks) -> Tensor:
    """(N, H, W) bool masks at canvas size, on the device of ``masks``."""
    if masks.probabilities.device.type != 'cpu':
        return paste_on_device(masks)
    dense = np.zeros((len(masks), *masks.canvas), bool)
    for row, (mask, (x1, y1, x2, y2)) in zip(dense, _each_mask(masks)):
        row[y1:y2, x1:x2] = mask
    return torch.from_numpy(dense)


def paste_on_device(masks: RoIMasks) -> Tensor:
    """(N, H, W) bool masks without a detour over the host; a pixel at the threshold may differ by rounding.

    Bilinear resampling is separable: a matrix of row weights times the grid times a matrix of column weights.
    """
    grids, boxes = masks.probabilities.float(), masks.bboxes.float()
    height, width = masks.canvas
    columns = _axis_weights(boxes[:, [0, 2]], width, grids.shape[-1], masks.legacy)  # (N, W, S)
    rows = _axis_weights(boxes[:, [1, 3]], height, grids.shape[-1], masks.legacy)  # (N, H, S)
    sound = (boxes[:, 2:] > boxes[:, :2]).all(1)
    dense = torch.zeros(len(grids), height, width, dtype=torch.bool, device=grids.device)
    for start in range(0, len(grids), DENSE_AT_ONCE):
        part = slice(start, start + DENSE_AT_ONCE)
        dense[part] = rows[part] @ grids[part] @ columns[part].mT > masks.threshold
    return dense & sound[:, None, None]


def _axis_weights(ends: Tensor, size: int, cells: int, legacy: bool) -> Tensor:
    """Weights (N, size, S) of the grid's cells in every pixel of one axis, for boxes from ``ends[:, 0]`` to [:, 1]."""
    if legacy:
        low = ends[:, :1].trunc()
        high = torch.maximum((ends[:, 1:] - 1).trunc() + 1, low + 1)
        first, last = low, high
    else:
        low, high = ends[:, :1], ends[:, 1:]
        first, last = (low - 1).floor(), (high + 1).ceil()
    pixels = torch.arange(size, device=ends.device, dtype=torch.float32)
    positions = (pixels + 0.5 - low) * (cells / (high - low)) - 0.5  # (N, size)
    if legacy:
        positions = positions.clamp(0, cells - 1)
    distance = (positions[..., None] - torch.arange(cells, device=ends.device)).abs()
    inside = (pixels >= first) & (pixels < last)
    return (1 - distance).clamp(min=0).nan_to_num(0.0) * inside[..., None]
