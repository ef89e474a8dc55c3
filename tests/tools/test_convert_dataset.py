"""Conversions from the command line."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from mmdet.datasets import InstanceDatabase
from mmdet.datasets.shapes import KITTIMOTSWriter, ShapesConfig, make_shapes
from mmdet.errors import ConfigError


@pytest.fixture
def tool(repo_root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location('convert_dataset', repo_root / 'tools/convert_dataset.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_instances_of_a_file(
    tool: ModuleType, tiny_shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file, images = tiny_shapes / 'annotations/train.json', tiny_shapes / 'train/JPEGImages'
    source = ['--annotations', str(file), '--images', str(images)]
    assert tool.main(['mots-instances', str(tmp_path / 'db'), *source, '--quiet']) == 0
    assert 'instances of 2 videos' in capsys.readouterr().out
    assert len(InstanceDatabase(str(tmp_path / 'db'))) > 4


def test_instances_of_kitti_mots(tool: ModuleType, tmp_path: Path) -> None:
    config = ShapesConfig(classes=('square', 'star', 'ring'), size=(96, 64), num_frames=3)
    make_shapes(tmp_path / 'kitti', config, {'train': 2}, KITTIMOTSWriter(), progress=False)
    arguments = ['--mots', str(tmp_path / 'kitti'), '--sequences', '0001', '--quiet']
    assert tool.main(['mots-instances', str(tmp_path / 'db'), *arguments]) == 0
    database = InstanceDatabase(str(tmp_path / 'db'))
    assert database.classes == ('car', 'pedestrian')
    assert {track['video'] for track in database.tracks} == {'0001'}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ([], 'reads either --mots ROOT or --annotations FILE'),
        (['--mots', 'a', '--annotations', 'b'], 'reads either'),
        (['--annotations', 'b'], 'needs --images'),
    ],
)
def test_options_that_do_not_fit(tool: ModuleType, tmp_path: Path, options: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tool.main(['mots-instances', str(tmp_path), *options])
