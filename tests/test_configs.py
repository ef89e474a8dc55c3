"""Every config trains for two iterations and tests one short video, with reduced sizes, on procedural data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mmdet.apis import Prompt, VideoInferencer
from mmdet.engine.build import build_tester, build_trainer
from mmdet.engine.config_types import check_types
from mmdet.engine.distributed import join_processes
from mmdet.engine.losses import non_finite, sum_losses
from mmdet.evaluation.video_result import tracks_of
from mmdet.registry import MODELS, register_all
from mmdet.structures import FrameSample, InstanceData

MAIN_NUMBERS = {  # by metric, and what its results are written to
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


def _pair(index: int, side: int) -> tuple[list[torch.Tensor], list[FrameSample]]:
    """Template and search crop with a bright square in the middle; the second pair is a negative one."""
    middle = slice(side // 2 - 30, side // 2 + 30)
    search, template = torch.zeros(3, side, side), torch.zeros(3, 127, 127)
    search[:, middle, middle], template[:, 33:93, 33:93] = 200, 200
    found = InstanceData(bboxes=torch.zeros(0, 4))
    if index == 0:
        corners = [[middle.start, middle.start, middle.stop, middle.stop]]
        found = InstanceData(bboxes=torch.tensor(corners).float(), masks=(search[:1] > 0).to(torch.uint8))
    samples = [FrameSample(metainfo=dict(video_id=1, frame_id=t, sample_seed=index)) for t in range(2)]
    samples[1].gt_instances = found
    return [template, search], samples


@pytest.mark.parametrize('name', TRACKERS)
def test_tracker_config_trains_and_follows(name: str, reduced_config: Callable, tmp_path: Path) -> None:
    config = reduced_config(name, tmp_path)
    check_types(config.to_dict(), name)
    register_all()
    model = MODELS.build(config.model).train()
    pairs = [_pair(index, 143 if config.model.get('refine_head') else 255) for index in range(2)]
    batch = dict(inputs=[pair[0] for pair in pairs], data_samples=[pair[1] for pair in pairs])
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-6)
    for _ in range(2):
        total, numbers = sum_losses(model(**batch, mode='loss'))
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        assert numbers['loss_mask'] > 0 and not non_finite(numbers)
    prompt = Prompt(box=(20, 10, 50, 40))
    frames = [np.full((64, 96, 3), 40 * i, np.uint8) for i in range(3)]
    results = [tracks_of(sample) for _, sample in VideoInferencer(model.eval()).track(frames, prompt)]
    for index, tracks in enumerate(results):
        tracks.check(64, 96, f'frame {index}')
    assert [len(tracks) for tracks in results] == [1, 1, 1]


def test_training_starts_from_the_backbone_weights_that_the_config_names(
    reduced_config: Callable, tmp_path: Path
) -> None:
    config = reduced_config('masktrack_rcnn_r18_fpn_shapes', tmp_path / 'run')
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
