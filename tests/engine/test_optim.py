"""Learning rates as the schedule states them, mixed precision on the CPU, and bad optimiser configs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from mmdet.engine.config import load_config
from mmdet.engine.optim import build_optim_wrapper, build_schedulers, learning_rates, scheduler_state, with_amp
from mmdet.errors import ConfigError

CPU = torch.device('cpu')
SGD = {'type': 'SGD', 'lr': 0.005, 'momentum': 0.9, 'weight_decay': 1e-4}
ORIGINAL = load_config(Path(__file__).parents[2] / 'configs/masktrack_rcnn_r50_fpn_1x_youtubevis.py')  # states them
STATED = [scheduler.to_dict() for scheduler in ORIGINAL.param_scheduler]


def rates_of_a_run(epochs: int, iterations: int) -> dict[tuple[int, int], float]:
    """Rate by (epoch, iteration in the epoch), both from 0."""
    wrapper = build_optim_wrapper(nn.Linear(1, 1), ORIGINAL.optim_wrapper.to_dict(), CPU)
    warm_up, steps = build_schedulers(wrapper, STATED, iterations)
    rates = {}
    for epoch in range(epochs):
        for iteration in range(iterations):
            rates[epoch, iteration] = learning_rates(wrapper)[0]
            wrapper.step()
            warm_up.step()
        steps.step()
    return rates


def test_stated_learning_rates():
    rates = rates_of_a_run(12, 510)
    expected = {0: 0.005 / 3, 1: 0.00167333, 250: 0.01 / 3, 499: 0.00499333, 500: 0.005, 509: 0.005}
    for iteration, rate in expected.items():
        assert rates[0, iteration] == pytest.approx(rate, rel=3e-6)
    for iteration in range(500):
        assert rates[0, iteration] == pytest.approx(0.005 * (1 - (1 - iteration / 500) * 2 / 3), rel=1e-12)
    for epoch, rate in {7: 0.005, 8: 0.0005, 10: 0.0005, 11: 0.00005}.items():
        assert rates[epoch, 0] == rates[epoch, 509] == pytest.approx(rate, rel=1e-12)


def test_scheduler_state_is_plain_and_sufficient():
    wrapper = build_optim_wrapper(nn.Linear(1, 1), {'type': 'OptimWrapper', 'optimizer': SGD}, CPU)
    schedulers = build_schedulers(wrapper, STATED, 10)
    for _ in range(9):
        wrapper.step()
        schedulers[1].step()
    state = scheduler_state(schedulers[1])
    assert all(isinstance(value, int | float | str | bool | list | None) for value in state.values())
    again = build_schedulers(wrapper, STATED, 10)[1]
    again.load_state_dict(state)
    assert (again.last_step, again._global_step, again.milestones) == (9, 9, schedulers[1].milestones)


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
def test_mixed_precision_on_cpu(dtype):
    torch.manual_seed(0)
    model = nn.Linear(4, 4)
    before = model.weight.detach().clone()
    config = with_amp({'type': 'OptimWrapper', 'dtype': dtype, 'optimizer': SGD, 'clip_grad': {'max_norm': 1}}, CPU)
    wrapper = build_optim_wrapper(model, config, CPU)
    with wrapper.optim_context(model):
        out = model(torch.ones(2, 4))
        assert out.dtype == getattr(torch, dtype)
    wrapper.update_params(out.float().pow(2).mean())
    assert model.weight.dtype == torch.float32
    assert not torch.equal(model.weight, before)
    state = wrapper.state_dict()
    again = build_optim_wrapper(model, config, CPU)
    again.load_state_dict(state)
    assert again.scaler.state_dict() == wrapper.scaler.state_dict()
    assert bool(state['loss_scaler']) == (dtype == 'float16')


def test_accumulation_equals_the_large_batch():
    def train(counts: int) -> torch.Tensor:
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
        config = {'type': 'OptimWrapper', 'optimizer': SGD, 'accumulative_counts': counts}
        wrapper = build_optim_wrapper(model, config, CPU)
        wrapper.initialize_count_status(model, 0, counts)
        for part in torch.arange(12.0).view(4, 3).chunk(counts):
            wrapper.update_params(model(part).mean())
        return model.weight.detach()

    assert torch.allclose(train(2), train(1), rtol=1e-6)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ({'type': 'OptimWrapper', 'optimizer': {'type': 'AdmaW', 'lr': 1}}, 'did you mean Adam'),
        ({'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'learning_rate': 1}}, 'learning_rate'),
        ({'type': 'OptimWrapper'}, 'name of an optimiser'),
        ({'type': 'OptimWraper', 'optimizer': SGD}, "use 'OptimWrapper'"),
        ({'type': 'OptimWrapper', 'dtype': 'bfloat16', 'optimizer': SGD}, "'AmpOptimWrapper' to give a dtype"),
        ({'type': 'AmpOptimWrapper', 'dtype': 'float8', 'optimizer': SGD}, 'float8'),
        ({'type': 'OptimWrapper', 'optimizer': SGD, 'clip_grad': {}}, 'clip_grad'),
    ],
)
def test_bad_optimiser(config, message):
    with pytest.raises(ConfigError) as error:
        build_optim_wrapper(nn.Linear(1, 1), config, CPU)
    assert message in str(error.value)


def test_nothing_to_train():
    with pytest.raises(ConfigError, match='frozen'):
        build_optim_wrapper(nn.Linear(1, 1).requires_grad_(False), {'type': 'OptimWrapper', 'optimizer': SGD}, CPU)


@pytest.mark.parametrize(
    ('config', 'message'),
    [({'type': 'LinearL'}, 'LinearL'), ({'type': 'LinearLR', 'start': 1}, 'start'), ({'milestones': [1]}, 'None')],
)
def test_bad_schedule(config, message):
    wrapper = build_optim_wrapper(nn.Linear(1, 1), {'type': 'OptimWrapper', 'optimizer': SGD}, CPU)
    with pytest.raises(ConfigError, match=message):
        build_schedulers(wrapper, [config], 10)
