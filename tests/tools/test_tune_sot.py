"""tools/tune_sot.py: settings reach the config, finished runs are kept, the best one is written."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
import torch

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


def test_search(tool: ModuleType, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ['config.py', 'w.pth', '--work-dir', 'w', '--set', 'test_cfg.chunk_size=[1,2]', '--set', 'seed=0,2,1']
    assert tool.main(argv) == 0
    lines = [json.loads(line) for line in Path('w/tune.jsonl').read_text().splitlines()]
    assert sorted(tuple(line['point'].values()) for line in lines) == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert json.loads(Path('w/best.json').read_text())['settings'] == lines[0]['point']
    assert '--cfg-options test_cfg.chunk_size=1 seed=0' in capsys.readouterr().out
    monkeypatch.setattr(tool, 'evaluate_point', pytest.fail)  # all is there: nothing runs again
    assert tool.main(argv) == 0


def test_the_grid_of_siammask(tool: ModuleType) -> None:
    args = tool.parse(['config.py', 'w.pth'])
    points = tool.points_of(args.axes, args)
    assert len(points) == 150
    assert set(points[0]) == {'model.penalty_k', 'model.window_influence', 'model.lr'}
    assert len(tool.points_of(args.axes, tool.parse(['config.py', 'w.pth', '--random', '7']))) == 7
