"""tools/train.py, tools/test_video.py and their shell scripts as a user calls them, on a toy model."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from mmdet.checkpoints import load_file
from mmdet.errors import AnnotationsMissingError, CheckpointError, ConfigError
from mmdet.ops.backends import backends

ROOT = Path(__file__).resolve().parents[2]
TOY = ROOT / 'tests/engine'
CONFIG = """
custom_imports = dict(imports=['toy'])
seed = 3
model = dict(type='ToyModel')
train_dataloader = dict(batch_size=3, num_workers=0, dataset=dict(type='ToyData'))
val_dataloader = dict(num_workers=0, dataset=dict(type='ToyData', test_mode=True))
test_dataloader = dict(num_workers=0, dataset=dict(type='ToyData', test_mode=True))
train_cfg = dict(max_iters=10, val_interval=5)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.01))
param_scheduler = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=6)]
log_cfg = dict(interval=1)
checkpoint_cfg = dict(interval=5)
val_evaluator = dict(type='ToyMetric')
test_evaluator = dict(type='ToyMetric')
"""


def tool(name):
    """The main function of a tool."""
    spec = importlib.util.spec_from_file_location(f'tools_{name}', ROOT / f'tools/{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(TOY))
    monkeypatch.delenv('RANK', raising=False)
    (tmp_path / 'config.py').write_text(CONFIG)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def weights(tmp_path):
    """Weights of a short training."""
    assert tool('train')(['config.py', '--work-dir', 'trained', '--cfg-options', 'train_cfg.max_iters=1']) == 0
    return 'trained/last.safetensors'


def state(folder):
    return load_file(Path(folder) / 'iter_10.pth')


def test_terminated_and_resumed(tmp_path):
    """The whole way: a process, a signal from outside, exit code 75, --resume, and the bits of one go."""
    command = [sys.executable, str(ROOT / 'tools/train.py'), 'config.py', '--work_dir', 'parts']
    slow = 'import time, toy\ntoy.time.sleep(0)\n'  # a step that lasts long enough to be hit by the signal
    (tmp_path / 'slow.py').write_text(
        slow
        + 'def wait(step, losses):\n    time.sleep(0.1)\n    return losses\n'
        + 'old = toy.ToyModel.__init__\n'
        + 'def init(self, noise=True):\n    old(self, noise)\n    self.losses = wait\n'
        + 'toy.ToyModel.__init__ = init\n'
    )
    child = subprocess.Popen(
        [*command, '--cfg-options', "custom_imports.imports=['slow']"],
        env={**os.environ, 'PYTHONPATH': f'{TOY}{os.pathsep}{tmp_path}'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    log = tmp_path / 'parts/scalars.jsonl'
    deadline = time.monotonic() + 180  # nothing is measured; importing alone takes a minute on a busy machine
    while not (log.exists() and log.read_text().count('"train"') >= 6) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGTERM)
    out = child.communicate(timeout=60)[0]
    assert child.returncode == 75, out
    assert 'go on with --resume' in out
    assert tool('train')(['config.py', '--work-dir', 'parts', '--resume']) == 0
    assert tool('train')(['config.py', '--work-dir', 'whole']) == 0
    parts, whole = state('parts'), state('whole')
    assert all(torch.equal(parts['state_dict'][key], whole['state_dict'][key]) for key in whole['state_dict'])
    assert parts['random_state'] == whole['random_state']
    assert parts['message'] == whole['message']


def test_started_by_torchrun():
    """Two processes with half the batch each, started by PyTorch's own launcher, are one process."""
    options = ['--cfg-options', 'model.noise=False']
    launcher = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2']
    command = [*launcher, str(ROOT / 'tools/train.py'), 'config.py', '--work-dir', 'two', *options]
    done = subprocess.run(
        [*command, 'train_dataloader.batch_size=2'],
        env={**os.environ, 'PYTHONPATH': str(TOY), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(state('two')['random_state']) == 2  # both took part
    assert tool('train')(['config.py', '--work-dir', 'one', *options, 'train_dataloader.batch_size=4']) == 0
    one, two = ([json.loads(line) for line in (Path(f) / 'scalars.jsonl').open()] for f in ('one', 'two'))
    assert [line['loss'] for line in two if line['mode'] == 'train'] == pytest.approx(
        [line['loss'] for line in one if line['mode'] == 'train'], rel=1e-5
    )
    assert [line['iter'] for line in two if line['mode'] == 'val'] == [5, 10]


def test_train_leaves_what_it_should(capsys):
    assert tool('train')(['config.py', '--seed', '5', '--amp', '--deterministic']) == 0
    folder = Path('work_dirs/config')
    names = {path.name for path in folder.iterdir()}
    assert {'config.py', 'train.log', 'scalars.jsonl', 'iter_5.pth', 'iter_10.pth', 'last_checkpoint'} <= names
    assert {'best_videos.pth', 'last.safetensors'} <= names
    meta = state(folder)['meta']
    resolved = json.loads(meta['resolved_config'])
    assert (meta['seed'], resolved['optim_wrapper']['type']) == (5, 'AmpOptimWrapper')
    assert 'videos 3.0000' in capsys.readouterr().out
    validations = [json.loads(line) for line in (folder / 'scalars.jsonl').read_text().splitlines()]
    assert [line['iter'] for line in validations if line['mode'] == 'val'] == [5, 10]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--cfg-options', 'train_cfg.max_iter=3'], "Did you mean 'max_iters'"),
        (['--cfg-options', "model.type='ToyModle'"], 'Did you mean ToyModel'),
        (['--cfg-options', "custom_hooks=[{'type': 'SignlAt'}]"], 'Did you mean SignalAt'),
        (['--cfg-options', "custom_hooks=[{'type': 'EMAHook'}, {'type': 'SignalAt', 'number': 1}]"], 'needs iteration'),
        (['--cfg-options', 'custom_hooks=EMAHook,SignalAt'], 'custom_hooks must be a list of dicts'),
        (['--cfg-options', 'val_evaluator=None'], 'needs both val_dataloader and val_evaluator'),
        (['--cfg-options', 'train_dataloader=None'], 'no train_dataloader'),
        (['--cfg-options', "model.detector={'num_classes': 3}"], 'model has no key'),
        (['--cfg-options', 'log_cfg.interval=0'], 'log_cfg.interval'),
        (['--work-dir', 'config.py/x'], 'cannot be written'),
    ],
)
def test_train_refuses(options, message):
    with pytest.raises(ConfigError) as error:
        tool('train')(['config.py', *options])
    assert message in str(error.value)


