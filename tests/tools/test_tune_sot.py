"""tools/tune_sot.py: settings reach the config, finished runs are kept, the best one is written."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from mmdet.checkpoints import save_weights
from mmdet.datasets.shapes import ShapesConfig, make_shapes
from mmdet.engine.config import load_config
from mmdet.engine.tuning import ModelRunner, ModelTask, parse_settings, points_of
from mmdet.engine.tuning.model_runner import device_of
from mmdet.errors import ConfigError
from mmdet.models.siammask.options import TrackingOptions
from mmdet.registry import MODELS, register_all

CONFIG = """
model = dict(type='ToyModel')
test_dataloader = dict(num_workers=0, dataset=dict(type='ToyData', test_mode=True))
test_evaluator = dict(type='ToyMetric')
"""


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tool(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool as a module, with config.py and w.pth in the current folder."""
    monkeypatch.chdir(tmp_path)
    toy = load('engine_toy', repo_root / 'tests/engine/toy.py')
    (tmp_path / 'config.py').write_text(CONFIG)
    torch.save({'state_dict': toy.ToyModel().state_dict()}, 'w.pth')
    return load('tools_tune_sot', repo_root / 'tools/tune_sot.py')


def trials(folder: str) -> list[dict]:
    return [json.loads(line) for line in Path(folder, 'trials.jsonl').read_text().splitlines()[1:]]


def test_search(tool: ModuleType, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ['config.py', 'w.pth', '--out', 'w', '--param', 'test_cfg.chunk_size=1,2', '--param', 'seed=0:2:1']
    assert tool.main(argv) == 0
    places = [trial['params'] for trial in trials('w')]
    assert places[0] == {}
    assert [tuple(params.values()) for params in places[1:]] == [(0, 1), (1, 1), (0, 2), (1, 2)]  # seed, chunk_size
    best = load_config('w/best.py')
    assert 'test_cfg' not in best  # all are equal: the config as it is wins
    assert 'chunk_size | seed |' in Path('w/trials.md').read_text().splitlines()[0]
    assert 'best' in capsys.readouterr().out
    monkeypatch.setattr(ModelRunner, 'run', pytest.fail)  # all is there: nothing runs again
    assert tool.main(argv) == 0


def test_other_weights_are_another_search(tool: ModuleType) -> None:
    argv = ['config.py', 'w.pth', '--out', 'w', '--param', 'seed=1', '--metric', 'videos', '--lowest']
    assert tool.main(argv) == 0
    Path('w.pth').write_bytes(b'other')
    with pytest.raises(ConfigError, match='holds trials of another search'):
        tool.main(argv)


def test_a_number_that_the_metric_does_not_have(tool: ModuleType) -> None:
    with pytest.raises(ConfigError, match="has no number 'EAO'; it has videos"):
        tool.main(['config.py', 'w.pth', '--out', 'w', '--param', 'seed=1', '--metric', 'EAO'])


NETWORKS = {
    'boxes': ({}, 1),
    'base': ({'mask_head': {'type': 'SiamMaskHead'}}, 3),
    'stage2': ({'mask_head': None, 'stage2_head': {'type': 'S2MaskHead'}}, 3),
}


@pytest.mark.parametrize(('model', 'thresholds'), NETWORKS.values(), ids=NETWORKS)
def test_the_grid_of_siammask(tool: ModuleType, model: dict, thresholds: int) -> None:
    args = tool.parse(['config.py', 'w.pth'])
    points = points_of(parse_settings(tool.usual_settings(model)), args)
    assert len(points) == 1 + 5 * 6 * 5 * thresholds
    assert list(points[1].values())[:3] == [0.08, 0.38, 0.3]


@pytest.mark.parametrize('name', ['siammask_base_r50_davis', 'siammask_sharp_r50_vot2018', 's2iammask_r50_vot2018'])
def test_the_grid_of_siammask_fits_its_configs(tool: ModuleType, repo_root: Path, name: str) -> None:
    config = repo_root / f'configs/{name}.py'
    task = ModelTask(str(config), 'w.pth', 'w')
    settings = {path: values[-1] for path, values in parse_settings(tool.usual_settings(task.load().model)).items()}
    task.check([{}, settings])
    model = task.load(settings).model
    cfg, stage2 = model.test_cfg, model.get('stage2_head')
    assert (cfg.penalty_k, cfg.window_influence, cfg.lr) == (0.12, 0.43, 0.34)
    assert (stage2.vote_threshold if stage2 else cfg.mask_threshold) == (0.3 if stage2 else 0.35)
    assert TrackingOptions.from_config(cfg.to_dict()).penalty_k == 0.12


def test_workers_share_the_search_of_a_whole_model(
    tool: ModuleType, reduced_config: Callable, repo_root: Path, tmp_path: Path
) -> None:
    """Two processes try thresholds of a small network with a second stage; each setting changes the numbers."""
    config = reduced_config('s2iammask_r18_shapes', tmp_path / 'work')
    root = tmp_path / 'davis'
    small = ShapesConfig(size=(96, 64), num_frames=3, enter_probability=0, objects=(1, 1))
    make_shapes(root, small, {'valid': 1}, fmt='davis', progress=False)
    whole = load_config(repo_root / 'configs/s2iammask_r18_shapes.py')
    config.test_dataloader, config.test_evaluator = whole.test_dataloader, whole.test_evaluator
    config.test_dataloader.dataset.data_root = str(root)
    config.model.stage2_head.num_votes = 1
    config.dump(tmp_path / 'tiny.py')
    register_all()
    state = MODELS.build(config.model).state_dict()
    still = {name: torch.zeros_like(value) for name, value in state.items() if name.startswith('rpn_head')}
    save_weights({**state, **still}, tmp_path / 'tiny.safetensors', {})  # the box stays where it was marked
    argv = ['tiny.py', 'tiny.safetensors', '--out', 'w', '--workers', '2']
    assert tool.main([*argv, '--param', 'model.stage2_head.vote_threshold=0.0,0.9']) == 0
    found = {trial['params'].get('model.stage2_head.vote_threshold'): trial['numbers'] for trial in trials('w')}
    assert set(found) == {None, 0.0, 0.9}
    assert found[0.0]['J-Mean'] > found[0.9]['J-Mean']  # everything, and nothing
    argv = ['tiny.py', 'tiny.safetensors', '--out', 'refusing']
    assert tool.main([*argv, '--param', 'model.stage2_head.vote_threshold=1.0,0.5']) == 0  # the first cannot be
    problems = [trial['problem'] for trial in trials('refusing')]
    assert len(problems) == 3 and sum('vote_threshold' in problem for problem in problems) == 1


@pytest.mark.parametrize('gpus', [0, 1, 3])
def test_workers_are_dealt_to_the_gpus_in_turn(gpus: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: gpus)
    devices = [device_of(worker) for worker in range(5)]
    assert [device.index for device in devices] == [worker % gpus if gpus else None for worker in range(5)]


def test_every_setting_is_checked_before_the_first_trial(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelRunner, 'run', pytest.fail)
    with pytest.raises(ConfigError, match=r"no key 'chunk_sise'\. Did you mean 'chunk_size'"):
        tool.main(['config.py', 'w.pth', '--out', 'w', '--param', 'test_cfg.chunk_sise=1,2'])
