"""A user's own module is found beside the config and in the current folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mmdet.engine.config import load_config, resolved_text
from mmdet.errors import ConfigError

MODULE = """
from mmdet.registry import TRACKERS

@TRACKERS.register_module(force=True)
class {name}:
    def __init__(self, patience: int = 3) -> None: ...
"""


@pytest.fixture(autouse=True)
def _own_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, 'path', list(sys.path))
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')


@pytest.mark.parametrize('place', ['beside the config', 'current folder', 'command line'])
def test_a_module_of_the_user(tmp_path: Path, place: str) -> None:
    folder = tmp_path / 'here' if place == 'current folder' else tmp_path / 'configs'
    module = f'own_tracker_{place.replace(" ", "_")}'
    (tmp_path / 'configs').mkdir()
    (folder / f'{module}.py').write_text(MODULE.format(name='OwnTracker'))
    imports = f"custom_imports = dict(imports=['{module}'])\n" if place != 'command line' else ''
    (tmp_path / 'configs/config.py').write_text(f"{imports}model = dict(type='X')\n")
    load_config(tmp_path / 'configs/config.py', {} if imports else {'custom_imports.imports': [module]})
    assert module in sys.modules


def test_a_resolved_config_finds_what_lay_beside_its_origin(tmp_path: Path) -> None:
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs/own_resolved.py').write_text(MODULE.format(name='ResolvedTracker'))
    text = "custom_imports = dict(imports=['own_resolved'])\nmodel = dict(type='X')\n"
    (tmp_path / 'configs/config.py').write_text(text)
    config = load_config(tmp_path / 'configs/config.py')
    for name in ('once', 'twice'):
        (tmp_path / f'{name}.py').write_text(resolved_text(config))
        sys.modules.pop('own_resolved')
        sys.path[:] = [folder for folder in sys.path if folder != str(tmp_path / 'configs')]
        config = load_config(tmp_path / f'{name}.py')
        assert 'own_resolved' in sys.modules
    (tmp_path / 'own_resolved.py').write_text(MODULE.format(name='NearerTracker'))  # beside the resolved one
    sys.modules.pop('own_resolved')
    sys.path[:] = [folder for folder in sys.path if folder not in (str(tmp_path), str(tmp_path / 'configs'))]
    load_config(tmp_path / 'twice.py')
    assert hasattr(sys.modules['own_resolved'], 'NearerTracker')


def test_installed_packages_come_first(tmp_path: Path) -> None:
    (tmp_path / 'here/colorsys.py').write_text('raise RuntimeError')
    (tmp_path / 'here/config.py').write_text("custom_imports = dict(imports=['colorsys'])\nmodel = dict(type='X')\n")
    sys.modules.pop('colorsys', None)
    load_config('config.py')
    assert sys.path.count(str(tmp_path / 'here')) == 1


def test_a_module_that_is_not_there_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / 'here/config.py').write_text("model = dict(type='X')\n")
    with pytest.raises(ConfigError, match='no_such_module_here'):
        load_config('config.py', {'custom_imports.imports': ['no_such_module_here']})


def test_the_tool_finds_and_checks_it(repo_root: Path, tmp_path: Path) -> None:
    (tmp_path / 'beside.py').write_text(MODULE.format(name='BesideTracker'))
    config = "custom_imports = dict(imports=['beside'])\nmodel = dict(type='BesideTracker', patience=4)\n"
    (tmp_path / 'config.py').write_text(config)
    command = [sys.executable, str(repo_root / 'tools/print_config.py'), str(tmp_path / 'config.py')]
    done = subprocess.run(command, capture_output=True, text=True, cwd=repo_root, check=False)
    assert done.returncode == 0, done.stderr
    assert 'patience=4' in done.stdout
    command += ['--cfg-options', 'model.type=BesidTracker']
    done = subprocess.run(command, capture_output=True, text=True, cwd=repo_root, check=False)
    assert done.returncode == 1
    assert 'Did you mean BesideTracker' in done.stderr
