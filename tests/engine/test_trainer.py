"""The loop: what is saved, validated and logged when; bad losses; hooks."""

from __future__ import annotations

import json
import re

import pytest
import torch
from mmengine.hooks import EMAHook, Hook

from mmdet.checkpoints import load_file
from mmdet.engine.train_log import set_up_logging
from mmdet.errors import CheckpointError, ConfigError, NonFiniteLossError


class FakeValidator:
    """Gives prepared numbers, and draws random ones, which training must not notice."""

    def __init__(self, scores=(), then=None):
        self.scores, self.then, self.calls = list(scores), then, 0

    def run(self, stop=None):
        torch.rand(5)
        self.calls += 1
        if self.then is not None:
            return self.then(self.calls, stop)
        return {'AP': self.scores[self.calls - 1], 'AR': 0.5}


@pytest.mark.parametrize(
    ('case', 'changes', 'files'),
    [
        ('iterations', {'checkpoint_cfg': {'interval': 4}}, ['iter_10', 'iter_4', 'iter_8']),
        ('epochs', {'train_cfg': {'max_epochs': 2}}, ['epoch_1', 'epoch_2']),
        ('the end only', {'checkpoint_cfg': {'interval': 0}}, ['iter_10']),
        ('keep two', {'checkpoint_cfg': {'interval': 2, 'max_keep': 2}}, ['iter_10', 'iter_8']),
        ('keep all', {'checkpoint_cfg': {'interval': 5, 'max_keep': -1}}, ['iter_10', 'iter_5']),
        (
            'accumulation ends first',  # batches 3, 4 (end of epoch), 7, 8, 10: the next place after a multiple of 2
            {'checkpoint_cfg': {'interval': 5, 'max_keep': 0}, 'optim_wrapper': None},
            ['iter_10', 'iter_7'],
        ),
    ],
)
def test_which_checkpoints(toy, process, tmp_path, case, changes, files):
    if 'optim_wrapper' in changes:
        wrapper = {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 0.1}, 'accumulative_counts': 3}
        changes = {**changes, 'optim_wrapper': wrapper}
    toy.make_trainer(toy.toy_config(tmp_path, **changes), process).train()
    assert sorted(path.stem for path in tmp_path.glob('*.pth')) == sorted(files), case
    assert (tmp_path / 'last_checkpoint').read_text() == f'{files[0] if "iter" in files[0] else files[-1]}.pth\n'


def test_an_earlier_run_keeps_its_files(toy, process, tmp_path):
    config = toy.toy_config(tmp_path, checkpoint_cfg={'interval': 3, 'max_keep': 1}, train_cfg={'max_iters': 7})
    toy.make_trainer(config, process).train()
    config.train_cfg = {'max_iters': 3}
    toy.make_trainer(config, process).train()
    assert sorted(path.name for path in tmp_path.glob('*.pth')) == ['iter_3.pth', 'iter_7.pth']
    assert len(list(tmp_path.glob('scalars*.jsonl'))) == 2
    config.train_cfg = {'max_iters': 9}
    toy.make_trainer(config, process).train(tmp_path)  # goes on, so the files are its own now
    assert sorted(path.name for path in tmp_path.glob('*.pth')) == ['iter_9.pth']


@pytest.mark.parametrize(
    ('schedule', 'expected'),
    [
        ({'max_epochs': 3}, [1, 2, 3]),
        ({'max_epochs': 3, 'val_interval': 2}, [2, 3]),
        ({'max_epochs': 3, 'val_begin': 3}, [3]),
        ({'max_iters': 10, 'val_interval': 4}, [4, 8, 10]),
        ({'max_iters': 10}, [10]),
        ({'max_epochs': 3, 'val_interval': 0}, []),
    ],
)
def test_when_it_validates(toy, process, tmp_path, schedule, expected):
    at = []

    def note(calls, stop):
        at.append(trainer.epoch if trainer.by_epoch else trainer.iter)
        return {}

    validator = FakeValidator(then=note)
    trainer = toy.make_trainer(toy.toy_config(tmp_path, train_cfg=schedule), process, validator=validator)
    trainer.train()
    assert at == expected


