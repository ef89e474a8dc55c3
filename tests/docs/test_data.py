"""What docs/data.md prints for own data works: the configs, and the classes; data/README.md knows every folder."""

from __future__ import annotations

import inspect
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdet.datasets import TrainIndex, VideoDataset
from mmdet.datasets.check_configured import check_configured
from mmdet.engine.config import load_config
from mmdet.engine.config_types import check_types
from mmdet.registry import DATASETS, register_all


def block(repo_root: Path, mark: str) -> str:
    """The one printed Python block that contains ``mark``."""
    text = (repo_root / 'docs/data.md').read_text()
    (found,) = [block for block in re.findall(r'```python\n(.*?)```', text, re.S) if mark in block]
    return found


def test_config_for_own_data(repo_root: Path, tmp_path: Path) -> None:
    shutil.copytree(repo_root / 'configs', tmp_path / 'configs')
    path = tmp_path / 'configs/mine.py'
    path.write_text(block(repo_root, "split=None)"))
    config = load_config(path)
    check_types(config.to_dict(), 'mine.py')
    head = config.model.detector.roi_head
    assert head.bbox_head.num_classes == head.mask_head.num_classes == 1
    for name, file in (('train', 'train.json'), ('val', 'valid.json'), ('test', 'valid.json')):
        data = config[f'{name}_dataloader'].dataset
        assert (data.data_root, data.ann_file, data.img_prefix, data.split) == ('data/mine/', file, 'frames', None)
    assert 'youtube' not in str(config.to_dict()).lower().replace('youtubevisdataset', '')


@pytest.fixture
def registry() -> Iterator[None]:
    register_all()
    yield
    DATASETS._module_dict.pop('MyDataset', None)


def test_class_with_an_argument_of_its_own(repo_root: Path, registry: None) -> None:
    names: dict = {}
    exec(block(repo_root, "camera='left'"), names)
    cls = names['MyDataset']
    inherited = list(inspect.signature(VideoDataset).parameters)
    assert list(inspect.signature(cls).parameters) == [*inherited, 'camera']  # so that no key of a config is refused
    dataset = cls.__new__(cls)  # the check alone, without files
    dataset.ann_file = 'a.json'
    with pytest.raises(names['DataError'], match='videos without a camera'):
        dataset.check_document(dict(videos=[{'id': 1}]))


@pytest.fixture
def own_format(repo_root: Path, tmp_path: Path, registry: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The printed class and the printed config beside each other, and a set of that format where they look for it."""
    for name in ('walk', 'run'):
        for kind in ('frames', 'labels'):
            (tmp_path / 'data/mine' / kind / name).mkdir(parents=True)
        for frame in range(3):
            picture = np.zeros((48, 64), np.uint8)
            picture[8:28, 5 + frame : 25 + frame] = 1
            if frame:  # the second object comes later
                picture[20:40, 40:60] = 2
            cv2.imwrite(str(tmp_path / f'data/mine/labels/{name}/{frame:05d}.png'), picture)
            cv2.imwrite(str(tmp_path / f'data/mine/frames/{name}/{frame:05d}.jpg'), picture * 100)
    (tmp_path / 'data/mine/train.txt').write_text('walk\n')
    (tmp_path / 'data/mine/valid.txt').write_text('run\n')
    shutil.copytree(repo_root / 'configs', tmp_path / 'configs')
    (tmp_path / 'configs/my_dataset.py').write_text(block(repo_root, "'labels'"))
    (tmp_path / 'configs/my_format.py').write_text(block(repo_root, "imports=['my_dataset']"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'path', list(sys.path))  # reading the config puts its folder there
    yield tmp_path / 'configs/my_format.py'
    sys.modules.pop('my_dataset', None)


def test_own_format_trains_and_tests(own_format: Path) -> None:
    config = load_config(own_format)
    check_types(config.to_dict(), 'my_format.py')
    lines: list[str] = []
    sets = {name: config[f'{name}_dataloader'].dataset for name in ('train', 'val', 'test')}
    assert check_configured(sets, echo=lines.append) == 0, lines
    train, valid = DATASETS.build(sets['train']), DATASETS.build(sets['val'])
    clip = train[TrainIndex(1, epoch=0, seed=0)]
    assert clip['inputs'].shape[:2] == (2, 3)
    assert clip['data_samples'][0].gt_instances.instance_ids.tolist() == [1, 2]
    assert len(train) == len(valid) == 3 and valid.test_mode
    seen = [[mask is not None for mask in track['segmentations']] for track in valid.ground_truth()['annotations']]
    assert seen == [[True, True, True], [False, True, True]]


def test_own_format_names_everything_that_the_base_names(own_format: Path) -> None:
    base = own_format.parent / 'masktrack_rcnn_r50_fpn_12e_youtubevis2019.py'
    configs = load_config(base), load_config(own_format)
    for name in ('train', 'val', 'test'):
        theirs, ours = (config[f'{name}_dataloader'].dataset.to_dict() for config in configs)
        for values in (theirs, ours):
            for key in ('type', 'data_root', 'ann_file', 'img_prefix', 'split'):
                values.pop(key, None)
        assert ours == theirs


def test_every_folder_of_a_config_is_described(repo_root: Path) -> None:
    page = (repo_root / 'data/README.md').read_text()
    configs = [path.read_text() for path in repo_root.glob('configs/*.py')]
    named = {name for text in configs for name in re.findall(r"'data/([\w.-]+)", text)}
    assert len(named) > 10
    assert [name for name in sorted(named) if f'data/{name}/' not in page] == []
