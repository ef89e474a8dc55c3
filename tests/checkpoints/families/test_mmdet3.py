"""mmdetection 2 and 3 and mmtracking: our names and class order are theirs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mmdet.checkpoints.families import FAMILIES, ConvertOptions, matching
from mmdet.checkpoints.families.mmdet3 import MMDET3, invert
from mmdet.checkpoints.state import shapes_of

StateDict = dict[str, Tensor]


def _plain(state: StateDict) -> StateDict:
    return {key.removeprefix('detector.'): value for key, value in state.items()}


def _masktrack(state: StateDict) -> StateDict:
    return {key.replace('track_head.fcs', 'track_head.embed_head.fcs'): value for key, value in state.items()}


def test_full_size_masktrack(mmdet3_state: StateDict) -> None:
    converted = MMDET3.convert(mmdet3_state, {}, ConvertOptions())
    assert len(converted.state_dict) == len(mmdet3_state)
    for key, tensor in mmdet3_state.items():
        assert converted.state_dict[key.replace('embed_head.', '')] is tensor
    assert len(converted.report.renamed) == 4
    assert not converted.report.dropped
    assert converted.meta == {'convention': 'modern', 'track_head': {'last_relu': True}}
    back, _ = invert(converted.state_dict)
    assert list(back) == list(mmdet3_state)


def test_a_plain_detector_gets_the_prefix(our_state: Callable[..., StateDict]) -> None:
    ours = our_state(track=False)
    converted = MMDET3.convert(_plain(ours), {}, ConvertOptions())
    assert list(converted.state_dict) == list(ours)
    assert all(torch.equal(converted.state_dict[key], ours[key]) for key in ours)
    assert converted.meta == {'convention': 'modern'}


def test_normalisation_and_strangers_are_dropped_with_a_reason(our_state: Callable[..., StateDict]) -> None:
    state = _masktrack(our_state()) | {'data_preprocessor.mean': torch.ones(3), 'ema.step': torch.ones(1)}
    report = MMDET3.convert(state, {}, ConvertOptions()).report
    assert {entry.key: entry.note for entry in report.dropped} == {
        'data_preprocessor.mean': 'normalisation belongs to the config',
        'ema.step': 'no counterpart in our models',
    }


@pytest.mark.parametrize(
    ('shape_state', 'meta', 'expected'),
    [
        (_masktrack, {}, 'mmdet3'),
        (_masktrack, {'mmtrack_version': '0.14.0'}, 'mmtracking'),
        (_plain, {'mmdet_version': '2.28.0'}, 'mmdet3'),
        (dict, {}, 'own'),
    ],
)
def test_family(our_state: Callable[..., StateDict], shape_state: Callable, meta: dict, expected: str) -> None:
    state = shape_state(our_state(track=shape_state is not _plain))
    assert [family.name for family in matching(shapes_of(state), meta)] == [expected]


def test_mmtracking_converts_alike(our_state: Callable[..., StateDict]) -> None:
    state = _masktrack(our_state())
    first, second = (FAMILIES[name].convert(state, {}, ConvertOptions()) for name in ('mmdet3', 'mmtracking'))
    assert list(first.state_dict) == list(second.state_dict)
    assert (first.meta, second.report.family) == (second.meta, 'mmtracking')
