"""Summing losses as the slow obvious way does, and finding what is wrong with them."""

from __future__ import annotations

import math

import pytest
import torch

from mmdet.engine.losses import key_change, key_fingerprint, non_finite, sum_losses


@pytest.mark.parametrize(
    ('losses', 'total'),
    [
        ({'loss_a': torch.tensor(2.0), 'acc': torch.tensor(9.0)}, 2.0),
        ({'loss_a': torch.tensor([1.0, 3.0]), 'b_loss': [torch.tensor(1.0), torch.tensor([4.0, 6.0])]}, 2 + 1 + 5),
        ({'loss': torch.tensor(1.5)}, 1.5),
        ({'loss': torch.tensor(1.5), 'loss_x': torch.tensor(1.0)}, 2.5),
        ({'loss_half': torch.tensor([1.0, 2.0], dtype=torch.float16)}, 1.5),
    ],
)
def test_sum(losses, total):
    found, numbers = sum_losses(losses)
    assert float(found) == total == numbers['loss']
    assert set(numbers) == set(losses) | {'loss'}


def test_gradient_reaches_every_part_but_accuracies():
    a, b, c = (torch.tensor(1.0, requires_grad=True) for _ in range(3))
    total, _ = sum_losses({'loss_a': a * 2, 'loss_b': [b * 3, b * 4], 'acc': c})
    total.backward()
    assert (a.grad, b.grad, c.grad) == (2, 7, None)


def test_non_finite():
    assert non_finite({'a': 1.0, 'b': math.nan, 'c': math.inf, 'd': -math.inf}) == ['b', 'c', 'd']


@pytest.mark.parametrize(
    ('expected', 'found', 'words'),
    [
        (['a', 'b'], ['a', 'b'], None),
        (['a', 'b'], ['a'], 'without b'),
        (['a'], ['a', 'c'], 'with new c'),
        (['a', 'b'], ['c'], 'without a, b and with new c'),
    ],
)
def test_key_change(expected, found, words):
    assert key_change(expected, found) == words
    assert (key_fingerprint(expected) == key_fingerprint(found)) == (words is None)
