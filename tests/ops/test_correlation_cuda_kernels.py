"""The CUDA kernels without a GPU: run thread by thread on the CPU, and compiled for several architectures."""

from __future__ import annotations

import ctypes
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mmdet.ops.correlation import correlation
from mmdet.ops.csrc import build


@pytest.fixture(scope='module')
def emulator(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    target = tmp_path_factory.mktemp('emulator') / 'emulator.so'
    try:
        compiler = shlex.split(build.cxx())
    except build.CannotBuild as reason:
        pytest.skip(str(reason))
    flags = ['-O1', '-std=c++20', '-fPIC', '-shared', '-pthread', '-Wno-unknown-pragmas', f'-I{build.SOURCES}']
    source = repo_root / 'tests' / 'ops' / 'cuda_on_cpu.cpp'
    done = subprocess.run([*compiler, *flags, str(source), '-o', str(target)], capture_output=True, text=True)
    if done.returncode != 0 and '<barrier>' in done.stderr:
        pytest.skip(f'{compiler[0]} has no std::barrier')
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(target))


def call(function: Callable[..., None], *tensors: Tensor, geometry: list[int]) -> None:
    pointers = [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]
    function(*pointers, (ctypes.c_longlong * len(geometry))(*geometry))


@pytest.mark.parametrize(('dtype', 'limit'), [(torch.float64, 1e-11), (torch.float32, 1e-4)], ids=['double', 'float'])
@pytest.mark.parametrize('window', ['centred', 'cuda'])
@pytest.mark.parametrize(
    ('shape', 'patch', 'step'),
    [
        pytest.param((1, 9, 6, 35), (16, 16), (2, 2), id='patch 16, two apart'),
        pytest.param((2, 3, 7, 5), (5, 3), (1, 3), id='small'),
        pytest.param((1, 20, 3, 4), (2, 20), (1, 1), id='patch wider than the map'),
        pytest.param((1, 2, 13, 40), (18, 4), (3, 34), id='windows that do not overlap'),
        pytest.param((1, 1, 1, 1), (4, 4), (7, 1), id='one pixel'),
    ],
)
def test_kernels_on_the_cpu(
    emulator: ctypes.CDLL,
    shape: tuple[int, ...],
    patch: tuple[int, int],
    step: tuple[int, int],
    window: str,
    dtype: torch.dtype,
    limit: float,
) -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(shape, dtype=torch.float64, generator=generator) for _ in range(2))
    options = dict(patch_size=patch, dilation_patch=step, window=window, backend='torch')
    expected = correlation(first.requires_grad_(), second.requires_grad_(), **options)
    weight = torch.randn(expected.shape, dtype=torch.float64, generator=generator)
    wanted = torch.autograd.grad(expected, (first, second), weight)
    geometry = [*shape, *patch, *step, int(window == 'cuda')]
    volume = torch.zeros_like(expected, dtype=dtype)
    maps = [tensor.detach().to(dtype) for tensor in (first, second)]
    grads = [torch.full_like(tensor, torch.nan) for tensor in maps]
    kind = 'double' if dtype == torch.float64 else 'float'
    forward, backward = (emulator[f'{name}_{kind}'] for name in ('forward', 'backward'))
    call(forward, *maps, volume, geometry=geometry)
    call(backward, weight.to(dtype), *maps, *grads, geometry=geometry)
    torch.testing.assert_close(volume.double(), expected.detach(), rtol=0, atol=limit)
    torch.testing.assert_close([grad.double() for grad in grads], list(wanted), rtol=0, atol=limit)


@pytest.mark.slow
@pytest.mark.parametrize('arch', ['75', '80', '90'])
def test_kernels_compile(arch: str, tmp_path: Path) -> None:
    try:
        nvcc = build.find_nvcc()
    except build.CannotBuild as reason:
        pytest.skip(str(reason))
    known = subprocess.run([nvcc, '--list-gpu-code'], capture_output=True, text=True).stdout.split()
    if f'sm_{arch}' not in known:
        pytest.skip(f'{nvcc} does not know sm_{arch}')
    build.compile_kernels(nvcc, [arch], tmp_path / 'kernels.o')
    assert (tmp_path / 'kernels.o').stat().st_size > 0
