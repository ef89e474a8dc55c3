"""The numbers of the original programs' configs, as far as results depend on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmdet.engine.config import load_config

SHARED = {
    'model.detector.convention': 'legacy',
    'model.detector.rpn_head.nms_iou_threshold': 0.7,
    'model.detector.roi_head.bbox_head.score_threshold': 0.05,
    'optim_wrapper.optimizer.lr': 0.005,
    'optim_wrapper.optimizer.momentum': 0.9,
    'optim_wrapper.optimizer.weight_decay': 0.0001,
    'optim_wrapper.clip_grad.max_norm': 35,
    'param_scheduler.0.end': 501,  # the first step that is not warmed up is the 501st
    'param_scheduler.0.start_factor': 1 / 3,
    'param_scheduler.1.milestones': [8, 11],
    'train_cfg.max_epochs': 12,
}
CALIBRATION = {
    'model.calibration_head.channels': 256,
    'model.calibration_head.patch_size': 16,
    'model.calibration_head.dilation_patch': 2,
    'model.calibration_head.reference_range': 5,
    'train_dataloader.dataset.max_ref_distance': 5,
}
OVIS = {
    'model.detector.roi_head.bbox_head.num_classes': 25,
    'model.detector.rpn_head.sampler.num': 256,
    'model.detector.rpn_head.nms_pre': 1000,
    'model.detector.rpn_head.max_per_image': 1000,
    'model.detector.roi_head.sampler.num': 512,
    'model.detector.roi_head.bbox_head.max_per_image': 100,
    'train_dataloader.batch_size': 4,
}
YTVIS = {
    'model.detector.roi_head.bbox_head.num_classes': 40,
    'model.detector.rpn_head.sampler.num': 64,
    'model.detector.rpn_head.nms_pre': 200,
    'model.detector.rpn_head.max_per_image': 200,
    'model.detector.roi_head.sampler.num': 128,
    'model.detector.roi_head.bbox_head.max_per_image': 10,
    'train_dataloader.batch_size': 8,
}
CONFIGS = {
    'masktrack_rcnn_r50_fpn_1x_youtubevis': {**SHARED, **YTVIS},
    'masktrack_rcnn_r50_fpn_1x_ovis': {**SHARED, **OVIS},
    'cmasktrack_rcnn_r50_fpn_1x_ovis': {**SHARED, **OVIS, **CALIBRATION},
    'cmasktrack_rcnn_r50_fpn_1x_youtubevis': {**SHARED, **YTVIS, **CALIBRATION},
}


def value_at(config: Any, path: str) -> Any:
    """The config's value at a dotted path, numbers being places of a list."""
    for part in path.split('.'):
        config = config[int(part)] if part.isdigit() else config.get(part, f'nothing at {path}')
    return config


@pytest.mark.parametrize('name', CONFIGS)
def test_numbers_of_the_originals(repo_root: Path, name: str) -> None:
    config = load_config(repo_root / f'configs/{name}.py').to_dict()
    expected = CONFIGS[name]
    found = {path: value_at(config, path) for path in expected}
    assert {path: (found[path], number) for path, number in expected.items() if found[path] != number} == {}
