"""Losses against values worked out by hand and measured with the original."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mmdet.models.losses import BalancedCrossEntropyLoss, SoftMarginMaskLoss, WeightedL1Loss, mask_accuracy
from mmdet.models.siammask.windows import label_windows

Make = Callable[..., Any]
LN2 = 0.6931472


@pytest.mark.parametrize(('labels', 'expected'), [([1, 0, -1], LN2), ([0, 0, -1], LN2 / 2), ([-1, -1], 0.0)])
def test_balanced_cross_entropy(labels: list[int], expected: float) -> None:
    loss = BalancedCrossEntropyLoss()(torch.zeros(len(labels), 2), torch.tensor(labels))
    assert float(loss) == pytest.approx(expected, abs=1e-6)


def test_groups_count_the_same_whatever_their_size() -> None:
    logits = torch.tensor([[0.0, 2.0], [1.0, 0.0], [3.0, 0.0], [0.0, 0.0]])
    labels = torch.tensor([1, 0, 0, -1])
    entropy = -torch.log_softmax(logits, 1)
    expected = (entropy[0, 1] + (entropy[1, 0] + entropy[2, 0]) / 2) / 2
    torch.testing.assert_close(BalancedCrossEntropyLoss()(logits, labels), expected)


def test_weighted_l1_is_per_image() -> None:
    targets = torch.zeros(2, 4, 10)
    targets[0, :, 3] = torch.tensor([0.1, 0.2, 0.3, 0.4])
    weights = torch.zeros(2, 10)
    weights[0, 3] = 1 / (1 + 1e-6)
    assert float(WeightedL1Loss()(torch.zeros(2, 4, 10), targets, weights)) == pytest.approx(0.4999995, abs=1e-7)


@pytest.mark.parametrize(
    ('cell', 'value', 'expected'),
    [((12, 12), 0.0, 0.6931473), ((12, 12), 20.0, 0.0), ((0, 0), 20.0, 0.305296), ((24, 24), 20.0, 0.305296)],
)
def test_mask_loss(cell: tuple[int, int], value: float, expected: float) -> None:
    labels = label_windows(torch.ones(1, 255, 255), torch.tensor([[0, *cell]]), 25)
    logits = torch.full((1, 127, 127), value)
    assert float(SoftMarginMaskLoss()(logits, labels)) == pytest.approx(expected, abs=2e-6)


def test_without_masks_everything_is_zero() -> None:
    logits = torch.zeros(0, 127, 127, requires_grad=True)
    loss = SoftMarginMaskLoss(36.0)(logits, torch.zeros(0, 127, 127))
    assert loss.requires_grad and loss.item() == 0
    assert {float(value) for value in mask_accuracy(logits, torch.zeros(0, 127, 127)).values()} == {0.0}


@pytest.mark.parametrize(('part', 'expected'), [(1.0, (1, 1, 1)), (0.6, (0.6, 1, 0)), (0.4, (0.4, 0, 0))])
def test_mask_accuracy(part: float, expected: tuple[float, ...]) -> None:
    labels = torch.ones(1, 10, 10)
    logits = torch.where(torch.arange(10) < 10 * part, 1.0, -1.0).expand(1, 10, 10)
    assert tuple(mask_accuracy(logits, labels).values()) == pytest.approx(expected)


@pytest.mark.parametrize('kind', ['base', 'sharp', 'stage2', 'boxes'])
def test_a_batch_gives_the_same_keys_with_and_without_masks(build_siammask: Make, pairs: Make, kind: str) -> None:
    model = build_siammask(kind).train()
    full = model(**pairs(), mode='loss')
    empty = model(**pairs(('box', 'negative')), mode='loss')
    assert set(full) == set(empty) and all(torch.isfinite(value) for value in [*full.values(), *empty.values()])
    if kind != 'boxes':
        assert full['loss_mask'].item() > 0 and empty['loss_mask'].item() == 0
    sum(value for key, value in empty.items() if 'loss' in key).backward()
    trained = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert trained == []  # every process of a distributed run has all gradients, whatever its share of the batch


@pytest.mark.parametrize(('kind', 'steps'), [('base', 12), ('sharp', 12), ('stage2', 12)])
def test_losses_go_down_on_one_pair(build_siammask: Make, pairs: Make, kind: str, steps: int) -> None:
    backbone = dict(type='SiamResNet', depth=18, base_channels=4, norm_eval=False)  # random weights need it
    model = build_siammask(kind, backbone=backbone).train()
    batch = pairs(('mask', 'negative'), 143 if kind == 'sharp' else 255)
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    totals, masks = [], []
    for _ in range(steps):
        losses = model(**batch, mode='loss')
        total = sum(value for key, value in losses.items() if 'loss' in key)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        totals.append(total.item())
        masks.append(losses['loss_mask'].item())
    assert totals[-1] < 0.95 * totals[0]
    assert masks[-1] < 0.95 * masks[0]


def test_losses_depend_on_the_sample_alone_not_on_its_place_in_the_batch(build_siammask: Make, pairs: Make) -> None:
    model, batch = build_siammask('base'), pairs(('mask', 'mask'))
    turned = {key: value[::-1] for key, value in batch.items()}
    first, second = model(**batch, mode='loss'), model(**turned, mode='loss')
    for key, value in first.items():
        torch.testing.assert_close(value, second[key])
