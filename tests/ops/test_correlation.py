"""Correlation: hand-drawn cells, the definition written out as oracle, and the back ends against each other."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmdet.ops import _native
from mmdet.ops.correlation import correlation, displacements
from mmdet.ops.csrc import build


@pytest.fixture(params=['torch', 'cpp'])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == 'cpp' and not _native.cpu_library().loaded:
        reason = f'C++ kernels: {_native.cpu_library().note}'
        pytest.fail(reason) if os.environ.get('CI') == 'true' else pytest.skip(reason)
    return request.param


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def by_definition(
    input1: Tensor, input2: Tensor, kernel_size=1, patch_size=1, stride=1, padding=0, dilation=1, dilation_patch=1,
    window='centred',
) -> Tensor:
    """Every output cell from its formula, on maps with so many zeros around them that no index leaves them."""
    (kh, kw), (ph, pw), (sh, sw) = pair(kernel_size), pair(patch_size), pair(stride)
    (mh, mw), (dh, dw), (qh, qw) = pair(padding), pair(dilation), pair(dilation_patch)
    batch, _, height, width = input1.shape
    out_h = (height + 2 * mh - (kh - 1) * dh - 1) // sh + 1
    out_w = (width + 2 * mw - (kw - 1) * dw - 1) // sw + 1
    shift = {
        'centred': lambda i, p, q: (i - (p - 1) // 2) * q,
        'cuda': lambda i, p, q: i * q - q * (p - 1) // 2,
    }[window]
    far = max(ph * qh + mh, pw * qw + mw) + max(height, width)
    wide1, wide2 = (F.pad(maps, (far, far, far, far)) for maps in (input1, input2))
    cells = []
    for i in range(ph):
        for j in range(pw):
            for y in range(out_h):
                for x in range(out_w):
                    top, left = far + y * sh - mh, far + x * sw - mw
                    down, right = top + shift(i, ph, qh), left + shift(j, pw, qw)
                    a = wide1[..., top : top + (kh - 1) * dh + 1 : dh, left : left + (kw - 1) * dw + 1 : dw]
                    b = wide2[..., down : down + (kh - 1) * dh + 1 : dh, right : right + (kw - 1) * dw + 1 : dw]
                    cells.append((a * b).sum((1, 2, 3)))
    return torch.stack(cells, 1).view(batch, ph, pw, out_h, out_w)


def maps(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    first, second = (torch.randn(shape, dtype=torch.float64, generator=generator).to(dtype) for _ in range(2))
    return first.requires_grad_(), second.requires_grad_()


COUNTING = torch.arange(16.0).view(1, 1, 4, 4)
ONES = torch.ones(1, 1, 4, 4)


@pytest.mark.parametrize(
    ('step', 'cell', 'expected'),
    [
        pytest.param(1, (0, 0), [[0, 0, 0], [0, 0, 1], [0, 4, 5]], id='corner'),
        pytest.param(1, (1, 1), [[0, 1, 2], [4, 5, 6], [8, 9, 10]], id='middle'),
        pytest.param(2, (0, 0), [[0, 0, 0], [0, 0, 2], [0, 8, 10]], id='corner, two apart'),
    ],
)
def test_odd_patch(step: int, cell: tuple[int, int], expected: list[list[int]], backend: str) -> None:
    out = correlation(ONES, COUNTING, patch_size=3, dilation_patch=step, backend=backend)
    assert out.shape == (1, 3, 3, 4, 4)
    assert out[0, :, :, cell[0], cell[1]].tolist() == expected


@pytest.mark.parametrize(
    ('window', 'plane', 'expected'),
    [
        pytest.param('centred', 0, COUNTING[0, 0].tolist(), id='centred, first'),
        pytest.param('centred', 1, [[10, 11, 0, 0], [14, 15, 0, 0], [0] * 4, [0] * 4], id='centred, last'),
        pytest.param('cuda', 0, [[0] * 4, [0, 0, 1, 2], [0, 4, 5, 6], [0, 8, 9, 10]], id='cuda, first'),
        pytest.param('cuda', 1, [[5, 6, 7, 0], [9, 10, 11, 0], [13, 14, 15, 0], [0] * 4], id='cuda, last'),
    ],
)
def test_even_patch(window: str, plane: int, expected: list[list[int]], backend: str) -> None:
    out = correlation(ONES, COUNTING, patch_size=2, dilation_patch=2, window=window, backend=backend)
    assert out[0, plane, plane].tolist() == expected


@pytest.mark.parametrize(
    ('patch', 'step', 'window', 'expected'),
    [
        (16, 2, 'centred', list(range(-14, 17, 2))),
        (16, 2, 'cuda', list(range(-15, 16, 2))),
        (5, 3, 'centred', [-6, -3, 0, 3, 6]),
        (5, 3, 'cuda', [-6, -3, 0, 3, 6]),
        (4, 1, 'centred', [-1, 0, 1, 2]),
        (4, 1, 'cuda', [-1, 0, 1, 2]),
        (4, 3, 'cuda', [-4, -1, 2, 5]),
        (1, 9, 'cuda', [0]),
    ],
)
def test_displacements(patch: int, step: int, window: str, expected: list[int]) -> None:
    assert displacements(patch, step, window) == expected


@pytest.mark.parametrize('window', ['centred', 'cuda'])
def test_displacements_are_those_of_the_kernels(window: str, backend: str) -> None:
    point = torch.zeros(1, 1, 41, 41)
    point[0, 0, 20, 20] = 1
    options = dict(patch_size=(16, 1), dilation_patch=2, window=window, backend=backend)
    seen = correlation(torch.ones_like(point), point, **options)
    rows = [20 - int(seen[0, i, 0, :, 20].nonzero()) for i in range(16)]
    assert rows == displacements(16, 2, window)


def test_sums_without_normalising(backend: str) -> None:
    ones = torch.ones(1, 3, 2, 2)
    assert correlation(ones, ones, backend=backend).eq(3).all()


def random_cases(count: int) -> Iterator[object]:
    draw = random.Random(7)

    def two(*choices: int) -> tuple[int, int]:
        return draw.choice(choices), draw.choice(choices)

    for number in range(count):
        shape = (draw.choice([1, 2]), draw.choice([1, 3, 7]), draw.randint(7, 9), draw.randint(7, 11))
        options = dict(
            kernel_size=two(1, 1, 2, 3), patch_size=two(1, 2, 3, 4, 5), stride=two(1, 1, 2, 3), padding=two(0, 0, 1, 4),
            dilation=two(1, 2, 3), dilation_patch=two(1, 2, 3, 5), window=draw.choice(['centred', 'cuda']),
        )
        if number % 3 == 0:
            options['kernel_size'], options['stride'], options['padding'] = (1, 1), (1, 1), (0, 0)
        if number % 4 == 1:
            options['kernel_size'], options['dilation'], options['padding'] = (2, 3), (2, 1), (2, 0)
        yield pytest.param(shape, options, id=f'random{number}')


@pytest.mark.parametrize(('shape', 'options'), random_cases(18))
def test_values_and_gradients_follow_the_definition(shape: tuple[int, ...], options: dict, backend: str) -> None:
    first, second = maps(*shape)
    expected = by_definition(first, second, **options)
    out = correlation(first, second, **options, backend=backend)
    assert out.is_contiguous()
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-10)
    weight = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, (first, second), weight)
    found = torch.autograd.grad(out, (first, second), weight)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ('shape', 'patch', 'step'),
    [
        pytest.param((1, 130, 6, 37), 16, 2, id='more channels and columns than one block'),
        pytest.param((2, 5, 9, 70), (21, 3), (2, 1), id='wide'),
        pytest.param((1, 4, 3, 2), 9, 1, id='patch larger than the map'),
        pytest.param((1, 4, 3, 2), 8, 5, id='steps larger than the map'),
        pytest.param((1, 2, 1, 1), 5, 1, id='one pixel'),
        pytest.param((3, 1, 7, 5), (1, 6), 3, id='one channel'),
    ],
)
@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
@pytest.mark.parametrize('window', ['centred', 'cuda'])
def test_back_ends_agree(
    shape: tuple, patch: object, step: object, dtype: torch.dtype, window: str, backend: str
) -> None:
    first, second = maps(*shape, dtype=dtype)
    options = dict(patch_size=patch, dilation_patch=step, window=window)
    wide1, wide2 = first.detach().double().requires_grad_(), second.detach().double().requires_grad_()
    expected = by_definition(wide1, wide2, **options) if first.numel() < 100 else correlation(wide1, wide2, **options)
    out = correlation(first, second, **options, backend=backend)
    tolerance = dict(rtol=0, atol=1e-10) if dtype == torch.float64 else dict(rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(out.double(), expected, **tolerance)
    weight = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, (wide1, wide2), weight)
    found = torch.autograd.grad(out, (first, second), weight.to(dtype))
    torch.testing.assert_close([grad.double() for grad in found], list(wanted), **tolerance)


@pytest.mark.parametrize('window', ['centred', 'cuda'])
@pytest.mark.parametrize('patch', [3, 4])
def test_gradcheck(window: str, patch: int, backend: str) -> None:
    first, second = maps(2, 2, 4, 5)

    def run(a: Tensor, b: Tensor) -> Tensor:
        return correlation(a, b, (2, 1), patch, (1, 2), 1, 1, 2, window, backend)

    assert torch.autograd.gradcheck(run, (first, second))
    first, second = (tensor.detach()[:1, :, :3, :3].requires_grad_() for tensor in (first, second))
    assert torch.autograd.gradgradcheck(run, (first, second))


@pytest.mark.parametrize('needed', [(True, False), (False, True)])
def test_gradient_of_one_input_only(needed: tuple[bool, bool], backend: str) -> None:
    both = maps(1, 3, 5, 6)
    wanted = torch.autograd.grad(correlation(*both, patch_size=4, backend=backend).square().sum(), both)
    one = [tensor.detach().requires_grad_(need) for tensor, need in zip(both, needed)]
    correlation(*one, patch_size=4, backend=backend).square().sum().backward()
    for tensor, need, grad in zip(one, needed, wanted):
        assert tensor.grad is None if not need else torch.equal(tensor.grad, grad)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('kernel', [1, 3])
def test_low_precision_is_summed_in_float32(dtype: torch.dtype, kernel: int, backend: str) -> None:
    first, second = maps(1, 64, 5, 6, dtype=dtype)
    options = dict(kernel_size=kernel, patch_size=3, backend=backend)
    out = correlation(first, second, **options)
    wide1, wide2 = first.detach().float().requires_grad_(), second.detach().float().requires_grad_()
    wide = correlation(wide1, wide2, **options)
    assert out.dtype == dtype
    assert torch.equal(out, wide.to(dtype))
    weight = torch.ones_like(out)
    for grad, wanted in zip(
        torch.autograd.grad(out, (first, second), weight), torch.autograd.grad(wide, (wide1, wide2), weight.float())
    ):
        assert torch.equal(grad, wanted.to(dtype))


def test_autocast_widens_and_accepts_mixed_types(backend: str) -> None:
    first, second = maps(1, 8, 5, 6, dtype=torch.bfloat16)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = correlation(first, second.float(), patch_size=3, backend=backend)
    assert out.dtype == torch.float32
    assert torch.equal(out, correlation(first.float(), second.float(), patch_size=3, backend=backend))
    out.sum().backward()
    assert first.grad.dtype == torch.bfloat16


@pytest.mark.parametrize(
    'change',
    [
        pytest.param(lambda t: t.to(memory_format=torch.channels_last), id='channels last'),
        pytest.param(lambda t: t.transpose(2, 3).contiguous().transpose(2, 3), id='transposed'),
        pytest.param(lambda t: t.repeat_interleave(2, 3)[..., ::2], id='every second column'),
        pytest.param(lambda t: torch.cat([t, t], 1)[:, t.shape[1] :], id='slice of channels'),
    ],
)
def test_strides_do_not_matter(change, backend: str) -> None:
    first, second = (tensor.detach() for tensor in maps(2, 3, 5, 6))
    plain = [tensor.clone().requires_grad_() for tensor in (first, second)]
    strided = [change(tensor).requires_grad_() for tensor in (first, second)]
    expected, out = (correlation(*both, patch_size=4, backend=backend) for both in (plain, strided))
    assert torch.equal(out, expected)
    weight = torch.randn(expected.shape[::-1], dtype=expected.dtype).permute(4, 3, 2, 1, 0)
    for wanted, grad in zip(torch.autograd.grad(expected, plain, weight), torch.autograd.grad(out, strided, weight)):
        assert torch.equal(grad, wanted)


def test_expanded_gradient(backend: str) -> None:
    first, second = maps(1, 2, 4, 4)
    correlation(first, second, patch_size=3, backend=backend).sum().backward()
    wanted = by_definition(first, second, patch_size=3)
    torch.testing.assert_close(first.grad, torch.autograd.grad(wanted.sum(), first)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize('shape', [(0, 3, 4, 5), (2, 0, 4, 5)])
def test_empty_batch_and_no_channels(shape: tuple[int, ...], backend: str) -> None:
    first, second = maps(*shape)
    out = correlation(first, second, patch_size=3, padding=1, backend=backend)
    assert out.shape == (shape[0], 3, 3, 6, 7)
    assert not out.any()
    out.sum().backward()
    assert first.grad.shape == first.shape


def test_samples_do_not_mix_and_threads_do_not_matter(backend: str) -> None:
    first, second = (tensor.detach().float() for tensor in maps(3, 40, 9, 33))
    whole = correlation(first, second, patch_size=6, dilation_patch=2, backend=backend)
    for n in range(3):
        alone = correlation(first[n : n + 1], second[n : n + 1], patch_size=6, dilation_patch=2, backend=backend)
        torch.testing.assert_close(whole[n : n + 1], alone, rtol=1e-5, atol=1e-5)
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    again = correlation(first, second, patch_size=6, dilation_patch=2, backend=backend)
    torch.set_num_threads(threads)
    if backend == 'cpp':
        assert torch.equal(again, whole)


INPUT = torch.zeros(1, 2, 4, 5)


@pytest.mark.parametrize(
    ('inputs', 'options', 'error', 'message'),
    [
        pytest.param((INPUT, INPUT[..., :4]), {}, ValueError, 'same shape', id='shapes differ'),
        pytest.param((INPUT[0], INPUT[0]), {}, ValueError, r'\(B, C, H, W\)', id='rank'),
        pytest.param((INPUT, INPUT.double()), {}, TypeError, 'one type', id='types differ'),
        pytest.param((INPUT.int(), INPUT.int()), {}, TypeError, 'floating point', id='integers'),
        pytest.param((INPUT.numpy(), INPUT), {}, TypeError, 'floating point tensor', id='no tensor'),
        pytest.param((INPUT, INPUT.to('meta')), {}, ValueError, 'one device', id='devices differ'),
        pytest.param((INPUT, INPUT), {'kernel_size': 6}, ValueError, '6 pixels high', id='kernel too high'),
        pytest.param((INPUT, INPUT), {'kernel_size': (1, 3), 'dilation': 3}, ValueError, '7 pixels wide', id='dilated'),
        pytest.param((INPUT, INPUT), {'patch_size': 0}, ValueError, 'patch_size', id='patch 0'),
        pytest.param((INPUT, INPUT), {'padding': -1}, ValueError, 'padding', id='negative padding'),
        pytest.param((INPUT, INPUT), {'stride': (1, 2, 3)}, ValueError, 'stride', id='three strides'),
        pytest.param((INPUT, INPUT), {'dilation': 1.5}, ValueError, 'dilation', id='fraction'),
        pytest.param((INPUT, INPUT), {'dilation_patch': None}, ValueError, 'dilation_patch', id='none'),
        pytest.param((INPUT, INPUT), {'dilation_patch': 2**30}, ValueError, 'must not exceed', id='far'),
        pytest.param((INPUT, INPUT), {'window': 'gpu'}, ValueError, 'centred, cuda', id='window'),
        pytest.param((INPUT, INPUT), {'backend': 'triton'}, ValueError, 'torch, cpp, cuda', id='backend'),
        pytest.param((INPUT, INPUT), {'backend': 'cuda'}, ValueError, 'does not run on tensors on cpu', id='no GPU'),
    ],
)
def test_bad_input(inputs: tuple, options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        correlation(*inputs, **options)


def test_operators_keep_their_promises(backend: str) -> None:
    first, second = maps(1, 2, 4, 5)
    geometry = [2, 3, 2, 1, 1]
    torch.library.opcheck(torch.ops.mmdet.correlation_volume, (first, second, geometry, backend))
    grad = torch.randn(1, 2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    for mirrored in (False, True):
        arguments = (grad, second, geometry, mirrored, backend)
        torch.library.opcheck(torch.ops.mmdet.correlation_volume_gradient, arguments)


def test_compiles_without_a_graph_break() -> None:
    def run(a: Tensor, b: Tensor) -> Tensor:
        return correlation(a, b, kernel_size=2, patch_size=4, dilation_patch=2, window='cuda').relu()

    compiled = torch.compile(run, fullgraph=True, backend='aot_eager', dynamic=True)
    for shape in ((1, 3, 6, 7), (2, 3, 8, 5)):
        first, second = maps(*shape)
        expected, out = run(first, second), compiled(first, second)
        torch.testing.assert_close(out, expected)
        wanted = torch.autograd.grad(expected.sum(), (first, second))
        torch.testing.assert_close(torch.autograd.grad(out.sum(), (first, second)), wanted)


@pytest.mark.slow
def test_inductor_takes_it_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    try:
        build.cxx()
    except build.CannotBuild as reason:
        pytest.skip(str(reason))
    monkeypatch.setenv('TORCHINDUCTOR_CACHE_DIR', str(tmp_path))
    first, second = maps(1, 3, 6, 7, dtype=torch.float32)

    def run(a: Tensor, b: Tensor) -> Tensor:
        return correlation(a, b * 2, kernel_size=2, patch_size=4, dilation_patch=2, window='cuda').relu()

    expected, out = run(first, second), torch.compile(run, fullgraph=True)(first, second)
    torch.testing.assert_close(out, expected)
    wanted = torch.autograd.grad(expected.sum(), (first, second))
    torch.testing.assert_close(torch.autograd.grad(out.sum(), (first, second)), wanted)


@pytest.mark.parametrize('isa', ['avx512', 'avx2', 'generic'])
@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
def test_every_instruction_set(isa: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MMDET_CPU_ISA', isa)
    _native.cpu_library.cache_clear()
    note = _native.cpu_library().note
    _native.cpu_library.cache_clear()
    if note != isa:
        pytest.skip(f'the C++ kernels run as {note} here')
    first, second = maps(2, 75, 7, 35, dtype=dtype)
    runs = [correlation(first, second, patch_size=(5, 7), dilation_patch=2, backend=name) for name in ('torch', 'cpp')]
    weight = torch.randn_like(runs[0])
    grads = [torch.autograd.grad(run, (first, second), weight) for run in runs]
    close = 1e-10 if dtype == torch.float64 else 1e-4
    torch.testing.assert_close(runs[0], runs[1], rtol=0, atol=close)
    torch.testing.assert_close(grads[0], grads[1], rtol=0, atol=close)


@pytest.fixture
def fresh_loader(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty folder to load the libraries from, and a loader that has not run yet."""
    monkeypatch.setattr(_native, '_FOLDER', tmp_path)
    monkeypatch.delenv('MMDET_NATIVE_OPS', raising=False)
    _native.cpu_library.cache_clear()
    yield tmp_path
    _native.cpu_library.cache_clear()


