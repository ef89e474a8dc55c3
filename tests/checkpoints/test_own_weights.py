"""Weights of our own training tell what they need, and a model that computes something else refuses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmdet.checkpoints import load_file, load_weights, save_atomic, save_weights
from mmdet.checkpoints.metadata import config_facts, differences
from mmdet.engine.distributed import Process
from mmdet.engine.train_state import run_facts
from mmdet.errors import CheckpointError
from mmdet.registry import MODELS, register_all

NAME = 'masktrack_rcnn_r18_fpn_shapes'


@pytest.fixture
def build(reduced_config: Callable, tmp_path: Path) -> Callable[..., tuple[nn.Module, Config]]:
    """``build(**{'detector.convention': 'legacy'})``: a small model and its config with some values changed."""
    register_all()

    def make(**changes: Any) -> tuple[nn.Module, Config]:
        config = reduced_config(NAME, tmp_path)
        config.merge_from_dict({f'model.{key}': value for key, value in changes.items()})
        return MODELS.build(config.model), config

    return make


DIFFERENCES = {
    'geometry': ({'detector.convention': 'legacy'}, "detector.convention is 'modern' and the weights need 'legacy'"),
    'stride': ({'detector.backbone.style': 'caffe'}, "style is 'pytorch' and the weights need 'caffe'"),
    'colours': ({'data_preprocessor.channel_order': 'bgr'}, "channel_order is 'rgb' and the weights need 'bgr'"),
    'last layer': ({'track_head.last_relu': True}, 'last_relu is False and the weights need True'),
}


@pytest.mark.parametrize('container', ['training checkpoint', 'final weights'])
@pytest.mark.parametrize('case', DIFFERENCES)
def test_a_model_set_up_otherwise_is_refused(build: Callable, tmp_path: Path, case: str, container: str) -> None:
    changes, message = DIFFERENCES[case]
    trained, config = build(**changes)
    facts = run_facts(Process(), trained, config, ['a', 'b'], seed=1)
    path = tmp_path / 'weights'
    if container == 'final weights':
        save_weights(trained.state_dict(), path, facts)
    else:
        save_atomic({'state_dict': trained.state_dict(), 'meta': facts}, path)
    assert load_file(path)['meta']['classes'] == ['a', 'b']
    assert not load_weights(build(**changes)[0], path, require_complete=True).notes
    with pytest.raises(CheckpointError, match=message):
        load_weights(build()[0], path, require_complete=True)


CALIBRATION = dict(type='CorrelationCalibrationHead', patch_size=4, dilation_patch=2, window='cuda')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'window': 'centred'}, "calibration_head.window is 'centred' and the weights need 'cuda'"),
        ({'dilation_patch': 1}, 'calibration_head.dilation_patch is 1 and the weights need 2'),
        ({}, None),
    ],
)
@pytest.mark.parametrize('patch_size', [4, 5])
def test_where_calibration_looks(change: dict, message: str | None, patch_size: int) -> None:
    needed = {'calibration_head': {'window': 'cuda', 'dilation_patch': 2}}
    found = differences(needed, {'calibration_head': {**CALIBRATION, 'patch_size': patch_size, **change}})
    same_window = patch_size == 5 and 'window' in change  # an odd patch has a middle in both
    assert found == ([] if message is None or same_window else [message])


@pytest.mark.parametrize('case', DIFFERENCES)
def test_a_config_is_compared_at_its_defaults_too(build: Callable, case: str) -> None:
    changes, message = DIFFERENCES[case]
    trained, config = build(**changes)
    facts = run_facts(Process(), trained, config, [], seed=1)
    plain = build()[1]
    for path in changes:
        *parents, last = path.split('.')
        node = plain.model
        for part in parents:
            node = node[part]
        node.pop(last, None)  # now the constructor's default stands for it
    (clause,) = differences(facts, plain.model)
    assert message in clause
    assert differences(facts, config.model) == []


def test_normalisation_of_a_config_that_leaves_it_to_the_class(build: Callable) -> None:
    model, config = build()
    config.model.pop('data_preprocessor')
    config.model.data_preprocessor = dict(type='VideoDataPreprocessor')
    stored = config_facts(config)['normalisation']
    assert stored['channel_order'] == 'rgb'
    assert stored['mean'] == pytest.approx(model.data_preprocessor.mean.flatten().tolist(), abs=1e-3)


EXTRAS = {
    'calibration head': ('calibration_head.conv_offset.weight', r'1 of its tensors .* \(calibration_head\)'),
    'a head of the detector': ('detector.roi_head.other_head.fc.weight', r'detector\.roi_head\.other_head'),
    'track head where there is one': ('track_head.fcs.7.weight', r'\(track_head\)'),
}


@pytest.mark.parametrize('case', EXTRAS)
def test_weights_of_a_part_that_the_model_lacks(build: Callable, tmp_path: Path, case: str) -> None:
    key, message = EXTRAS[case]
    model, _ = build()
    save_weights({**model.state_dict(), key: torch.ones(2)}, tmp_path / 'w', {})
    with pytest.raises(CheckpointError, match=message):
        load_weights(model, tmp_path / 'w', require_complete=True)
    report = load_weights(model, tmp_path / 'w')  # a start may leave out what it does not need
    assert [entry.key for entry in report.dropped] == [key]


def test_a_detector_is_tested_alone_with_weights_of_the_whole(build: Callable, tmp_path: Path) -> None:
    save_weights(build()[0].state_dict(), tmp_path / 'w', {})
    alone, _ = build(track_head=None, tracker=None)
    report = load_weights(alone, tmp_path / 'w', require_complete=True)
    assert {entry.key.split('.')[0] for entry in report.dropped} == {'track_head'}
