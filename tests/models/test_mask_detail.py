"""A map straight from the frame that sharpens outlines: where it goes, what it changes, what does not fit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from mmdet.errors import ConfigError
from mmdet.geometry import BoxConvention
from mmdet.models import DetailStem, MaskHead

POOLING = dict(type='RoIExtractor', output_size=28, strides=(2,), sampling_ratio=1)


def with_detail(config: dict) -> None:
    config['detector']['detail'] = dict(type='DetailStem', channels=6)
    config['detector']['roi_head']['mask_detail_extractor'] = dict(POOLING)
    config['detector']['roi_head']['mask_head']['detail_channels'] = 6


def logits_of(model: torch.nn.Module, frames: torch.Tensor) -> torch.Tensor:
    rois, labels = torch.tensor([[0, 4.0, 5, 40, 50], [1, 30, 2, 90, 60]]), torch.tensor([2, 0])
    features = model.detector.extract_feat(frames / 255)
    return model.detector.roi_head._own_masks(features, rois, labels, BoxConvention())


@pytest.mark.parametrize('norm_cfg', [None, dict(type='GN', num_groups=2)], ids=['no norm', 'GN'])
def test_stem_halves_the_frame(norm_cfg: dict | None) -> None:
    stem = DetailStem(4, norm_cfg)
    assert stem(torch.rand(2, 3, 32, 48)).shape == (2, 4, 16, 24)
    assert ('conv1.conv.bias' in stem.state_dict()) == (norm_cfg is None)


@torch.no_grad()
def test_weights_without_detail_give_the_same_masks_with_it(build: Callable, annotated_clip: Callable) -> None:
    plain = build().eval()
    frames, _ = annotated_clip([2, 2])
    sharp = build(with_detail).eval()
    missing, unexpected = sharp.load_state_dict(plain.state_dict(), strict=False)
    assert unexpected == [] and all('detail' in name or 'sharpen' in name for name in missing)
    expected = logits_of(plain, frames)
    assert expected.std() > 0 and torch.equal(logits_of(sharp, frames), expected)


def test_detail_is_pooled_where_the_mask_lies() -> None:
    head = MaskHead(1, dict(type='BinaryCrossEntropyLoss'), in_channels=2, channels=2, mask_size=8, detail_channels=3)
    torch.nn.init.normal_(head.sharpen[1].conv.weight)
    pooled, detail = torch.rand(2, 2, 4, 4), torch.zeros(2, 3, 8, 8)
    before = head(pooled, torch.zeros(2, dtype=torch.long), detail)
    detail[1, :, 6, 1] = 9.0
    changed = head(pooled, torch.zeros(2, dtype=torch.long), detail) != before
    rows, columns = changed[1].nonzero().unbind(1)
    assert not changed[0].any() and changed[1].any()
    assert rows.min() >= 4 and columns.max() <= 3  # two 3x3 convolutions reach two cells


def test_detail_trains_and_reaches_no_proposal(build: Callable, annotated_clip: Callable) -> None:
    model = build(with_detail).train()
    torch.nn.init.normal_(model.detector.roi_head.mask_head.sharpen[1].conv.weight)
    frames, samples = annotated_clip([3, 2])
    losses = model([frames], [samples], mode='loss')
    weight = model.detector.detail.conv1.conv.weight
    (through_masks,) = torch.autograd.grad(losses['loss_mask'], weight, retain_graph=True)
    others = sum(value for name, value in losses.items() if 'loss' in name and name != 'loss_mask')
    assert through_masks.abs().sum() > 0
    assert torch.autograd.grad(others, weight, allow_unused=True) == (None,)


def no_map(config: dict) -> None:
    with_detail(config)
    del config['detector']['detail']


def no_pooling(config: dict) -> None:
    with_detail(config)
    del config['detector']['roi_head']['mask_detail_extractor']


def not_wanted(config: dict) -> None:
    with_detail(config)
    del config['detector']['roi_head']['mask_head']['detail_channels']


def other_size(config: dict) -> None:
    with_detail(config)
    config['detector']['roi_head']['mask_detail_extractor']['output_size'] = 14


@pytest.mark.parametrize(
    'change, message',
    [
        (no_map, 'detector.detail and roi_head.mask_detail_extractor'),
        (no_pooling, 'mask_head.detail_channels and mask_detail_extractor'),
        (not_wanted, 'mask_head.detail_channels and mask_detail_extractor'),
        (other_size, 'output_size is 14, but the mask head works on mask_size 28'),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(build: Callable, change: Callable, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(change)
