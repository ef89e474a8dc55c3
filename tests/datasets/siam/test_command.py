"""``tools/convert_dataset.py siam-crops``, and ``tools/check_data.py`` on what it made."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from mmdet.datasets import Crop511Dataset
from mmdet.datasets.shapes import ShapesConfig, make_shapes
from mmdet.errors import ConfigError, DataError
from mmdet.sequences import object_numbers, read_label_map


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


@pytest.fixture(scope='module')
def masked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A training video of two objects in the layouts of YouTube-VOS and DAVIS, roots by format."""
    root = tmp_path_factory.mktemp('masked')
    config = ShapesConfig(size=(96, 64), num_frames=3, enter_probability=0, leave_probability=0, objects=(2, 2))
    for name in ('youtube-vos', 'davis'):
        make_shapes(root / name, config, {'train': 1}, fmt=name, progress=False)
    return {name: root / name for name in ('youtube-vos', 'davis')}


def places(root: Path, form: str) -> list[str]:
    """Options that name the training part of a set."""
    if form == 'youtube-vos':
        annotations, images, maps = 'train/meta.json', 'train/JPEGImages', 'train/Annotations'
    else:
        annotations, images, maps = 'ImageSets/2017/train.txt', 'JPEGImages/480p', 'Annotations/480p'
    files = ['--annotations', str(root / annotations), '--images', str(root / images), '--maps', str(root / maps)]
    return ['--format', form, *files, '--quiet']


@pytest.mark.parametrize('form', ['youtube-vos', 'davis'])
def test_squares_of_label_maps(tool: ModuleType, masked: dict[str, Path], tmp_path: Path, form: str) -> None:
    """A square and a mask for every object of every map; without the small ones, for fewer."""
    root = masked[form]
    areas = [int((labels == n).sum()) for path in sorted(root.rglob('*.png'))
             for labels in [read_label_map(path)] for n in object_numbers(labels)]  # fmt: skip
    assert len(areas) > 1
    for limit, expected in ((0, len(areas)), (sorted(areas)[1], sum(a >= sorted(areas)[1] for a in areas))):
        out = tmp_path / str(limit)
        assert tool.main(['siam-crops', str(out), *places(root, form), '--min-area', str(limit)]) == 0
        assert len(list(out.rglob('*.x.jpg'))) == len(list(out.rglob('*.m.png'))) == expected
    assert Crop511Dataset('train.json', data_root=str(tmp_path / '0')).with_masks is True


@pytest.mark.parametrize(('form', 'folder'), [('imagenet-vid', 'VID/train/v1'), ('imagenet-det', 'DET/train/n01')])
def test_squares_of_boxes(tool: ModuleType, tmp_path: Path, form: str, folder: str) -> None:
    """XML files with boxes alone: squares without masks."""
    box = '<xmin>5</xmin><ymin>6</ymin><xmax>25</xmax><ymax>30</ymax>'
    item = f'<object><trackid>0</trackid><name>n01</name><bndbox>{box}</bndbox></object>'
    for t in range(2):
        xml, image = (tmp_path / kind / folder / f'{t:06d}' for kind in ('Annotations', 'Data'))
        xml.parent.mkdir(parents=True, exist_ok=True)
        image.parent.mkdir(parents=True, exist_ok=True)
        size = '<size><width>64</width><height>48</height></size>'
        xml.with_suffix('.xml').write_text(f'<annotation>{size}{item}</annotation>')
        cv2.imwrite(str(image.with_suffix('.jpg')), np.full((48, 64, 3), 90, np.uint8))
        image.with_suffix('.jpg').rename(image.with_suffix('.JPEG'))
    part = folder.rpartition('/')[0]
    files = ['--annotations', str(tmp_path / 'Annotations' / part), '--images', str(tmp_path / 'Data' / part)]
    assert tool.main(['siam-crops', str(tmp_path / 'out'), '--format', form, *files, '--quiet']) == 0
    assert len(list(tmp_path.rglob('*.x.jpg'))) == 2 and not list(tmp_path.rglob('*.m.png'))


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
