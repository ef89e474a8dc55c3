"""Facts are read from config texts of every generation, without running them."""

from __future__ import annotations

import pytest

from mmdet.checkpoints.families.openmmlab import facts, normalisation_in

CAFFE_MEAN, IMAGENET_MEAN, IMAGENET_STD = [103.53, 116.28, 123.675], [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
TEXTS = {
    'mmdetection 0': (
        'img_norm_cfg = dict(\n    mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)',
        {'channel_order': 'rgb', 'mean': IMAGENET_MEAN, 'std': IMAGENET_STD},
    ),
    'mmdetection 3, one value a line': (
        'data_preprocessor=dict(\n  type="X",\n  mean=[\n    123.675,\n    116.28,\n    103.53,\n  ],\n'
        '  std=[\n    58.395,\n    57.12,\n    57.375,\n  ],\n  bgr_to_rgb=True)',
        {'channel_order': 'rgb', 'mean': IMAGENET_MEAN, 'std': IMAGENET_STD},
    ),
    'caffe': (
        'mean=[103.530, 116.280, 123.675], std=[1.0, 1.0, 1.0], to_rgb=False',
        {'channel_order': 'bgr', 'mean': CAFFE_MEAN, 'std': [1.0, 1.0, 1.0]},
    ),
    'none': ('model = dict(type="X")', None),
    'target means are not it': ('target_means=[0., 0., 0., 0.], target_stds=[0.1, 0.1, 0.2, 0.2]', None),
    'four numbers are not it': ('mean=[0., 0., 0., 0.], std=[0.1, 0.1, 0.2, 0.2]', None),
}


@pytest.mark.parametrize('case', TEXTS)
def test_normalisation(case: str) -> None:
    text, expected = TEXTS[case]
    assert normalisation_in(text) == expected


def test_facts() -> None:
    meta = {'config': "backbone=dict(style='caffe')", 'dataset_meta': {'classes': ('dog', 'cat')}}
    assert facts(meta) == {'backbone': {'style': 'caffe'}, 'classes': ['dog', 'cat']}
    assert facts({'config': {'not': 'text'}}) == {}
