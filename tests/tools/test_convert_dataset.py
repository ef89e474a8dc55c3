"""``tools/convert_dataset.py``: options reach the conversion, errors end without a traceback."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from mmdet.datasets import InstanceDatabase
from mmdet.datasets.shapes import KITTIMOTSWriter, ShapesConfig, make_shapes
from mmdet.errors import ConfigError, DataError
from mmdet.formats import mots_seqmap
from mmdet.ops import rle


def _run(repo_root: Path, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, str(repo_root / 'tools/convert_dataset.py'), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_kins(repo_root: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / '1.png'), np.full((50, 70, 3), 90, np.uint8))
    mask = np.zeros((50, 70), np.uint8)
    mask[49, 69] = 1
    objects = [dict(id=1, image_id=1, category_id=2, inmodal_seg=rle.encode(mask))]
    document = dict(images=[dict(id=1, file_name='1.png', height=50, width=70)], annotations=objects)
    (tmp_path / 'instances_val.json').write_text(json.dumps(document))
    place = (tmp_path / 'instances_val.json', tmp_path, tmp_path / 'out')
    done = _run(repo_root, 'kins', *place, '--class', 'pedestrian', '--size', '20x10', '--format', 'jpg', '--quiet')
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / 'out/instances_val.json').read_text())
    assert written['images'] == [{'id': 1, 'file_name': '1_0.jpg', 'height': 10, 'width': 20}]
    assert written['annotations'][0]['bbox'] == [19, 9, 1, 1]
    failed = _run(repo_root, 'kins', *place[:2], tmp_path / 'cars')
    assert failed.returncode == 1 and "no object of the class 'car'" in failed.stderr
    assert 'Traceback' not in failed.stderr
    assert _run(repo_root, 'kins', *place, '--size', 'large').returncode == 2


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


@pytest.mark.parametrize('choice', [['--sequences', '0001'], ['--seqmap', 'map']], ids=['names', 'map'])
def test_instances_of_kitti_mots(tool: ModuleType, tmp_path: Path, choice: list[str]) -> None:
    config = ShapesConfig(classes=('square', 'star', 'ring'), size=(96, 64), num_frames=3)
    make_shapes(tmp_path / 'kitti', config, {'train': 2}, KITTIMOTSWriter(), progress=False)
    (tmp_path / 'map').write_text('0001 empty 000000 000002\n')
    choice = [text.replace('map', str(tmp_path / 'map')) if text == 'map' else text for text in choice]
    arguments = ['--mots', str(tmp_path / 'kitti'), *choice, '--quiet']
    assert tool.main(['mots-instances', str(tmp_path / 'db'), *arguments]) == 0
    database = InstanceDatabase(str(tmp_path / 'db'))
    assert database.classes == ('car', 'pedestrian')
    assert {track['video'] for track in database.tracks} == {'0001'}


def test_instances_of_a_part_of_kitti_mots(tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def stop(source: str, images: str, layout: str, rows: list, *_: object) -> None:
        asked.append([row.name for row in rows])
        raise DataError('enough is known')

    monkeypatch.setattr('mmdet.datasets.mots.mots_document', stop)
    with pytest.raises(DataError, match='enough'):
        tool.main(['mots-instances', str(tmp_path / 'db'), '--mots', 'kitti', '--part', 'train'])
    validated = {row.name for row in mots_seqmap('kitti', 'val')}
    assert len(asked[0]) == 12 and not validated & set(asked[0])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ([], 'reads either --mots ROOT or --annotations FILE'),
        (['--mots', 'a', '--annotations', 'b'], 'reads either'),
        (['--annotations', 'b'], 'needs --images'),
        (['--mots', 'a', '--split', 'holdout'], '--split is for --annotations'),
        (['--annotations', 'b', '--images', 'c', '--part', 'train'], '--part, --sequences and --seqmap are for --mots'),
    ],
)
def test_options_that_do_not_fit(tool: ModuleType, tmp_path: Path, options: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tool.main(['mots-instances', str(tmp_path), *options])
