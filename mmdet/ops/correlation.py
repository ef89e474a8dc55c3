"""Correlation of two feature maps over a window of displacements, the operator behind CMaskTrack R-CNN's calibration.

Three back ends give equal results: plain PyTorch, C++ for the CPU and CUDA C++ (``compile.sh`` builds the last two).
All of them compute the volume of single-pixel products at every position; larger kernels, strides and padding are sums
over that volume, and are done here once for all.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmdet.ops._correlation_op import BACKENDS, LOW_PRECISION, WINDOWS, first_shift

_FARTHEST = 2**24  # pixels; keeps the kernels' index arithmetic inside 32 bits

_Pair = tuple[int, int]
Pair = int | _Pair


def correlation(
    input1: Tensor,
    input2: Tensor,
    kernel_size: Pair = 1,
    patch_size: Pair = 1,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    dilation_patch: Pair = 1,
    window: str = 'centred',
    backend: str | None = None,
) -> Tensor:
    """Scalar products of every position of ``input1`` with the positions of ``input2`` in a window around it.

    ``out[b, i, j, y, x]`` is the sum over channels and kernel cells (u, v) of ``input1`` at row
    ``y * stride - padding + u * dilation`` (columns alike) times ``input2`` at the same position displaced by
    ``(shift(i), shift(j))``. A product with either position outside of the map counts zero; nothing is divided by the
    number of channels or kernel cells. Numbers are one integer for rows and columns, or a (rows, columns) pair.

    With an odd patch the displacements are ``-r * dilation_patch ... r * dilation_patch``. An even patch has no middle,
    and the two programs of the original operator (Pytorch-Correlation-extension) disagree on it; ``window`` chooses:

    * ``'centred'``: ``(i - floor((patch - 1) / 2)) * dilation_patch``, the original's CPU program. Patch 16 with
      dilation 2 reaches -14, -12, ..., 0, ..., 16.
    * ``'cuda'``: ``i * dilation_patch - floor(dilation_patch * (patch - 1) / 2)``, the forward pass of the original's
      CUDA program. Patch 16 with dilation 2 reaches -15, -13, ..., 15 and never 0. **Released CMaskTrack R-CNN
      weights need this one.**

    The gradient always belongs to the window of the forward pass (the original's CUDA program mixed the two).

    float16 and bfloat16 are summed in float32 and returned as they came; under autocast they are widened to float32
    first, as autocast does for other sums. Differentiable twice; `torch.compile` takes it as one operator. A stride
    greater than 1 saves no time or memory in between, as all positions are computed first.

    Args:
        input1: (B, C, H, W) floating point, of any strides.
        input2: (B, C, H, W), same type and device.
        kernel_size: cells of the window that is compared, from its upper left corner.
        patch_size: displacements.
        stride: step between output positions, in pixels.
        padding: pixels of zeros around both maps.
        dilation: step between kernel cells, in pixels.
        dilation_patch: step between displacements, in pixels.
        window: where an even patch lies, see above.
        backend: ``'torch'``, ``'cpp'`` or ``'cuda'``; the fastest that runs on the inputs' device where None.

    Returns:
        (B, patch rows, patch columns, oH, oW), where
        oH = (H + 2 * padding - (kernel_size - 1) * dilation - 1) // stride + 1.

    Raises:
        ValueError: shapes, devices or numbers do not fit together.
        TypeError: inputs are no floating point tensors of one type.
        RuntimeError: the back end asked for does not run here.
    """
    input1, input2 = _autocast(input1), _autocast(input2)
    _check_inputs(input1, input2)
    kernel, patch = _pair('kernel_size', kernel_size, 1), _pair('patch_size', patch_size, 1)
    steps, margin = _pair('stride', stride, 1), _pair('padding', padding, 0)
    spread, patch_steps = _pair('dilation', dilation, 1), _pair('dilation_patch', dilation_patch, 1)
    _check_extent(input1, kernel, spread, margin)
    _check_choice('window', window, WINDOWS)
    _check_choice('backend', backend or BACKENDS[0], BACKENDS)
    if max(p * q for p, q in zip(patch, patch_steps)) > _FARTHEST:
        window_size = f'{patch} * {patch_steps}'
        raise ValueError(f'correlation: patch_size * dilation_patch must not exceed {_FARTHEST}, got {window_size}')
    single = kernel == (1, 1)
    maps = (input1, input2) if single or input1.dtype not in LOW_PRECISION else (input1.float(), input2.float())
    geometry = [*patch, *patch_steps, WINDOWS.index(window)]
    volume: Tensor = torch.ops.mmdet.correlation_volume(*maps, geometry, backend or '')
    if not single or steps != (1, 1) or margin != (0, 0):
        volume = _sum_kernel(volume, kernel, steps, margin, spread)
    return volume.to(input1.dtype)


def displacements(patch_size: int, dilation_patch: int = 1, window: str = 'centred') -> list[int]:
    """Displacements in pixels along one axis of the window that :func:`correlation` looks at."""
    _check_choice('window', window, WINDOWS)
    first = first_shift(patch_size, dilation_patch, WINDOWS.index(window))
    return [first + i * dilation_patch for i in range(patch_size)]


def _sum_kernel(volume: Tensor, kernel: _Pair, stride: _Pair, padding: _Pair, dilation: _Pair) -> Tensor:
    """Sums a full-resolution volume over the kernel cells, rows first and then columns."""
    volume = F.pad(volume, (padding[1], padding[1], padding[0], padding[0]))
    for axis in (0, 1):
        dim = axis - 2
        extent = (kernel[axis] - 1) * dilation[axis] + 1
        count = (volume.shape[dim] - extent) // stride[axis] + 1
        cells = []
        for k in range(kernel[axis]):
            begin = k * dilation[axis]
            cut = slice(begin, begin + (count - 1) * stride[axis] + 1, stride[axis])
            cells.append(volume[..., cut, :] if axis == 0 else volume[..., cut])
        volume = cells[0]
        for cell in cells[1:]:
            volume = volume + cell
    return volume.contiguous()


def _autocast(tensor: Tensor) -> Tensor:
    """Widens a low-precision tensor where autocast is on."""
    low = isinstance(tensor, Tensor) and tensor.dtype in LOW_PRECISION
    able = low and torch.amp.is_autocast_available(tensor.device.type)  # a meta tensor has no autocast to ask for
    return tensor.float() if able and torch.is_autocast_enabled(tensor.device.type) else tensor


def _check_inputs(input1: Tensor, input2: Tensor) -> None:
    for name, tensor in (('input1', input1), ('input2', input2)):
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            found = getattr(tensor, 'dtype', type(tensor))
            raise TypeError(f'correlation: {name} must be a floating point tensor, got {found}')
        if tensor.ndim != 4:
            raise ValueError(f'correlation: {name} must be (B, C, H, W), got shape {tuple(tensor.shape)}')
    if input1.shape != input2.shape:
        shapes = f'{tuple(input1.shape)} and {tuple(input2.shape)}'
        raise ValueError(f'correlation: both inputs must have the same shape, got {shapes}')
    if input1.device != input2.device:
        raise ValueError(f'correlation: both inputs must be on one device, got {input1.device} and {input2.device}')
    if input1.dtype != input2.dtype:
        raise TypeError(f'correlation: both inputs must have one type, got {input1.dtype} and {input2.dtype}')


def _check_extent(maps: Tensor, kernel: _Pair, dilation: _Pair, padding: _Pair) -> None:
    for axis, name in enumerate(('high', 'wide')):
        size, extent = maps.shape[axis + 2] + 2 * padding[axis], (kernel[axis] - 1) * dilation[axis] + 1
        if extent > size:
            raise ValueError(f'correlation: the kernel is {extent} pixels {name}, but the padded input only {size}')


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f'correlation: {name} must be one of {", ".join(choices)}, got {value!r}')


def _pair(name: str, value: Pair, least: int) -> _Pair:
    pair = (value, value) if isinstance(value, int) else value
    fits = isinstance(pair, (tuple, list)) and len(pair) == 2 and all(isinstance(v, int) and v >= least for v in pair)
    if not fits:
        raise ValueError(f'correlation: {name} must be an integer >= {least} or a (rows, columns) pair, got {value!r}')
    return pair[0], pair[1]
