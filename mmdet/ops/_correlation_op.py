"""The two operators behind :func:`mmdet.ops.correlation.correlation`, as autograd and ``torch.compile`` see them.

``mmdet::correlation_volume`` multiplies single pixels; ``mmdet::correlation_volume_gradient`` is its gradient for one
of the inputs. Their ``geometry`` is patch rows, patch columns, the steps of both and the index of the window in
`WINDOWS`; ``backend`` is one of `BACKENDS`, or empty for the fastest that runs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mmdet.ops import _correlation_torch as plain
from mmdet.ops import _native

WINDOWS = ('centred', 'cuda')
BACKENDS = ('torch', 'cpp', 'cuda')
LOW_PRECISION = (torch.float16, torch.bfloat16)

_VOLUME = '(Tensor input1, Tensor input2, int[] geometry, str backend) -> Tensor'
_GRADIENT = '(Tensor grad, Tensor other, int[] geometry, bool mirrored, str backend) -> Tensor'


def first_shift(patch: int, step: int, window: int) -> int:
    """Displacement of patch index 0, in pixels; ``window`` is an index into `WINDOWS`."""
    # The same two formulas stand in csrc/correlation_geometry.h.
    return -(step * (patch - 1) // 2) if window == WINDOWS.index('cuda') else -((patch - 1) // 2) * step


@torch.library.custom_op('mmdet::correlation_volume', mutates_args=(), schema=_VOLUME)
def _volume(input1: Tensor, input2: Tensor, geometry: list[int], backend: str) -> Tensor:
    """Single-pixel products: (B, C, H, W) twice -> (B, patch rows, patch columns, H, W)."""
    if input1.numel() == 0:
        return _empty_volume(input1, geometry).zero_()
    backend = _choose(backend, input1)
    left, right = _prepare(backend, input1), _prepare(backend, input2)
    if backend == 'torch':
        with torch.autocast(input1.device.type, enabled=False):
            return plain.volume(left, right, *_axes(input1, geometry)).to(input1.dtype)
    result = _empty_volume(left, geometry).zero_()
    torch.ops.mmdet_native.correlation_forward(left, right, result, geometry)
    return result.to(input1.dtype)


@torch.library.custom_op('mmdet::correlation_volume_gradient', mutates_args=(), schema=_GRADIENT)
def _gradient(grad: Tensor, other: Tensor, geometry: list[int], mirrored: bool, backend: str) -> Tensor:
    """Gradient for input 1, ``other`` being input 2, or mirrored: for input 2, ``other`` being input 1."""
    if other.numel() == 0:
        return torch.zeros_like(other, memory_format=torch.contiguous_format)
    backend = _choose(backend, other)
    weights, values = _prepare(backend, grad), _prepare(backend, other)
    if backend == 'torch':
        with torch.autocast(other.device.type, enabled=False):
            return plain.gradient(weights, values, *_axes(other, geometry), mirrored).to(other.dtype)
    result = torch.empty_like(values)
    torch.ops.mmdet_native.correlation_gradient(weights, values, result, geometry, mirrored)
    return result.to(other.dtype)


def _empty_volume(maps: Tensor, geometry: list[int]) -> Tensor:
    return maps.new_empty(maps.shape[0], geometry[0], geometry[1], maps.shape[2], maps.shape[3])


def _axes(maps: Tensor, geometry: list[int]) -> tuple[plain.Axis, plain.Axis]:
    patch_h, patch_w, step_h, step_w, window = geometry
    rows = plain.Axis(maps.shape[2], patch_h, step_h, first_shift(patch_h, step_h, window))
    return rows, plain.Axis(maps.shape[3], patch_w, step_w, first_shift(patch_w, step_w, window))


def _choose(wish: str, maps: Tensor) -> str:
    """Name of the back end to run on these maps."""
    libraries = {'cpu': ('cpp', _native.cpu_library), 'cuda': ('cuda', _native.cuda_library)}
    if wish == 'torch' or (not wish and maps.device.type not in libraries):
        return 'torch'
    name, library = libraries.get(maps.device.type, ('torch', _native.cpu_library))
    if wish not in ('', name):
        raise ValueError(f'correlation: back end {wish!r} does not run on tensors on {maps.device}')
    if library().loaded:
        return name
    if wish:
        raise RuntimeError(f'correlation: back end {wish!r} does not run here: {library().note}')
    return 'torch'


def _prepare(backend: str, tensor: Tensor) -> Tensor:
    """Contiguous, and in float32 where the back end has no kernels for lower precision."""
    wide = tensor if backend == 'cuda' or tensor.dtype not in LOW_PRECISION else tensor.float()
    return wide.contiguous()


@_volume.register_fake
def _volume_fake(input1: Tensor, input2: Tensor, geometry: list[int], backend: str) -> Tensor:
    return _empty_volume(input1, geometry)


@_gradient.register_fake
def _gradient_fake(grad: Tensor, other: Tensor, geometry: list[int], mirrored: bool, backend: str) -> Tensor:
    return torch.empty_like(other, memory_format=torch.contiguous_format)


def _keep_volume(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    input1, input2, ctx.geometry, ctx.backend = inputs
    ctx.save_for_backward(input1, input2)


def _volume_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
    input1, input2 = ctx.saved_tensors
    run = torch.ops.mmdet.correlation_volume_gradient
    grad1 = run(grad, input2, ctx.geometry, False, ctx.backend) if ctx.needs_input_grad[0] else None
    grad2 = run(grad, input1, ctx.geometry, True, ctx.backend) if ctx.needs_input_grad[1] else None
    return grad1, grad2, None, None


def _keep_gradient(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    grad, other, ctx.geometry, ctx.mirrored, ctx.backend = inputs
    ctx.save_for_backward(grad, other)


def _gradient_backward(ctx: Any, upper: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
    # The volume is linear in either input, so its second derivatives are the same two operators.
    grad, other = ctx.saved_tensors
    maps = (other, upper) if ctx.mirrored else (upper, other)
    volume, gradient = torch.ops.mmdet.correlation_volume, torch.ops.mmdet.correlation_volume_gradient
    of_grad = volume(*maps, ctx.geometry, ctx.backend) if ctx.needs_input_grad[0] else None
    of_other = gradient(grad, upper, ctx.geometry, not ctx.mirrored, ctx.backend) if ctx.needs_input_grad[1] else None
    return of_grad, of_other, None, None, None


_volume.register_autograd(_volume_backward, setup_context=_keep_volume)
_gradient.register_autograd(_gradient_backward, setup_context=_keep_gradient)
