"""10 steps are 6 steps, a stop and 4 steps: bit for bit, whatever the optimiser, the schedule and the data."""

from __future__ import annotations

import json
import logging
import signal

import numpy as np
import pytest
import torch

from mmdet.checkpoints import load_file
from mmdet.engine.random_state import isolated_random_state, random_state, seed_everything, set_random_state
from mmdet.errors import CheckpointError

ADAMW = {'type': 'OptimWrapper', 'optimizer': {'type': 'AdamW', 'lr': 0.01}, 'clip_grad': {'max_norm': 1.0}}
SGD = {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9}}
GROUPS = {**SGD, 'paramwise_cfg': {'bias_lr_mult': 2.0}}
AMP = {**ADAMW, 'type': 'AmpOptimWrapper', 'dtype': 'float16'}


def assert_same(first, second, where='checkpoint'):
    """Equal to the last bit, through nested dicts and lists."""
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second), where
    elif isinstance(first, dict):
        assert first.keys() == second.keys(), where
        for key in first:
            assert_same(first[key], second[key], f'{where}.{key}')
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), where
        for index, (a, b) in enumerate(zip(first, second)):
            assert_same(a, b, f'{where}[{index}]')
    else:
        assert first == second, where


def last(folder):
    checkpoint = load_file(folder / (folder / 'last_checkpoint').read_text().strip())
    checkpoint.pop('meta')
    return checkpoint


def scalars(folder):
    lines = [json.loads(line) for line in (folder / 'scalars.jsonl').read_text().splitlines()]
    return {line['iter']: [line[key] for key in ('lr', 'loss', 'loss_a', 'acc', 'epoch')] for line in lines}


@pytest.mark.parametrize(
    ('optimizer', 'length', 'stop_at', 'workers', 'number'),
    [
        (ADAMW, {'max_iters': 10}, 6, 0, signal.SIGTERM),
        (ADAMW, {'max_epochs': 3}, 6, 0, signal.SIGUSR1),  # within epoch 2 of batches 4
        (SGD, {'max_epochs': 3}, 8, 0, signal.SIGTERM),  # at the end of an epoch
        (GROUPS, {'max_iters': 10}, 1, 0, signal.SIGTERM),
        (AMP, {'max_iters': 10}, 7, 2, signal.SIGTERM),
        ({**ADAMW, 'accumulative_counts': 3}, {'max_epochs': 3}, 5, 0, signal.SIGTERM),  # inside an accumulation
    ],
    ids=['AdamW', 'AdamW in epochs', 'SGD at an epoch end', 'SGD in groups', 'float16, workers', 'accumulation'],
)
def test_stop_and_go(toy, process, tmp_path, optimizer, length, stop_at, workers, number):
    def run(name, hooks=(), resume=False):
        config = toy.toy_config(tmp_path / name, optim_wrapper=optimizer, train_cfg=length)
        trainer = toy.make_trainer(config, process, toy.train_loader(process, workers=workers), hooks)
        return trainer.train(tmp_path / name if resume else None), trainer

    assert run('whole')[0]
    finished, stopped = run('parts', [toy.SignalAt(stop_at, number)])
    assert not finished
    assert stop_at <= stopped.iter < 10
    finished, resumed = run('parts', resume=True)
    assert finished
    assert resumed.state.model.steps == resumed.iter - stopped.iter  # nothing was done twice
    assert_same(last(tmp_path / 'whole'), last(tmp_path / 'parts'))
    assert scalars(tmp_path / 'whole') == scalars(tmp_path / 'parts')


def test_checkpoint_holds_plain_values(toy, process, tmp_path):
    toy.make_trainer(toy.toy_config(tmp_path), process).train()
    path = tmp_path / 'iter_10.pth'
    checkpoint = torch.load(path, weights_only=True)  # the strictest reader there is
    assert checkpoint['message']['iter'] == 10
    assert checkpoint['meta']['classes'] == ['thing']
    assert checkpoint['meta']['seed'] == 3
    assert json.loads(checkpoint['meta']['resolved_config'])['optim_wrapper']['optimizer']['type'] == 'AdamW'
    assert load_file(tmp_path / 'last.safetensors')['state_dict'].keys() == checkpoint['state_dict'].keys()


def test_resume_falls_back_to_the_last_good_one(toy, process, tmp_path, caplog):
    config = toy.toy_config(tmp_path, checkpoint_cfg={'interval': 5})
    toy.make_trainer(config, process).train()
    damaged = tmp_path / 'iter_10.pth'
    damaged.write_bytes(damaged.read_bytes()[:1000])
    trainer = toy.make_trainer(config, process)
    with caplog.at_level(logging.WARNING):
        assert trainer.train(tmp_path)
    assert trainer.state.model.steps == 5
    assert 'iter_10.pth' in caplog.text
    assert 'resuming from' in caplog.text


def test_nothing_to_resume_begins(toy, process, tmp_path, caplog):
    trainer = toy.make_trainer(toy.toy_config(tmp_path / 'new'), process)
    assert trainer.train(tmp_path / 'new')
    assert trainer.state.model.steps == 10
    assert 'starting from the beginning' in caplog.text


@pytest.mark.parametrize(
    ('case', 'changes', 'message'),
    [
        ('another path', {}, 'no such checkpoint'),
        ('weights alone', {}, 'load_from instead'),
        ('other schedule', {'param_scheduler': []}, 'param_schedulers'),
        ('other optimiser', {'optim_wrapper': GROUPS}, 'another model, optimiser or schedule'),
    ],
)
def test_cannot_resume(toy, process, tmp_path, case, changes, message):
    toy.make_trainer(toy.toy_config(tmp_path / 'a'), process).train()
    source = {'another path': tmp_path / 'nowhere.pth', 'weights alone': tmp_path / 'a/last.safetensors'}
    trainer = toy.make_trainer(toy.toy_config(tmp_path / 'b', **changes), process)
    with pytest.raises(CheckpointError, match=message):
        trainer.train(source.get(case, tmp_path / 'a/iter_10.pth'))


def test_a_changed_config_is_told(toy, process, tmp_path, caplog):
    toy.make_trainer(toy.toy_config(tmp_path), process).train()
    toy.make_trainer(toy.toy_config(tmp_path, train_cfg={'max_iters': 12}), process).train(tmp_path)
    assert 'the config changed since the checkpoint was saved: train_cfg.max_iters' in caplog.text


def test_random_state_round_trip():
    import random

    def draw():
        return random.gauss(0, 1), np.random.normal(), torch.rand(3).tolist()

    seed_everything(5)
    draw()  # the gaussians of python and numpy keep a second number back
    state = json.loads(json.dumps(random_state()))
    first = draw()
    set_random_state(state)
    with isolated_random_state():
        draw()
    assert draw() == first
