"""Shapes, sizes, and what trains and what does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.functional import conv2d

from mmdet.engine.config import load_config
from mmdet.errors import ConfigError, IncompatibleSlotsError
from mmdet.models import SiamResNet
from mmdet.models.siammask.correlation import correlate
from mmdet.models.siammask.windows import label_windows, windows_at
from mmdet.registry import MODELS, register_all

Make = Callable[..., Any]


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(('name', 'tensors', 'total'), [('base', 324, 18_816_735), ('sharp', 356, 21_482_052)])
def test_published_sizes(repo_root: Any, name: str, tensors: int, total: int) -> None:
    register_all()
    with torch.device('meta'):
        model = MODELS.build(load_config(repo_root / f'configs/siammask_{name}_r50_davis.py').model)
    assert len(model.state_dict()) == tensors and count(model) == total
    assert (count(model.backbone), count(model.neck)) == (13_786_176, 262_656)
    assert (count(model.rpn_head), count(model.mask_head)) == (2_501_150, 2_266_753)
    assert model.refine_head is None or count(model.refine_head) == 2_665_317


def test_fusion_network_has_its_published_size() -> None:
    register_all()
    assert count(MODELS.build(dict(type='S2MaskHead')).fusion) == 2_697_505


@pytest.mark.parametrize('depth', [18, 50])
@pytest.mark.parametrize(
    ('side', 'maps', 'neck'), [(127, [61, 31, 15, 15], 7), (255, [125, 63, 31, 31], 31), (143, [69, 35, 17, 17], 9)]
)
def test_map_sides(depth: int, side: int, maps: list[int], neck: int) -> None:
    backbone = SiamResNet(depth, base_channels=2).eval()
    found = backbone(torch.zeros(1, 3, side, side))
    assert [m.shape[-1] for m in found] == maps
    assert tuple(m.shape[1] for m in found) == backbone.out_channels
    necked = MODELS.build(dict(type='CenterCropNeck', in_channels=found[-1].shape[1], out_channels=3))(found[-1])
    assert necked.shape == (1, 3, neck, neck)


@pytest.mark.parametrize(('side', 'cells'), [(255, 25), (143, 3)])
def test_responses(build_siammask: Make, pairs: Make, side: int, cells: int) -> None:
    model = build_siammask('sharp')
    with torch.no_grad():
        found = model(**pairs(('mask', 'box'), side), mode='tensor')
        every = torch.cartesian_prod(torch.arange(1), torch.arange(cells), torch.arange(cells))[:9]
        refined = model.refine_head.masks(found.skips, found.correlation, every)
        coarse = model.mask_head.masks(found.correlation, every)
    assert found.cls.shape == (2, 10, cells, cells) and found.loc.shape == (2, 20, cells, cells)
    assert refined.shape == (9, 127, 127) and coarse.shape == (9, 63, 63)


def test_correlation_is_that_of_each_pair_and_channel() -> None:
    search, kernels = torch.randn(2, 3, 9, 9), torch.randn(2, 3, 4, 4)
    found = correlate(search, kernels)
    for b in range(2):
        for c in range(3):
            expected = conv2d(search[b : b + 1, c : c + 1], kernels[b : b + 1, c : c + 1])[0, 0]
            torch.testing.assert_close(found[b, c], expected)


@pytest.mark.parametrize(('side', 'size', 'stride', 'cells', 'padding'), [(125, 61, 4, 25, 16), (69, 61, 4, 3, 0)])
def test_windows(side: int, size: int, stride: int, cells: int, padding: int) -> None:
    maps = torch.randn(2, 3, side, side)
    padded = torch.zeros(2, 3, side + 2 * padding, side + 2 * padding)
    padded[..., padding : padding + side, padding : padding + side] = maps
    where = [(1, 0, cells - 1), (0, 2, 1)]
    found = windows_at(maps, torch.tensor(where), cells, size, stride)
    for window, (b, y, x) in zip(found, where):
        assert window.equal(padded[b, :, stride * y : stride * y + size, stride * x : stride * x + size])


def test_label_windows_are_zero_outside_the_image() -> None:
    masks = torch.ones(1, 255, 255)
    corner, inner = label_windows(masks, torch.tensor([[0, 0, 0], [0, 12, 12]]), 25)
    assert (inner == 1).all() and float((corner == 0).float().mean()) == pytest.approx(0.440449, abs=1e-6)
    assert (label_windows(masks * 0, torch.tensor([[0, 12, 12]]), 25) == -1).all()


@pytest.mark.parametrize(
    ('changes', 'error', 'match'),
    [
        (dict(mask_head=None), IncompatibleSlotsError, 'needs the correlation of a mask_head'),
        (dict(stage2_head=dict(type='S2MaskHead')), IncompatibleSlotsError, 'keep one of them'),
        (dict(frozen_parts=('head',)), ConfigError, "names 'head'"),
        (dict(frozen_parts=('stage2_head',)), ConfigError, 'does not have'),
        (dict(test_cfg=dict(penalty=1)), ConfigError, "Did you mean 'penalty_k'"),
        (dict(test_cfg=dict(lr=1.5)), ConfigError, 'between 0 and 1'),
        (dict(geometry=dict(side=3)), ConfigError, 'it takes template, search, stride, window'),
    ],
    ids=['refine alone', 'two mask makers', 'unknown part', 'absent part', 'misspelt', 'out of range', 'geometry'],
)
def test_what_cannot_be_is_refused(build_siammask: Make, changes: dict, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        build_siammask('sharp', **changes)


@pytest.mark.parametrize('norm_eval', [True, False], ids=['original', 'pysot'])
def test_batch_norm_while_stages_unfreeze(norm_eval: bool) -> None:
    backbone = SiamResNet(18, 2, frozen_stages=3, norm_eval=norm_eval).train()
    assert not any(p.requires_grad for p in backbone.parameters())
    backbone.freeze(1)
    trained = {name.split('.')[0] for name, p in backbone.named_parameters() if p.requires_grad}
    assert trained == {'layer2', 'layer3'}
    norms = {name: m.training for name, m in backbone.named_modules() if isinstance(m, torch.nn.BatchNorm2d)}
    assert norms['bn1'] is False and norms['layer1.0.bn1'] is False
    assert norms['layer2.0.bn1'] is (not norm_eval)
    backbone.eval().train()
    assert backbone.layer2[0].bn1.training is (not norm_eval)


def test_refined_variant_trains_its_two_heads_only(build_siammask: Make, pairs: Make) -> None:
    model = build_siammask('sharp', frozen_parts=('backbone', 'neck', 'rpn_head')).train()
    assert not model.neck.training and not model.rpn_head.training and model.refine_head.training
    losses = model(**pairs(('mask', 'mask'), 143), mode='loss')
    assert 'loss_cls' not in losses
    losses['loss_mask'].backward()
    with_gradient = {name.split('.')[0] for name, p in model.named_parameters() if p.grad is not None}
    assert with_gradient == {'mask_head', 'refine_head'}
    assert model.mask_head.out.weight.grad is None and not model.mask_head.out.weight.requires_grad
