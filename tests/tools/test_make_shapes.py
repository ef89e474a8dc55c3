from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mmdet.errors import ConfigError


@pytest.fixture(scope='module')
def tool(repo_root: Path) -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location('make_shapes_tool', repo_root / 'tools' / 'make_shapes.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_makes_a_set_with_the_options_given(repo_root: Path, tmp_path: Path) -> None:
    options = '--train 1 --valid 1 --size 64x48 --frames 2 --objects 1 2 --classes disc star --occlusion heavy --quiet'
    command = [sys.executable, str(repo_root / 'tools' / 'make_shapes.py'), str(tmp_path / 'set'), *options.split()]
    done = subprocess.run([*command, '--seed', '7'], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith('ytvis, 1 train, 1 valid videos')
    document = json.loads((tmp_path / 'set' / 'annotations' / 'train.json').read_text())
    video = document['videos'][0]
    assert (video['width'], video['height'], video['length']) == (64, 48, 2)
    assert [c['name'] for c in document['categories']] == ['disc', 'star']
    assert document['info']['config']['occlusion'] == 'heavy'
    assert json.loads((tmp_path / 'set' / 'shapes.json').read_text())['seed'] == 7


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        pytest.param(['--size', 'large'], 'WIDTHxHEIGHT', id='size is not a size'),
        pytest.param(['--format', 'coco'], '--format', id='unknown layout'),
        pytest.param(['--format', 'davis', '--rle', 'compressed'], '--rle', id='option of another layout'),
        pytest.param(['--others', 'ignore'], '--others', id='option of kitti-mots alone'),
    ],
)
def test_wrong_usage(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        tool.main([str(tmp_path / 'set'), *arguments])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'set').exists()


def test_bad_value_is_a_config_error(tool: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='num_frames'):
        tool.main([str(tmp_path / 'set'), '--frames', '0'])


def test_other_layouts(tool: ModuleType, tmp_path: Path) -> None:
    small = ['--train', '1', '--valid', '0', '--size', '48x32', '--frames', '1', '--quiet']
    tool.main([str(tmp_path / 'mots'), *small, '--format', 'kitti-mots'])
    assert (tmp_path / 'mots' / 'instances_txt' / '0000.txt').is_file()
    tool.main([str(tmp_path / 'davis'), *small, '--format', 'davis'])
    assert (tmp_path / 'davis' / 'ImageSets' / '2017' / 'train.txt').read_text() == 'train_00000\n'


@pytest.mark.parametrize(('options', 'classes'), [([], {1, 2}), (['--others', 'background'], {1, 2})])
def test_mots_sets_have_two_classes(tool: ModuleType, tmp_path: Path, options: list[str], classes: set[int]) -> None:
    few = ['--train', '3', '--valid', '0', '--size', '48x32', '--frames', '2', '--objects', '4', '4', '--quiet']
    tool.main([str(tmp_path / 'two'), *few, '--format', 'kitti-mots', *options])
    assert classes_in(tmp_path / 'two') == classes
    three = ['--classes', 'square', 'star', 'ring']
    tool.main([str(tmp_path / 'three'), *few, '--format', 'kitti-mots', *options, *three])
    assert classes_in(tmp_path / 'three') == (classes if options else {*classes, 10})


def classes_in(root: Path) -> set[int]:
    """Classes in the text files of a set in KITTI MOTS layout."""
    lines = [line for file in (root / 'instances_txt').glob('*.txt') for line in file.read_text().splitlines()]
    return {int(line.split()[2]) for line in lines}