def test_video_gives_all_that_is_asked_for(weights, capsys):
    argv = ['config.py', weights, '--out', 'r.json', '--eval', 'segm', '--json', 'n/m.json', '--dump-detections', 'd']
    assert tool('test_video')([*argv, '--chunk', '3', '--work-dir', 'w']) == 0
    assert json.loads(Path('r.json').read_text()) == [10, 11, 12]
    assert json.loads(Path('n/m.json').read_text()) == {'videos': 3.0, 'frames': 9.0}
    assert np.load('d/video_11.npz', allow_pickle=False)['frames'].tolist() == [0, 1, 2]
    assert list(Path('w').iterdir()) == []  # intermediate results are gone
    assert 'frames 9.0000' in capsys.readouterr().out


def test_video_without_ground_truth(weights):
    options = ['--cfg-options', 'test_dataloader.dataset.has_annotations=False']
    for wanted in ([], ['--eval', 'segm'], ['--out', 'r.json', '--eval', 'segm']):
        with pytest.raises(AnnotationsMissingError, match='has no annotations'):
            tool('test_video')(['config.py', weights, *wanted, *options])
    assert not Path('r.json').exists()
    assert tool('test_video')(['config.py', '--checkpoint', weights, '--out', 'r.json', *options]) == 0
    assert Path('r.json').exists()


def test_video_with_wrong_weights(weights):
    torch.save({'state_dict': {'other.weight': torch.zeros(3)}}, 'other.pth')
    with pytest.raises(CheckpointError, match=r'other\.pth'):
        tool('test_video')(['config.py', 'other.pth'])
    with pytest.raises(CheckpointError, match='give the checkpoint'):
        tool('test_video')(['config.py'])
    for argv in (['config.py', weights, '--checkpoint', weights], ['config.py', weights, '--eval', 'x']):
        with pytest.raises(SystemExit) as error:
            tool('test_video')(argv)
        assert error.value.code == 2


def test_print_config_and_doctor(capsys):
    assert tool('print_config')(['config.py', '--cfg-options', 'seed=9']) == 0
    namespace: dict = {}
    exec(capsys.readouterr().out, namespace)
    assert (namespace['seed'], namespace['model']) == (9, {'type': 'ToyModel'})
    assert tool('print_config')(['config.py', '--json']) == 0
    assert json.loads(capsys.readouterr().out)['seed'] == 3
    assert tool('doctor')([]) == 0
    assert 'torchvision' in capsys.readouterr().out
    assert tool('doctor')(['--json']) == 0
    found = json.loads(capsys.readouterr().out)
    assert 'packages' in found and found['operations'] == backends()


@pytest.mark.parametrize('name', ['dist_train', 'dist_test_tracking', 'slurm_train'])
def test_scripts_explain_themselves(name):
    done = subprocess.run(['bash', str(ROOT / f'tools/{name}.sh')], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, '')
    assert f'tools/{name}.sh' in done.stderr


@pytest.fixture
def recorder(tmp_path, monkeypatch):
    """A program that prints its arguments, one a line, in the place of python and srun."""
    path = tmp_path / 'bin/record'
    path.parent.mkdir()
    path.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    path.chmod(0o755)
    (path.parent / 'srun').symlink_to(path)
    monkeypatch.setenv('PYTHON', str(path))
    monkeypatch.setenv('PATH', f'{path.parent}{os.pathsep}{os.environ["PATH"]}')

    def call(*command):
        done = subprocess.run(['bash', str(ROOT / 'tools' / command[0]), *command[1:]], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return call


def test_scripts_pass_everything_on(recorder, monkeypatch):
    told = recorder('dist_train.sh', 'c.py', '4', '--amp')
    assert told == [f'{ROOT}/tools/train.py', 'c.py', '--gpus', '4', '--amp']
    told = recorder('dist_test_tracking.sh', 'c.py', '2', '--checkpoint', 'a b.pth')
    assert told == [f'{ROOT}/tools/test_video.py', 'c.py', '--gpus', '2', '--checkpoint', 'a b.pth']
    monkeypatch.setenv('GPUS', '16')
    told = recorder('slurm_train.sh', 'part', 'job', 'c.py', 'w', '--resume')
    assert {'--ntasks=16', '--ntasks-per-node=8', '--gres=gpu:8', '--job-name=job'} <= set(told)
    assert told[-7:] == [f'{ROOT}/tools/train.py', 'c.py', '--work-dir', 'w', '--launcher', 'slurm', '--resume']
    monkeypatch.setenv('NNODES', '2')
    monkeypatch.setenv('NODE_RANK', '1')
    monkeypatch.setenv('MASTER_ADDR', 'here')
    told = recorder('dist_train.sh', 'c.py', '8')
    assert {'--nnodes=2', '--node-rank=1', '--master-addr=here', '--nproc-per-node=8'} <= set(told)
