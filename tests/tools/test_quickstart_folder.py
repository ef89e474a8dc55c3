"""The quickstart deletes nothing but what a quickstart made."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from mmdet.errors import ConfigError, MMDetError


@pytest.fixture
def tool(repo_root: Path) -> ModuleType:
    """tools/quickstart.py as a module."""
    spec = importlib.util.spec_from_file_location('quickstart', repo_root / 'tools/quickstart.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize('before', ['missing', 'empty', 'own'])
def test_folders_that_are_taken(tool: ModuleType, tmp_path: Path, before: str) -> None:
    folder = tmp_path / 'a/b'
    if before != 'missing':
        folder.mkdir(parents=True)
    if before == 'own':
        tool.claim(folder)
        (folder / 'train').mkdir()
        (folder / 'train/last.safetensors').touch()
    tool.claim(folder)
    assert [path.name for path in folder.iterdir()] == ['quickstart.json']


@pytest.mark.parametrize('content', ['notes.txt', '.hidden', 'summary.json', 'quickstart.json/x'])
def test_folders_that_are_left_alone(tool: ModuleType, tmp_path: Path, content: str) -> None:
    (tmp_path / content).parent.mkdir(exist_ok=True)
    (tmp_path / content).write_text('precious')
    with pytest.raises(ConfigError, match='was not made by the quickstart'):
        tool.claim(tmp_path)
    assert (tmp_path / content).read_text() == 'precious'


def test_a_file_in_the_place_of_the_folder(tool: ModuleType, tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('precious')
    with pytest.raises(ConfigError, match='cannot be used'):
        tool.claim(tmp_path / 'file')
    assert (tmp_path / 'file').read_text() == 'precious'


def test_the_folder_is_seen_from_where_the_user_is(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    calls = []

    def fail(command: list[str], **_: object) -> SimpleNamespace:
        calls.append(command)
        return SimpleNamespace(returncode=3)

    monkeypatch.setattr(subprocess, 'run', fail)
    with pytest.raises(MMDetError, match='data stage ended with code 3'):
        tool.main(['--work-dir', 'mine'])
    assert str(tmp_path / 'mine/data') in calls[0]
    assert 'quickstart' in json.loads((tmp_path / 'mine/quickstart.json').read_text())['note']


@pytest.mark.parametrize(
    ('cuda', 'cores', 'processes'), [(False, {0, 1}, 2), (False, set(range(16)), 2), (False, {3}, 1), (True, {0, 1}, 1)]
)
def test_processes(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, cuda: bool, cores: set[int], processes: int
) -> None:
    monkeypatch.setattr('torch.cuda.is_available', lambda: cuda)
    monkeypatch.setattr('os.sched_getaffinity', lambda _: cores, raising=False)
    args = tool.parse(['--train', 'train_cfg.max_iters=2'])
    commands = tool.stages(args)
    for stage in ('train', 'test'):
        assert commands[stage][commands[stage].index('--gpus') + 1] == str(processes)
    assert f'train_dataloader.batch_size={4 // processes}' in commands['train']
    assert commands['train'][-1] == 'train_cfg.max_iters=2'
    assert {'results.zip', 'results.json'} <= {Path(part).name for part in commands['test']}
