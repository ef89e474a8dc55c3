"""Weights and facts are found wherever a program put them."""

from __future__ import annotations

import pytest
import torch

from mmdet.checkpoints.state import classes_in, first_difference, meta_of, state_dict_of
from mmdet.errors import CheckpointError

WEIGHTS = {'conv.weight': torch.ones(2), 'conv.bias': torch.zeros(1)}

CONTAINERS = {
    'bare': WEIGHTS,
    'OpenMMLab': {'meta': {'epoch': 12}, 'state_dict': WEIGHTS, 'optimizer': {'state': {}}},
    'DeepSORT': {'net_dict': WEIGHTS, 'acc': 0.9, 'epoch': 3},
    'PointTrack': {'model_state_dict': WEIGHTS, 'epoch': 3},
    'parallel': {'state_dict': {f'module.{k}': v for k, v in WEIGHTS.items()}},
    'parallel twice': {f'module.module.{k}': v for k, v in WEIGHTS.items()},
    'with other things': {'state_dict': {**WEIGHTS, 'version': 3}},
}


@pytest.mark.parametrize('case', CONTAINERS)
def test_weights_are_found(case: str) -> None:
    assert state_dict_of(CONTAINERS[case], 'file.pth') == WEIGHTS


def test_a_prefix_on_some_names_only_is_part_of_the_names() -> None:
    state = {'module.conv': torch.ones(1), 'other': torch.ones(1)}
    assert state_dict_of(state, 'file.pth') == state


def test_no_weights_is_an_error_that_says_what_is_there() -> None:
    with pytest.raises(CheckpointError, match=r'file\.pth holds no weights; its entries are epoch, loss'):
        state_dict_of({'epoch': 3, 'loss': 1.0}, 'file.pth')


CLASSES = {
    'ours': {'classes': ['a', 'b']},
    'mmdetection 2': {'CLASSES': ('a', 'b')},
    'mmdetection 3': {'dataset_meta': {'classes': ('a', 'b'), 'palette': []}},
    'mmdetection 3.0rc': {'dataset_meta': {'CLASSES': ('a', 'b')}},
}


@pytest.mark.parametrize('case', CLASSES)
def test_class_names_are_found(case: str) -> None:
    assert classes_in(meta_of({'meta': CLASSES[case]})) == ('a', 'b')


@pytest.mark.parametrize('meta', [{}, {'CLASSES': None}, {'CLASSES': ()}, {'dataset_meta': None}])
def test_no_class_names(meta: dict) -> None:
    assert classes_in(meta) is None


@pytest.mark.parametrize(
    ('ours', 'theirs', 'expected'),
    [
        (['giant_panda'], ['Giant Panda'], None),
        (['fire-truck', 'dog'], ['fire_truck', 'dog'], None),
        (['dog', 'cat'], ['cat', 'dog'], "label 0 is 'cat' instead of 'dog'"),
        (['dog'], ['dog', 'cat'], '2 classes instead of 1'),
    ],
)
def test_first_difference_of_class_lists(ours: list[str], theirs: list[str], expected: str | None) -> None:
    assert first_difference(ours, theirs) == expected