def test_without_library(fresh_loader: Path) -> None:
    assert correlation(ONES, COUNTING).tolist() == COUNTING[:, None, None, 0].tolist()
    assert _native.cpu_library().note == 'not built; run compile.sh'
    with pytest.raises(RuntimeError, match='not built'):
        correlation(ONES, COUNTING, backend='cpp')


def test_switched_off(fresh_loader: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MMDET_NATIVE_OPS', '0')
    assert _native.cpu_library() == _native.Library(False, 'switched off by MMDET_NATIVE_OPS=0')


def test_library_that_does_not_load_is_reported_once(fresh_loader: Path) -> None:
    (fresh_loader / '_correlation_cpu.so').write_bytes(b'no library')
    with pytest.warns(UserWarning, match='run compile.sh again'):
        correlation(ONES, COUNTING)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        correlation(ONES, COUNTING)


@pytest.fixture
def cuda_kernels() -> None:
    """Skips where the CUDA kernels cannot run."""
    if not torch.cuda.is_available():
        pytest.skip('no CUDA device')
    if not _native.cuda_library().loaded:
        pytest.skip(f'CUDA kernels: {_native.cuda_library().note}')


@pytest.mark.gpu
@pytest.mark.usefixtures('cuda_kernels')
@pytest.mark.parametrize(('shape', 'options'), random_cases(18))
def test_cuda_follows_the_definition(shape: tuple[int, ...], options: dict) -> None:
    first, second = maps(*shape)
    expected = by_definition(first, second, **options)
    here = [tensor.detach().cuda().requires_grad_() for tensor in (first, second)]
    out = correlation(*here, **options, backend='cuda')
    torch.testing.assert_close(out.cpu(), expected, rtol=0, atol=1e-10)
    weight = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, (first, second), weight)
    found = torch.autograd.grad(out, here, weight.cuda())
    torch.testing.assert_close([grad.cpu() for grad in found], list(wanted), rtol=0, atol=1e-10)


