"""Losses of two-stage detectors: values by hand, and sums that half precision does not spoil."""

import pytest
import torch

from mmdet.models.losses import batch_count
from mmdet.registry import MODELS


@pytest.mark.parametrize(
    'loss, predictions, targets, expected',
    [
        pytest.param(dict(type='L1Loss'), [[0.5, -2.0]], [[0.0, 1.0]], 3.5 / 2, id='absolute difference'),
        pytest.param(dict(type='L1Loss', loss_weight=4.0), [[1.0]], [[0.0]], 2.0, id='weight'),
        pytest.param(dict(type='SmoothL1Loss'), [[0.5, -2.0]], [[0.0, 1.0]], (0.125 + 2.5) / 2, id='beta 1'),
        pytest.param(
            dict(type='SmoothL1Loss', beta=1 / 9), [[0.1, 1.0]], [[0.0, 0.0]], (0.045 + 17 / 18) / 2, id='beta 1/9'
        ),
        pytest.param(
            dict(type='BinaryCrossEntropyLoss'), [0.0, 2.0], [1, 0], (0.693147 + 2.126928) / 2, id='binary'
        ),
        pytest.param(dict(type='CrossEntropyLoss'), [[0.0, 0.0, 0.0, 0.0]], [2], 1.386294 / 2, id='softmax'),
    ],
)
def test_values(loss, predictions, targets, expected):
    value = MODELS.build(loss)(torch.tensor(predictions), torch.tensor(targets), 2.0)
    assert value.item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize('name', ['L1Loss', 'SmoothL1Loss', 'BinaryCrossEntropyLoss'])
def test_half_precision_sums_are_whole(name):
    ones = torch.ones(100_000, dtype=torch.bfloat16)  # a running bfloat16 sum of ones stops at 256
    value = MODELS.build(dict(type=name))(ones, torch.zeros(100_000), 100_000.0)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx({'L1Loss': 1, 'SmoothL1Loss': 0.5, 'BinaryCrossEntropyLoss': 1.313262}[name])


@pytest.mark.parametrize('count, expected', [(7, 7.0), (0, 1.0), (0.25, 1.0)])
def test_count_is_at_least_one(count, expected):
    assert batch_count(count, torch.zeros(1)).item() == expected
