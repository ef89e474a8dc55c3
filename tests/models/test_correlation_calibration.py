"""The calibration head: each step against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mmdet.errors import ConfigError, DataError
from mmdet.models.calibration_heads import CorrelationCalibrationHead
from mmdet.ops.correlation import displacements

CENTRE_DY, CENTRE_DX = 8, 9  # offset channels of the middle one of nine taps


def head(channels: int = 4, **arguments: object) -> CorrelationCalibrationHead:
    torch.manual_seed(0)
    arguments = {'patch_size': 3, 'dilation_patch': 1, **arguments}
    return CorrelationCalibrationHead(channels, **arguments)  # type: ignore[arg-type]


def maps(channels: int = 4, seed: int = 0, batch: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x, r = torch.randn(2, batch, channels, 6, 7, generator=generator)
    return x, r


def zero_offsets(module: CorrelationCalibrationHead) -> CorrelationCalibrationHead:
    torch.nn.init.zeros_(module.conv_offset.weight)
    torch.nn.init.zeros_(module.conv_offset.bias)
    return module


def copying(module: CorrelationCalibrationHead) -> CorrelationCalibrationHead:
    """The deformable convolution as a plain copy of its middle tap."""
    torch.nn.init.zeros_(module.deform_conv.weight)
    with torch.no_grad():
        module.deform_conv.weight[:, :, 1, 1] = torch.eye(module.channels)
    return module


def test_names_and_sizes_are_those_of_released_weights() -> None:
    shapes = {key: tuple(value.shape) for key, value in CorrelationCalibrationHead(window='cuda').state_dict().items()}
    assert shapes == {
        **{f'offset_convs.{i}.conv.weight': (256, 256, 3, 3) for i in range(3)},
        **{f'offset_convs.{i}.conv.bias': (256,) for i in range(3)},
        'conv_offset.weight': (18, 256, 3, 3),
        'conv_offset.bias': (18,),
        'deform_conv.weight': (256, 256, 3, 3),
    }


def test_original_initialisation() -> None:
    module = CorrelationCalibrationHead()
    for layer in (module.conv_offset, module.deform_conv):
        assert 0.99 / 48 < layer.weight.abs().max() <= 1 / 48
    for block in module.offset_convs:
        assert block.conv.weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.01)
        assert not block.conv.bias.any()


def test_zero_deformable_weights_leave_the_frame_as_it_is() -> None:
    module = head()
    torch.nn.init.zeros_(module.deform_conv.weight)
    x, r = maps()
    assert module.fuse_level(x, r).equal(x)


def test_identity_start_is_the_frame_itself_and_learns() -> None:
    module, (x, r) = head(init='identity'), maps()
    fused = module.fuse_level(x, r)
    assert fused.equal(x)
    before = [parameter.detach().clone() for parameter in module.parameters()]
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(3):  # first the deformable convolution, then the last offset layer, then those before it
        optimizer.zero_grad()
        module.fuse_level(x, r).square().mean().backward()
        optimizer.step()
    assert [name for (name, now), old in zip(module.named_parameters(), before) if now.equal(old)] == []


def test_zero_offsets_and_a_copying_kernel_add_the_reference() -> None:
    x, r = maps()
    torch.testing.assert_close(copying(zero_offsets(head())).fuse_level(x, r), x + r)


@pytest.mark.parametrize(('sign', 'expected'), [(1, 1.0), (-1, -0.1)])
def test_raw_correlation_of_256_becomes(sign: int, expected: float) -> None:
    ones = torch.ones(1, 256, 2, 2)
    found = head(256, patch_size=1).similarities(ones, sign * ones)
    torch.testing.assert_close(found, torch.full((1, 1, 1, 2, 2), expected))


@pytest.mark.parametrize(
    ('channel', 'value', 'expected'),
    [
        (CENTRE_DY, 1.0, [[4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15], [0, 0, 0, 0]]),
        (CENTRE_DX, 0.5, [[0.5, 1.5, 2.5, 1.5]]),
        (CENTRE_DX, -1.0, [[0, 0, 1, 2], [0, 4, 5, 6]]),
    ],
    ids=['dy 1', 'dx half', 'dx -1'],
)
def test_offsets_are_dy_then_dx(channel: int, value: float, expected: list[list[float]]) -> None:
    module = copying(zero_offsets(head(1)))
    with torch.no_grad():
        module.conv_offset.bias[channel] = value
    r = torch.arange(16.0).view(1, 1, 4, 4)
    moved = module.fuse_level(torch.zeros_like(r), r)[0, 0]
    torch.testing.assert_close(moved[: len(expected)], torch.tensor(expected, dtype=torch.float32))


@pytest.mark.parametrize('window', ['centred', 'cuda'])
@pytest.mark.parametrize(('patch', 'dilation'), [(3, 2), (4, 1), (4, 2)])
def test_similarities_against_shifted_products(window: str, patch: int, dilation: int) -> None:
    module, (x, r) = head(patch_size=patch, dilation_patch=dilation, window=window), maps(batch=2)
    found = module.similarities(x, r)
    shifts = displacements(patch, dilation, window)
    padded = torch.nn.functional.pad(r, (9, 9, 9, 9))
    for i, dy in enumerate(shifts):
        for j, dx in enumerate(shifts):
            mean = (x * padded[..., 9 + dy : 9 + dy + 6, 9 + dx : 9 + dx + 7]).mean(1)
            torch.testing.assert_close(found[:, i, j], torch.where(mean > 0, mean, 0.1 * mean))


def test_channels_of_the_offset_layers_are_displacements_row_by_row() -> None:
    module, (x, r) = head(num_convs=0), maps()
    torch.nn.init.zeros_(module.conv_offset.weight)
    with torch.no_grad():
        module.conv_offset.weight[0, 1 * 3 + 2, 1, 1] = 1  # patch row 1, column 2
    found = module.offsets(x, r)[:, 0] - module.conv_offset.bias[0]
    torch.testing.assert_close(found, module.similarities(x, r)[:, 1, 2])


@pytest.mark.parametrize('detach', [False, True])
def test_gradient_reaches_the_reference_unless_detached(detach: bool) -> None:
    x, r = (tensor.requires_grad_() for tensor in maps())
    head(detach_ref=detach).fuse_level(x, r).square().sum().backward()
    assert (r.grad is None) == detach
    assert x.grad is not None and (detach or r.grad.abs().sum() > 0)


@pytest.mark.parametrize(('levels', 'changed'), [(None, [True] * 3), ((0, 2), [True, False, True]), ((1,), [0, 1, 0])])
def test_levels(levels: tuple | None, changed: list) -> None:
    module = head(levels=levels)
    pyramid, reference = zip(*(maps(seed=i) for i in range(3)))
    fused = module.fuse(pyramid, reference)
    assert [not f.equal(x) for f, x in zip(fused, pyramid)] == [bool(c) for c in changed]
    torch.testing.assert_close(fused[2], module.fuse_level(pyramid[2], reference[2]) if changed[2] else pyramid[2])


def test_a_batch_is_its_frames_one_by_one() -> None:
    module, (x, r) = head(), maps(batch=3)
    one_by_one = torch.cat([module.fuse_level(x[i : i + 1], r[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(module.fuse_level(x, r), one_by_one)


def test_without_a_reference_the_frame_is_its_own_only_variant() -> None:
    module, (x, r) = head(), maps()
    (only,) = module.variants((x,), [])
    assert only[0] is x
    assert len(module.variants((x,), [(r,), (x,)])) == 2


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float64])
def test_other_types_keep_their_type(dtype: torch.dtype) -> None:
    module, (x, r) = head(), maps()
    expected = module.fuse_level(x, r)
    found = module.to(dtype).fuse_level(x.to(dtype), r.to(dtype))
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), expected, atol=0.1 if dtype == torch.bfloat16 else 1e-4, rtol=0.05)


def test_autocast_runs() -> None:
    module, (x, r) = head(), maps()
    with torch.autocast('cpu', torch.bfloat16):
        fused = module.fuse_level(x.bfloat16(), r.bfloat16())
    torch.testing.assert_close(fused.float(), module.fuse_level(x, r), atol=0.1, rtol=0.05)
    assert fused.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(window='middle'), "'centred' or 'cuda'"),
        (dict(init='zero'), "'original' or 'identity'"),
        (dict(patch_size=0), 'patch_size'),
        (dict(levels=()), 'levels'),
        (dict(levels=(-1,)), 'levels'),
        (dict(reference_range=0), 'reference_range'),
        (dict(max_references=0), 'max_references'),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else '',
)
def test_wrong_arguments(arguments: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        head(**arguments)


def _other_size(x: Tensor, r: Tensor) -> tuple:
    return (x,), (r[..., :-1],)


def _fewer_levels(x: Tensor, r: Tensor) -> tuple:
    return (x, x), (r,)


def _one_level(x: Tensor, r: Tensor) -> tuple:
    return (x,), (r,)


def _other_channels(x: Tensor, r: Tensor) -> tuple:
    return (x, x[:, :2]), (r, r[:, :2])  # a detail map may have its own width, a calibrated level may not


@pytest.mark.parametrize(
    ('make', 'error', 'message'),
    [
        (_other_size, DataError, 'must have one size'),
        (_fewer_levels, DataError, 'differ'),
        (_one_level, ConfigError, 'the pyramid has 1 levels'),
        (_other_channels, ConfigError, 'level 1 of the pyramid has 2 channels'),
    ],
)
def test_pyramids_that_do_not_fit(make: Callable, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        head(levels=(1,)).fuse(*make(*maps()))


@pytest.mark.parametrize('size', [(1, 1), (2, 3), (1, 9)], ids=str)
def test_a_patch_larger_than_the_map_and_strided_inputs(size: tuple[int, int]) -> None:
    module = head(patch_size=16, dilation_patch=2, window='cuda')
    x, r = torch.randn(2, 2, 4, *size).transpose(-1, -2)
    assert module.fuse_level(x, r).isfinite().all()
    torch.testing.assert_close(module.fuse_level(x, r), module.fuse_level(x.contiguous(), r.contiguous()))
