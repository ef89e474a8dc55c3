"""``tools/convert_dataset.py siam-crops``, and ``tools/check_data.py`` on what it made."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from mmdet.errors import ConfigError, DataError


def _script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f'{path.stem}_tool', path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def tool(repo_root: Path) -> ModuleType:
    """The converter as a module."""
    return _script(repo_root / 'tools/convert_dataset.py')


@pytest.fixture(scope='module')
def check(repo_root: Path) -> ModuleType:
    """The checker as a module."""
    return _script(repo_root / 'tools/check_data.py')


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


def test_all_sources_of_a_config_are_checked(
    tool: ModuleType,
    check: ModuleType,
    square_config: dict,
    square_videos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = ['--annotations', str(square_videos / 'instances.json'), '--images', str(square_videos)]
    assert tool.main(['siam-crops', str(tmp_path), *files, '--quiet']) == 0
    squares = dict(type='Crop511Dataset', ann_file='train.json', data_root=str(tmp_path))
    sources = [dict(data=square_config), dict(data=squares)]
    config = tmp_path / 'config.py'
    config.write_text(f"train_dataloader = dict(dataset=dict(type='SiamPairDataset', sources={sources}))\n")
    assert check.main(['--config', str(config)]) == 0
    (tmp_path / 'train/nine/000000.00.x.jpg').unlink()
    assert check.main(['--config', str(config)]) == 1
    assert 'video train/nine, track 00, frame 000000' in capsys.readouterr().out


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
