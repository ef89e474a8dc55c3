"""Every config trains for two iterations and tests one short video, with reduced sizes, on procedural data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from mmdet.datasets.shapes import ShapesConfig, make_shapes
from mmdet.engine.build import build_tester, build_trainer
from mmdet.engine.config import load_config
from mmdet.engine.distributed import join_processes
from mmdet.registry import MODELS

CONFIGS = sorted(path.stem for path in (Path(__file__).parents[1] / 'configs').glob('*.py'))
BASE_CHANNELS, CHANNELS = 8, 16


@pytest.fixture(scope='module')
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos to train on, one to test, 4 frames of 96 x 64 pixels."""
    root = tmp_path_factory.mktemp('shapes')
    config = ShapesConfig(size=(96, 64), num_frames=4, enter_probability=0, leave_probability=0)
    return make_shapes(root / 'set', config, {'train': 2, 'valid': 1}, progress=False)


def _edit(node: Any, changes: dict[str, Any]) -> None:
    """Set every value called by a key of ``changes``, at any depth, where the config has it."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list | tuple) else ()
    for key, value in list(items):
        if isinstance(node, dict) and key in changes:
            node[key] = changes[key]
        else:
            _edit(value, changes)


def reduced(name: str, repo_root: Path, shapes: Path, work_dir: Path) -> Config:
    """The config with narrow layers, small images and the procedural data in place of its own."""
    config = load_config(repo_root / 'configs' / f'{name}.py')
    backbone = config.model.detector.backbone
    expansion = 1 if backbone.depth < 50 else 4
    narrow = dict(base_channels=BASE_CHANNELS, pretrained=None)
    if backbone.type == 'ResNeXt':
        narrow.update(groups=2, base_width=32)
    backbone.update(narrow)
    stages = [BASE_CHANNELS * expansion * 2**i for i in range(4)]
    neck = config.model.detector.neck
    _edit(config.model, dict(num_classes=6, feat_channels=CHANNELS, channels=CHANNELS, fc_channels=32))
    _edit(config.model, dict(in_channels=CHANNELS, out_channels=CHANNELS))
    neck.in_channels = stages
    for part, split in (('train', 'train'), ('val', 'valid'), ('test', 'valid')):
        loader = config.get(f'{part}_dataloader')
        if loader is None:
            continue
        _edit(loader, dict(scale=(96, 64)))
        loader.num_workers = 0
        dataset = dict(data_root=str(shapes), ann_file=f'annotations/{split}.json', split=None)
        if loader.dataset.type == 'COCOVideoDataset':
            loader.dataset.type = 'YouTubeVISDataset'  # the same images, one at a time
        loader.dataset.update(dataset, img_prefix=f'{split}/JPEGImages')
    config.train_dataloader.batch_size = 2
    config.train_cfg = dict(max_iters=2, val_interval=100)
    if config.test_evaluator.type == 'COCOMetric':
        config.val_evaluator = config.test_evaluator = dict(type='YTVISMetric')
    config.work_dir = str(work_dir)
    return config


@pytest.mark.parametrize('name', CONFIGS)
def test_config_trains_and_tests(name: str, repo_root: Path, shapes: Path, tmp_path: Path) -> None:
    config = reduced(name, repo_root, shapes, tmp_path)
    process = join_processes('none')
    assert build_trainer(config, process).train()
    tester = build_tester(config, process, tmp_path / 'last.safetensors')
    numbers = tester.run()
    assert numbers is not None and 'AP' in numbers
    assert tester.export(tmp_path / 'results.json').endswith('results.json')


def test_training_starts_from_the_backbone_weights_that_the_config_names(
    repo_root: Path, shapes: Path, tmp_path: Path
) -> None:
    config = reduced('masktrack_rcnn_r18_fpn_shapes', repo_root, shapes, tmp_path / 'run')
    donor = MODELS.build(config.model.detector.backbone)
    torch.save(donor.state_dict(), tmp_path / 'imagenet.pth')
    config.model.detector.backbone.pretrained = str(tmp_path / 'imagenet.pth')
    config.optim_wrapper.optimizer = dict(type='SGD', lr=0.0)
    trainer = build_trainer(config, join_processes('none'))
    assert not trainer.state.model.detector.backbone.conv1.weight.equal(donor.conv1.weight)
    trainer.train()
    assert trainer.state.model.detector.backbone.conv1.weight.equal(donor.conv1.weight)


def test_every_config_is_in_the_table(repo_root: Path) -> None:
    table = (repo_root / 'configs/README.md').read_text()
    assert [name for name in CONFIGS if f'`{name}.py`' not in table] == []
