"""Weights and model are compared where nothing would crash and results would be worse."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config

from mmdet.checkpoints.metadata import annotation_classes, config_facts, describe, differences
from mmdet.errors import DataError
from mmdet.geometry import BoxConvention

METADATA = {
    'convention': 'legacy',
    'normalisation': {'channel_order': 'rgb', 'mean': [123.675, 116.28, 103.53], 'std': [58.395, 57.12, 57.375]},
    'track_head': {'last_relu': False},
}


def _model(convention: str = 'legacy', order: str = 'rgb', first_mean: float = 123.675, relu: bool | None = False):
    return SimpleNamespace(
        detector=SimpleNamespace(convention=BoxConvention(convention)),
        data_preprocessor=SimpleNamespace(
            channel_order=order,
            mean=torch.tensor([first_mean, 116.28, 103.53]).view(3, 1, 1),
            std=torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1),
        ),
        track_head=None if relu is None else SimpleNamespace(last_relu=relu),
        classes=('dog', 'cat'),
    )


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({}, []),
        ({'convention': 'modern'}, ["detector.convention is 'modern' and the weights need 'legacy'"]),
        ({'order': 'bgr'}, ["data_preprocessor.channel_order is 'bgr' and the weights need 'rgb'"]),
        ({'relu': True}, ['track_head.last_relu is True and the weights need False']),
        ({'relu': None}, []),  # a model without track head has nothing to compare
    ],
)
def test_differences_with_a_model(changes: dict, expected: list[str]) -> None:
    assert differences(METADATA, _model(**changes)) == expected


def test_another_mean_is_a_difference_and_rounding_is_not() -> None:
    assert differences(METADATA, _model(first_mean=123.6751)) == []
    (clause,) = differences(METADATA, _model(first_mean=103.53))
    assert clause.startswith('data_preprocessor.mean is [103.53')


def test_weights_that_tell_nothing_differ_in_nothing() -> None:
    assert differences({}, _model('modern', 'bgr', 0.0, True)) == []


def test_describe_is_what_differences_reads() -> None:
    described = describe(_model(), config='masktrack')
    assert differences(described, _model()) == []
    assert differences(described, _model('modern')) != []
    assert (described['classes'], described['config']) == (['dog', 'cat'], 'masktrack')
    assert describe(SimpleNamespace()) == {}


CONFIG = """
model = dict(
    type='X', classes=['dog', 'cat'],
    data_preprocessor=dict(mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0]),
    detector=dict(convention='modern'), track_head=dict(last_relu=True))
"""


def test_facts_of_a_config(tmp_path: Path) -> None:
    (tmp_path / 'my_config.py').write_text(CONFIG)
    config = Config.fromfile(tmp_path / 'my_config.py')
    assert config_facts(config) == {
        'config': 'my_config',
        'classes': ['dog', 'cat'],
        'normalisation': {'channel_order': 'rgb', 'mean': [1.0, 2.0, 3.0], 'std': [4.0, 5.0, 6.0]},
    }
    clauses = differences(METADATA, config.model)
    assert [clause.split(' is ')[0] for clause in clauses] == [
        'detector.convention',
        'data_preprocessor.mean',
        'data_preprocessor.std',
        'track_head.last_relu',
    ]
    assert config_facts(Config({'model': {}})) == {}


def test_class_names_of_an_annotation_file_are_in_its_order(tmp_path: Path) -> None:
    (tmp_path / 'train.json').write_text('{"categories": [{"id": 7, "name": "dog"}, {"id": 1, "name": "ape"}]}')
    assert annotation_classes(tmp_path / 'train.json') == ['dog', 'ape']


@pytest.mark.parametrize(
    ('content', 'message'),
    [(None, 'cannot read annotations'), ('[', 'no annotation file'), ('{}', 'categories'), ('[]', 'no annotation')],
)
def test_odd_annotation_files(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / 'train.json').write_text(content)
    with pytest.raises(DataError, match=message):
        annotation_classes(tmp_path / 'train.json')