def test_validation_leaves_no_trace_in_training(toy, process, tmp_path):
    for name, validator in (('with', FakeValidator([0.1] * 5)), ('without', None)):
        config = toy.toy_config(tmp_path / name, train_cfg={'max_iters': 10, 'val_interval': 2})
        toy.make_trainer(config, process, validator=validator).train()
    first, second = (load_file(tmp_path / name / 'iter_10.pth')['state_dict'] for name in ('with', 'without'))
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize(
    ('changes', 'scores', 'best_iter'),
    [
        ({}, [0.2, 0.5, 0.4], 8),
        ({'rule': 'less'}, [0.2, 0.1, 0.4], 8),
        ({}, [0.2, float('nan'), 0.1], 4),
        ({'save_best': 'AR'}, [0.2, 0.5, 0.4], 4),  # always 0.5: the first stays
        ({'save_best': None}, [0.2, 0.5, 0.4], None),
    ],
)
def test_best_checkpoint(toy, process, tmp_path, changes, scores, best_iter):
    config = toy.toy_config(
        tmp_path,
        train_cfg={'max_iters': 12, 'val_interval': 4},
        checkpoint_cfg={'interval': 0, 'max_keep': 1, **changes},
    )
    toy.make_trainer(config, process, validator=FakeValidator(scores)).train()
    best = list(tmp_path.glob('best_*.pth'))
    assert [load_file(path)['message']['iter'] for path in best] == ([best_iter] if best_iter else [])
    with_numbers = [line for line in (tmp_path / 'scalars.jsonl').read_text().splitlines() if '"val"' in line]
    assert len(with_numbers) == 3


def test_best_number_that_does_not_exist(toy, process, tmp_path):
    config = toy.toy_config(tmp_path, checkpoint_cfg={'save_best': 'mAP'}, train_cfg={'max_epochs': 1})
    with pytest.raises(ConfigError, match="no number 'mAP' among AP, AR"):
        toy.make_trainer(config, process, validator=FakeValidator([0.1])).train()
    assert (tmp_path / 'epoch_1.pth').exists()


def test_stop_during_validation_repeats_it(toy, process, tmp_path):
    def interrupted(calls, stop):
        stop._since = 0.0

    config = toy.toy_config(tmp_path, train_cfg={'max_epochs': 2})
    assert not toy.make_trainer(config, process, validator=FakeValidator(then=interrupted)).train()
    again = FakeValidator([0.3, 0.4])
    trainer = toy.make_trainer(config, process, validator=again)
    assert trainer.train(tmp_path)
    assert (again.calls, trainer.state.model.steps) == (2, 4)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_non_finite_loss(toy, process, tmp_path, value):
    trainer = toy.make_trainer(toy.toy_config(tmp_path), process)
    before = {}

    def losses(step, values):
        if step == 3:
            before.update({key: tensor.clone() for key, tensor in trainer.state.model.state_dict().items()})
            values['loss_a'] = values['loss_a'] * value
        return values

    trainer.state.model.losses = losses
    with pytest.raises(NonFiniteLossError, match=rf'iteration 2: loss_a = {value}, loss = {value}') as error:
        trainer.train()
    record = json.loads((tmp_path / 'non_finite_loss_iter_2_rank_0.json').read_text())
    assert len(record['samples']) == 3
    for sample in record['samples']:
        assert f'video {sample["video_id"]} frame {sample["frame_id"]} ({sample["img_path"]})' in str(error.value)
    assert all(torch.equal(tensor, before[key]) for key, tensor in trainer.state.model.state_dict().items())


def test_a_number_that_is_no_loss_may_be_nan(toy, process, tmp_path):
    trainer = toy.make_trainer(toy.toy_config(tmp_path), process)
    trainer.state.model.losses = lambda step, values: {**values, 'acc': torch.tensor(float('nan'))}
    assert trainer.train()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda step, values: {k: v for k, v in values.items() if step < 3 or k != 'loss_b'}, 'without loss_b'),
        (lambda step, values: {**values, **({'loss_c': values['loss_a']} if step > 2 else {})}, 'with new loss_c'),
        (lambda step, values: {'accuracy': values['loss_a']}, "no entry whose key contains 'loss', only: accuracy"),
        (lambda step, values: {'loss': 3.0}, "loss 'loss' must be a tensor"),
    ],
)
def test_bad_losses(toy, process, tmp_path, change, message):
    trainer = toy.make_trainer(toy.toy_config(tmp_path), process)
    trainer.state.model.losses = change
    with pytest.raises(ConfigError) as error:
        trainer.train()
    assert message in str(error.value)


