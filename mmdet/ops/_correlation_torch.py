"""The correlation volume and its gradients in plain PyTorch, for every device and without a compiler.

For one row of the first map and one displaced row of the second, the products of a block of columns with all columns
that they can meet are one small matrix product; the cells of the volume are its diagonals. That computes up to four
times the products asked for, and is still three to four times faster than multiplying and summing whole shifted maps.
On a GPU the products follow ``torch.backends.cuda.matmul`` (TensorFloat-32 only where the user allowed it).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_BLOCK = 32  # columns; wider blocks waste more products, narrower ones keep the matrix product from its full speed


@dataclass(frozen=True)
class Axis:
    """Rows or columns of a map: ``size`` pixels and ``patch`` displacements ``first``, ``first + step``, ..."""

    size: int
    patch: int
    step: int
    first: int

    def shift(self, index: int) -> int:
        """Displacement of a patch index, in pixels."""
        return self.first + index * self.step

    @property
    def useful(self) -> range:
        """Patch indices whose displacement keeps at least one pixel inside the map."""
        indices = [i for i in range(self.patch) if abs(self.shift(i)) < self.size]
        return range(indices[0], indices[-1] + 1) if indices else range(0)


def volume(input1: Tensor, input2: Tensor, rows: Axis, cols: Axis) -> Tensor:
    """(B, patch rows, patch columns, H, W) sums over channels of two (B, C, H, W) maps; zero outside of the map."""
    batch, _, height, width = input1.shape
    result = input1.new_zeros(batch, rows.patch, cols.patch, height, width)
    if not cols.useful:
        return result
    left = _as_rows(input1)
    right = _as_rows(_pad(input2, cols)).transpose(1, 2).contiguous()  # (H * B, C, padded W)
    used = slice(cols.useful.start, cols.useful.stop)
    for here, there in _column_blocks(cols):
        for i, y, source in _row_pairs(rows, batch):
            products = torch.bmm(left[y, here], right[source, :, there])
            band = _diagonals(products, cols).unflatten(0, (-1, batch))  # (rows, B, patch columns, columns)
            result[:, i, used, y.start // batch : y.stop // batch, here] = band.permute(1, 2, 0, 3)
    return result


def gradient(grad: Tensor, other: Tensor, rows: Axis, cols: Axis, mirrored: bool) -> Tensor:
    """Gradient (B, C, H, W) of ``(grad * volume).sum()`` for input 1, ``other`` being input 2, or mirrored."""
    batch, channels, height, width = other.shape
    result = other.new_zeros(height * batch, _padded_width(cols) if mirrored else width, channels)
    source_map = _as_rows(other if mirrored else _pad(other, cols))
    used = slice(cols.useful.start, cols.useful.stop)
    for here, there in _column_blocks(cols) if cols.useful else ():
        weights = grad.new_zeros(height * batch, here.stop - here.start, there.stop - there.start)
        for i, y, source in _row_pairs(rows, batch):
            weight = weights[: y.stop - y.start]  # zero but for the diagonals, which every turn overwrites
            band = grad[:, i, used, y.start // batch : y.stop // batch, here].permute(2, 0, 1, 3)
            _diagonals(weight, cols).unflatten(0, (-1, batch)).copy_(band)
            if mirrored:
                result[source, there] += torch.bmm(weight.transpose(1, 2), source_map[y, here])
            else:
                result[y, here] += torch.bmm(weight, source_map[source, there])
    if mirrored:
        result = result[:, _lead(cols) : _lead(cols) + width]
    return result.view(height, batch, width, channels).permute(1, 3, 0, 2).contiguous()


def _as_rows(maps: Tensor) -> Tensor:
    """(B, C, H, W) -> (H * B, W, C), so that a range of rows of all samples is one slice."""
    return maps.permute(2, 0, 3, 1).contiguous().flatten(0, 1)


def _lead(cols: Axis) -> int:
    return max(0, -cols.shift(cols.useful[0])) if cols.useful else 0


def _padded_width(cols: Axis) -> int:
    return _lead(cols) + cols.size + (max(0, cols.shift(cols.useful[-1])) if cols.useful else 0)


def _pad(maps: Tensor, cols: Axis) -> Tensor:
    return F.pad(maps, (_lead(cols), _padded_width(cols) - _lead(cols) - cols.size)) if cols.useful else maps


def _column_blocks(cols: Axis) -> Iterator[tuple[slice, slice]]:
    """Blocks of columns of the first map, and the columns of the padded second one that they can meet."""
    first = _lead(cols) + cols.shift(cols.useful[0])
    reach = (len(cols.useful) - 1) * cols.step
    for start in range(0, cols.size, _BLOCK):
        stop = min(start + _BLOCK, cols.size)
        yield slice(start, stop), slice(start + first, stop + first + reach)


def _row_pairs(rows: Axis, batch: int) -> Iterator[tuple[int, slice, slice]]:
    """Patch rows, with the (row, sample) pairs of the first map that have a partner and those partners."""
    for i in rows.useful:
        shift = rows.shift(i)
        begin, end = max(0, -shift), rows.size - max(0, shift)
        yield i, slice(begin * batch, end * batch), slice((begin + shift) * batch, (end + shift) * batch)


def _diagonals(products: Tensor, cols: Axis) -> Tensor:
    """View (N, patch columns, columns) of the cells in (N, columns, partner columns)."""
    n, width, _ = products.shape
    strides = (products.stride(0), cols.step, products.stride(1) + 1)
    return products.as_strided((n, len(cols.useful), width), strides, products.storage_offset())
