"""A config is checked down to the last class and key without building anything."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from mmdet.engine.config import load_config
from mmdet.engine.config_types import check_types
from mmdet.errors import ConfigError

NAME = 'masktrack_rcnn_r18_fpn_shapes.py'


@pytest.fixture(scope='module')
def config(repo_root: Path) -> dict[str, Any]:
    """A config of the project as a plain dict."""
    return load_config(repo_root / 'configs' / NAME).to_dict()


def test_every_config_of_the_project_passes(repo_root: Path) -> None:
    for path in sorted((repo_root / 'configs').glob('*.py')):
        check_types(load_config(path).to_dict(), str(path))


CASES = {
    'class of the model': ('model.type', 'VideoInstanceSegmentor', "model: there is no registered class 'VideoInst"),
    'class deep inside': ('model.detector.rpn_head.assigner.type', 'MaxIoUAsigner', 'Did you mean MaxIoUAssigner'),
    'key deep inside': ('model.detector.roi_head.mask_head.num_conv', 4, "no key 'num_conv'. Did you mean 'num_convs'"),
    'tracker': ('model.tracker.memory', 3, 'model.tracker (MaskTrackTracker) has no key'),
    'transform in a list': ('train_dataloader.dataset.pipeline.3.probability', 3, 'pipeline.3 (RandomFlip) has no key'),
    'data set': ('test_dataloader.dataset.type', 'YouTubeVIS', 'Did you mean YouTubeVISDataset'),
    'loader': ('train_dataloader.batchsize', 3, 'train_dataloader: a data loader config does not take batchsize'),
    'normalisation': ('model.detector.neck.norm_cfg.type', 'LN', "model.detector.neck.norm_cfg: 'LN' is no norm"),
    'metric': ('test_evaluator.type', 'YTVISMetrik', 'Did you mean YTVISMetric'),
    'optimiser': ('optim_wrapper.optimizer.type', 'AdamV', "optim_wrapper.optimizer: there is no registered class"),
    'key of the optimiser': ('optim_wrapper.optimizer.weigth_decay', 0, "Did you mean 'weight_decay'"),
    'optimiser wrapper': ('optim_wrapper.type', 'OptimWraper', 'Did you mean OptimWrapper'),
    'schedule': ('param_scheduler.1.type', 'CosineLR', "param_scheduler.1: there is no registered class 'CosineLR'"),
    'key of a schedule': ('param_scheduler.0.start_faktor', 0.1, "Did you mean 'start_factor'"),
    'hook': ('custom_hooks', [{'type': 'EMAHok'}], 'Did you mean EMAHook'),
}


def changed(config: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    config = copy.deepcopy(config)
    *parents, last = path.split('.')
    node: Any = config
    for part in parents:
        node = node[int(part)] if isinstance(node, list | tuple) else node[part]
    node[last] = value
    return config


@pytest.mark.parametrize('case', CASES)
def test_mistakes(config: dict[str, Any], case: str) -> None:
    path, value, message = CASES[case]
    with pytest.raises(ConfigError) as error:
        check_types(changed(config, path, value), NAME)
    assert message in str(error.value)


def test_all_mistakes_at_once(config: dict[str, Any]) -> None:
    config = changed(changed(config, 'model.typo', 1), 'test_evaluator.type', 'Nothing')
    with pytest.raises(ConfigError) as error:
        check_types(config, NAME)
    assert len(str(error.value).splitlines()) == 2


def test_what_passes(config: dict[str, Any]) -> None:
    check_types(changed(config, 'custom_hooks', [{'type': 'EMAHook', 'momentum': 0.1}]), NAME)
    check_types(changed(config, 'param_scheduler.0.convert_to_iter_based', True), NAME)
    check_types(changed(config, 'optim_wrapper.type', 'AmpOptimWrapper'), NAME)
