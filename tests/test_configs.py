"""Every config trains for two iterations and tests one short video, with reduced sizes, on procedural data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mmdet.apis import Prompt, VideoInferencer
from mmdet.engine.build import build_tester, build_trainer
from mmdet.engine.config import load_config
from mmdet.engine.config_types import check_types
from mmdet.engine.distributed import join_processes
from mmdet.evaluation.video_result import tracks_of
from mmdet.registry import MODELS

MAIN_NUMBERS = {  # by metric, and what its results are written to
    'COCOMetric': ('segm_AP', 'results.json'),
    'ReIDMetric': ('mAP', 'results.json'),
    'MOTMetric': ('HOTA', 'results'),
    'MOTSMetric': ('sMOTSA', 'results'),
}
CONFIGS = sorted(path.stem for path in (Path(__file__).parents[1] / 'configs').glob('*.py'))
TRACKERS = [name for name in CONFIGS if name.startswith(('siammask', 's2iammask'))]  # of what a user marks


@pytest.mark.parametrize('name', [name for name in CONFIGS if name not in TRACKERS])
def test_config_trains_and_tests(name: str, reduced_config: Callable, tmp_path: Path) -> None:
    config = reduced_config(name, tmp_path)
    process = join_processes('none')
    weights = None
    if config.get('train_dataloader'):  # stored detections are only tested
        assert build_trainer(config, process).train()
        weights = tmp_path / 'last.safetensors'
    tester = build_tester(config, process, weights)
    numbers = tester.run()
    key, out = MAIN_NUMBERS.get(config.test_evaluator.type, ('AP', 'results.json'))
    assert numbers is not None and key in numbers
    assert tester.export(tmp_path / out).endswith(out)


@pytest.mark.parametrize('name', TRACKERS)
def test_tracker_config_trains_and_follows(name: str, reduced_config: Callable, tmp_path: Path) -> None:
    whole = load_config(Path(__file__).parents[1] / 'configs' / f'{name}.py')
    check_types({'train_dataloader': whole.train_dataloader.to_dict()}, name)  # its data sets are replaced below
    config = reduced_config(name, tmp_path)
    check_types(config.to_dict(), name)
    trainer = build_trainer(config, join_processes('none'))
    assert trainer.train()
    model = trainer.state.model.eval()
    prompt = Prompt(box=(20, 10, 50, 40))
    frames = [np.full((64, 96, 3), 40 * i, np.uint8) for i in range(3)]
    results = [tracks_of(sample) for _, sample in VideoInferencer(model).track(frames, prompt)]
    for index, tracks in enumerate(results):
        tracks.check(64, 96, f'frame {index}')
    assert [len(tracks) for tracks in results] == [1, 1, 1]


def test_training_starts_from_the_backbone_weights_that_the_config_names(
    reduced_config: Callable, tmp_path: Path
) -> None:
    config = reduced_config('masktrack_rcnn_r18_fpn_shapes', tmp_path / 'run')
    torch.manual_seed(1234)  # other weights than those that a run's own seed gives, whatever ran before
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
