from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from mmdet.errors import ConfigError, DataError


@pytest.fixture(scope='module')
def tool(repo_root: Path) -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location('convert_dataset_tool', repo_root / 'tools' / 'convert_dataset.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_squares_of_a_video_set(
    tool: ModuleType, tiny_shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    annotations, images = tiny_shapes / 'annotations/train.json', tiny_shapes / 'train/JPEGImages'
    files = ['--annotations', str(annotations), '--images', str(images)]
    assert tool.main(['siam-crops', str(tmp_path), *files, '--subset', 'shapes', '--quiet']) == 0
    assert 'squares of 2 videos' in capsys.readouterr().out
    index = json.loads((tmp_path / 'shapes.json').read_text())
    assert len(index) == 2
    count = sum(len(frames) for video in index.values() for frames in video.values())
    assert len(list(tmp_path.rglob('*.x.jpg'))) == len(list(tmp_path.rglob('*.m.png'))) == count > 0


def test_squares_of_images(tool: ModuleType, tmp_path: Path, data_dir: Path) -> None:
    coco = data_dir / 'real/coco_images'
    annotations = next((coco / 'annotations').glob('*.json'))
    files = ['--format', 'coco', '--annotations', str(annotations), '--images', str(coco / 'train')]
    assert tool.main(['siam-crops', str(tmp_path), *files, '--quiet']) == 0
    assert len(json.loads((tmp_path / 'train.json').read_text())) == 2


@pytest.mark.parametrize(
    ('options', 'error', 'word'),
    [
        (['--format', 'davis'], ConfigError, '--maps'),
        (['--maps', 'x'], ConfigError, 'no label maps'),
        ([], DataError, 'does not exist'),
    ],
)
def test_wrong_use(tool: ModuleType, tmp_path: Path, options: list[str], error: type[Exception], word: str) -> None:
    with pytest.raises(error, match=word):
        tool.main(['siam-crops', str(tmp_path), '--annotations', 'none.json', '--images', '.', *options])
