"""benchmarks/run_shapes.py and benchmarks/score_table.py."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmdet.engine.config import load_config, parse_overrides
from mmdet.engine.config_types import check_types
from mmdet.errors import DataError
from mmdet.registry import register_all


@pytest.mark.parametrize(('experiment', 'count'), [('occluded', 5), ('vos', 9)])
def test_stages_are_commands_that_configs_take(
    script: Callable, repo_root: Path, tmp_path: Path, experiment: str, count: int
) -> None:
    register_all()
    run = script('run_shapes')
    lines = run.stages(run.parse([experiment, '--work-dir', str(tmp_path), '--train', 'train_cfg.max_iters=3']))
    assert len(lines) == count
    for line in lines.values():
        assert (repo_root / line[0]).is_file()
        if line[1].startswith('configs/'):
            options = parse_overrides(line[line.index('--cfg-options') + 1 :])
            config = load_config(repo_root / line[1], options).to_dict()
            check_types(config, line[1])
            assert f'{tmp_path}/' in str(config['train_dataloader' if 'train' in line[0] else 'test_dataloader'])


def test_start_weights_are_for_networks_that_start_from_no_other(script: Callable, tmp_path: Path) -> None:
    run = script('run_shapes')
    lines = run.stages(run.parse(['vos', '--work-dir', str(tmp_path), '--start', str(tmp_path / 'start.safetensors')]))
    assert f'load_from={tmp_path}/start.safetensors' in lines['base']
    assert f'load_from={tmp_path}/base/last.safetensors' in lines['sharp']
    assert sum('start.safetensors' in ' '.join(line) for line in lines.values()) == 1


ROWS = {
    'occluded': (['MaskTrack', 'CMaskTrack'], {'masktrack', 'cmasktrack'}, 5, 'AP_heavy'),
    'vos': (['base', 'sharp', 's2, voting', 's2, no voting'], {'base', 'sharp', 's2'}, 9, 'J-Mean'),
}


@pytest.mark.slow
@pytest.mark.parametrize('experiment', ROWS)
def test_all_stages(repo_root: Path, tmp_path: Path, experiment: str) -> None:
    rows, networks, stages, number = ROWS[experiment]
    few = ['--train-videos', '2', '--valid-videos', '1', '--processes', '1', '--train', 'train_cfg.max_iters=1']
    small = ['train_dataloader.batch_size=2', 'train_dataloader.num_workers=0']
    run = [experiment, '--work-dir', str(tmp_path / 'run'), *few, *small]
    command = [sys.executable, 'benchmarks/run_shapes.py', *run]
    for _ in range(2):
        done = subprocess.run(command, cwd=repo_root, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count('] done') == stages
    score = json.loads((tmp_path / 'run/score.json').read_text())
    assert list(score['rows']) == rows
    assert set(score['minutes']) == networks
    for name in rows:
        measured = json.loads((tmp_path / f'run/{name}.json').read_text())
        assert score['rows'][name][number] == measured[number]


def test_table_of_seeds(script: Callable) -> None:
    seeds = [{'a': {'AP': 0.5}, 'b': {'AP': 0.6}}, {'a': {'AP': 0.3}, 'b': {'AP': 0.5}}]
    lines = script('score_table').table(seeds).splitlines()
    assert lines[0] == '| | AP |'
    assert lines[2:] == [
        '| a | 0.400 ± 0.141 (0.500, 0.300) |',
        '| b | 0.550 ± 0.071 (0.600, 0.500) |',
        '| b minus a | +0.150 ± 0.071 (+0.100, +0.200) |',
    ]


def test_table_of_one_seed_has_no_spread(script: Callable) -> None:
    assert script('score_table').table([{'a': {'AP': 0.5}}]).splitlines()[-1] == '| a | 0.500 (0.500) |'


def test_wrong_folders_are_refused(script: Callable, tmp_path: Path) -> None:
    scores = script('score_table')
    with pytest.raises(DataError, match='no scores'):
        scores.read_scores(tmp_path)
    (tmp_path / 'score.json').write_text('{"sMOTSA": 0.6}')
    with pytest.raises(DataError, match='rows'):
        scores.read_scores(tmp_path)
    with pytest.raises(DataError, match='different experiments'):
        scores.table([{'a': {'AP': 0.5}}, {'b': {'AP': 0.5}}])