def test_full_disk_during_a_checkpoint(toy, process, tmp_path, monkeypatch):
    config = toy.toy_config(tmp_path, checkpoint_cfg={'interval': 5})
    trainer = toy.make_trainer(config, process)
    from mmdet.checkpoints import files

    write = files._Sink.write
    saves = []

    def full(self, data):
        if trainer.iter > 5:
            self._failure = OSError(28, 'No space left on device')
            saves.append(1)
            return len(data)
        return write(self, data)

    monkeypatch.setattr(files._Sink, 'write', full)
    with pytest.raises(CheckpointError, match='No space left'):
        trainer.train()
    assert saves
    assert (tmp_path / 'last_checkpoint').read_text() == 'iter_5.pth\n'
    assert load_file(tmp_path / 'iter_5.pth')['message']['iter'] == 5
    assert not list(tmp_path.glob('.*partial'))


def test_console_and_files(toy, process, tmp_path, capsys):
    set_up_logging(process, tmp_path)
    config = toy.toy_config(tmp_path, log_cfg={'interval': 5}, train_cfg={'max_epochs': 3})
    toy.make_trainer(config, process).train()
    out = capsys.readouterr().out
    assert re.search(r'epoch 2/3 batch 1/4  eta \d:\d\d:\d\d  lr [\d.e-]+  grad_norm', out)
    lines = [json.loads(line) for line in (tmp_path / 'scalars.jsonl').read_text().splitlines()]
    assert [line['iter'] for line in lines] == [5, 10, 12]
    assert {'lr', 'loss', 'loss_a', 'loss_b', 'acc', 'time', 'data_time', 'memory_mb', 'epoch'} <= lines[0].keys()
    assert list((tmp_path / 'tensorboard').iterdir())
    assert 'eta' in (tmp_path / 'train.log').read_text()


def test_hooks_see_a_runner(toy, process, tmp_path):
    class Watch(Hook):
        seen = []

        def before_train(self, runner):
            self.seen.append((runner.max_iters, runner.max_epochs, runner.rank, runner.distributed))

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            if self.every_n_train_iters(runner, 4):
                self.seen.append((runner.iter, batch_idx, sorted(outputs), len(data_batch['inputs'])))

        def after_train_epoch(self, runner):
            self.seen.append(f'epoch {runner.epoch}')

    config = toy.toy_config(tmp_path, train_cfg={'max_epochs': 2})
    toy.make_trainer(config, process, hooks=[Watch()]).train()
    names = ['acc', 'loss', 'loss_a', 'loss_b']
    assert Watch.seen == [(8, 2, 0, False), (3, 3, names, 3), 'epoch 0', (7, 3, names, 3), 'epoch 1']


def test_averaged_weights_by_mmengines_hook(toy, process, tmp_path):
    config = toy.toy_config(tmp_path, checkpoint_cfg={'interval': 5})
    trainer = toy.make_trainer(config, process, hooks=[EMAHook(momentum=0.5)])
    trainer.train()
    own = trainer.state.model.state_dict()
    averaged = load_file(tmp_path / 'last.safetensors')['state_dict']
    assert any(not torch.equal(own[key], averaged[key]) for key in own)
    whole = load_file(tmp_path / 'iter_10.pth')
    assert all(torch.equal(whole['state_dict'][key], averaged[key]) for key in own)
    config.work_dir = str(tmp_path / 'again')
    again = toy.make_trainer(config, process, hooks=[EMAHook(momentum=0.5)])
    again.train(tmp_path / 'iter_5.pth')
    assert all(torch.equal(tensor, own[key]) for key, tensor in again.state.model.state_dict().items())
