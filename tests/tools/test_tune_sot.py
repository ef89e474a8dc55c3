"""tools/tune_sot.py: settings reach the config, finished runs are kept, the best one is written."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
import torch

from mmdet.engine.config import load_config
from mmdet.engine.tuning import ModelRunner, ModelTask, parse_settings, points_of
from mmdet.errors import ConfigError
from mmdet.models.siammask.options import TrackingOptions

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
    assert (best.test_cfg.chunk_size, best.seed) == (1, 0)  # all are equal: the first in the order of settings
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


def test_the_grid_of_siammask(tool: ModuleType) -> None:
    args = tool.parse(['config.py', 'w.pth'])
    points = points_of(parse_settings(tool.DEFAULT), args)
    assert len(points) == 1 + 5 * 6 * 5
    assert list(points[1].values()) == [0.08, 0.38, 0.3]


@pytest.mark.parametrize('name', ['siammask_base_r50_davis', 'siammask_sharp_r50_vot2018', 's2iammask_r50_vot2018'])
def test_the_grid_of_siammask_fits_its_configs(tool: ModuleType, repo_root: Path, name: str) -> None:
    config = repo_root / f'configs/{name}.py'
    settings = {path: values[-1] for path, values in parse_settings(tool.DEFAULT).items()}
    task = ModelTask(str(config), 'w.pth', 'w')
    task.check([{}, settings])
    cfg = task.load(settings).model.test_cfg
    assert (cfg.penalty_k, cfg.window_influence, cfg.lr) == (0.12, 0.43, 0.34)
    assert TrackingOptions.from_config(cfg.to_dict()).penalty_k == 0.12


def test_every_setting_is_checked_before_the_first_trial(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelRunner, 'run', pytest.fail)
    with pytest.raises(ConfigError, match=r"no key 'chunk_sise'\. Did you mean 'chunk_size'"):
        tool.main(['config.py', 'w.pth', '--out', 'w', '--param', 'test_cfg.chunk_sise=1,2'])
