"""Where tests find reference numbers and real frames, and configs made small enough to run in a test."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# One thread, before torch is imported: some tests fork, and a child of a process that has a pool of OpenMP threads
# hangs at its first parallel loop. What tests compute is too small to gain from threads anyway.
os.environ.setdefault('OMP_NUM_THREADS', '1')

ROOT = Path(__file__).resolve().parents[1]


def _external(variable: str, default: str) -> Path:
    folder = Path(os.environ.get(variable, ROOT.parent / 'shared' / default))
    if not folder.is_dir():
        reason = f'{folder} is not there; set {variable} to the folder that holds it'
        if os.environ.get('CI') == 'true':
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope='session')
def parity_dir() -> Path:
    """Folder with the original programs' inputs and outputs (environment variable PARITY_DIR)."""
    return _external('PARITY_DIR', 'parity')


@pytest.fixture(scope='session')
def data_dir() -> Path:
    """Folder with real frames, annotations and results (environment variable DATA_DIR)."""
    return _external('DATA_DIR', 'data')


@pytest.fixture(scope='session')
def repo_root() -> Path:
    """Root of the repository."""
    return ROOT


@pytest.fixture(scope='session')
def tiny_shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Procedural videos of 4 frames, 96 x 64 pixels: two to train on, three to test."""
    from mmdet.datasets.shapes import ShapesConfig, make_shapes

    config = ShapesConfig(size=(96, 64), num_frames=4, enter_probability=0, leave_probability=0)
    folder = tmp_path_factory.mktemp('shapes') / 'set'
    return make_shapes(folder, config, {'train': 2, 'valid': 3}, progress=False)


def _edit(node: Any, changes: dict[str, Any]) -> None:
    """Set every value called by a key of ``changes``, at any depth, where the config has it."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list | tuple) else ()
    for key, value in list(items):
        if isinstance(node, dict) and key in changes:
            node[key] = changes[key]
        else:
            _edit(value, changes)


def _narrow_siammask(model: Any) -> None:
    """A tracker of few channels; its maps keep their sizes."""
    base, channels = 4, 8
    expansion = 1 if model.backbone.depth < 50 else 4
    widths = [base, *(base * expansion * 2**i for i in range(3))]
    model.backbone.update(base_channels=base, pretrained=None)
    _edit(model, dict(in_channels=channels, channels=channels, skip_channels=tuple(widths[:3])))
    model.neck.update(in_channels=widths[3], out_channels=channels)


def _narrow_model(model: Any) -> None:
    """Few channels everywhere, six classes, random weights."""
    if model.type == 'SiamMask':
        _narrow_siammask(model)
        return
    base, channels = 8, 16
    backbone = model.detector.backbone
    backbone.update(base_channels=base, pretrained=None)
    if backbone.type == 'ResNeXt':
        backbone.update(groups=2, base_width=32)
    expansion = 1 if backbone.depth < 50 else 4
    widths = dict(feat_channels=channels, channels=channels, in_channels=channels, out_channels=channels)
    _edit(model, dict(num_classes=6, fc_channels=32, patch_size=3, **widths))
    model.detector.neck.in_channels = [base * expansion * 2**i for i in range(4)]


def _reduce_pairs(config: Any, shapes: Path) -> None:
    """Pairs of procedural videos, no weights of an earlier stage; tests follow objects without a test set."""
    for key in ('val_dataloader', 'val_evaluator', 'test_dataloader', 'test_evaluator', 'load_from'):
        config.pop(key, None)
    videos = dict(
        type='YouTubeVISDataset',
        data_root=str(shapes),
        ann_file='annotations/train.json',
        img_prefix='train/JPEGImages',
    )
    data = config.train_dataloader.dataset
    data.update(num_pairs=4, sources=[{**source, 'data': videos, 'num_use': None} for source in data.sources])


@pytest.fixture
def reduced_config(repo_root: Path, tiny_shapes: Path) -> Callable[[str, Path], Any]:
    """``reduced_config(name, work_dir)``: a config with narrow layers and procedural data, two iterations long."""
    from mmdet.engine.config import load_config

    def make(name: str, work_dir: Path) -> Any:
        config = load_config(repo_root / 'configs' / f'{name}.py')
        _narrow_model(config.model)
        if config.model.type == 'SiamMask':
            _reduce_pairs(config, tiny_shapes)
        for part, split in (('train', 'train'), ('val', 'valid'), ('test', 'valid')):
            loader = config.get(f'{part}_dataloader')
            if loader is None:
                continue
            _edit(loader, dict(scale=(96, 64)))
            loader.num_workers = 0
            if loader.dataset.type == 'SiamPairDataset':
                continue
            if loader.dataset.type == 'COCOVideoDataset':
                loader.dataset.type = 'YouTubeVISDataset'  # the same images, one at a time
            place = dict(data_root=str(tiny_shapes), ann_file=f'annotations/{split}.json', split=None)
            loader.dataset.update(place, img_prefix=f'{split}/JPEGImages')
        config.work_dir = str(work_dir)
        if 'train_dataloader' not in config:
            return config
        config.train_dataloader.batch_size = 2
        config.train_cfg = dict(max_iters=2, val_interval=100)
        if config.model.type == 'SiamMask':
            return config
        if config.test_evaluator.type == 'COCOMetric':
            config.val_evaluator = config.test_evaluator = dict(type='YTVISMetric')
        return config

    return make