@pytest.mark.gpu
@pytest.mark.usefixtures('cuda_kernels')
@pytest.mark.parametrize('dtype', [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize('window', ['centred', 'cuda'])
@pytest.mark.parametrize(
    ('shape', 'patch', 'step'), [((2, 256, 13, 37), 16, 2), ((1, 5, 9, 70), (21, 3), (2, 40)), ((1, 4, 3, 2), 9, 1)]
)
def test_cuda(shape: tuple, patch: object, step: object, window: str, dtype: torch.dtype) -> None:
    first, second = maps(*shape, dtype=dtype)
    options = dict(patch_size=patch, dilation_patch=step, window=window)
    wide1, wide2 = first.detach().double().requires_grad_(), second.detach().double().requires_grad_()
    expected = correlation(wide1, wide2, **options, backend='torch')
    here1, here2 = first.detach().cuda().requires_grad_(), second.detach().cuda().requires_grad_()
    out = correlation(here1, here2, **options, backend='cuda')
    close = {torch.float64: 1e-10, torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 8e-2}[dtype]
    scale = float(expected.abs().max())
    torch.testing.assert_close(out.cpu().double(), expected, rtol=0, atol=close * scale)
    weight = torch.randn_like(expected).to(dtype)
    wanted = torch.autograd.grad(expected, (wide1, wide2), weight.double())
    found = torch.autograd.grad(out, (here1, here2), weight.cuda())
    again = torch.autograd.grad(correlation(here1, here2, **options), (here1, here2), weight.cuda())
    for grad, other, want in zip(found, again, wanted):
        assert torch.equal(grad, other)
        torch.testing.assert_close(grad.cpu().double(), want, rtol=0, atol=close * float(want.abs().max()))
