"""What docs/data.md prints for own data works: the config, and the class with an argument of its own."""

from __future__ import annotations

import inspect
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmdet.datasets import VideoDataset
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
    path.write_text(block(repo_root, '_classes = 1'))
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
