"""Original MaskTrack and CMaskTrack weights: classes stay with their names, at both ends of every head."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mmdet.checkpoints.families import ConvertOptions, matching
from mmdet.checkpoints.families.heads import BACKGROUND_LAST, DROP_BACKGROUND_BOX, DROP_BACKGROUND_MASK
from mmdet.checkpoints.families.masktrack import CMASKTRACK, MASKTRACK
from mmdet.checkpoints.state import shapes_of

StateDict = dict[str, Tensor]
BOX, MASK = 'detector.roi_head.bbox_head', 'detector.roi_head.mask_head'


def _old_state(our_state: Callable[..., StateDict], calibration: bool = False) -> StateDict:
    family = CMASKTRACK if calibration else MASKTRACK
    old, _ = family.invert(our_state(calibration=calibration))
    generator = torch.Generator().manual_seed(1)
    old['bbox_head.fc_reg.weight'][:4] = torch.randn(4, 6, generator=generator)  # real files hold something there
    old['mask_head.conv_logits.weight'][:1] = torch.randn(1, 8, 1, 1, generator=generator)
    return old


def _convert(state: StateDict) -> StateDict:
    return MASKTRACK.convert(state, {}, ConvertOptions()).state_dict


@pytest.mark.parametrize(
    ('change', 'old', 'new'),
    [
        (BACKGROUND_LAST, [0, 1, 2, 3], [1, 2, 3, 0]),
        (DROP_BACKGROUND_BOX, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2], [1, 1, 1, 1, 2, 2, 2, 2]),
        (DROP_BACKGROUND_BOX, [5, 6, 7, 8], [5, 6, 7, 8]),  # class-agnostic boxes
        (DROP_BACKGROUND_MASK, [0, 1, 2, 3], [1, 2, 3]),
        (DROP_BACKGROUND_MASK, [9], [9]),  # class-agnostic masks
    ],
)
def test_head_changes_and_the_way_back(change: object, old: list[int], new: list[int]) -> None:
    for tensor in (torch.tensor(old), torch.tensor(old)[:, None].expand(-1, 3)):  # a bias and a weight
        changed = change.apply(tensor)
        assert changed.reshape(len(new), -1)[:, 0].tolist() == new
        assert torch.equal(change.undo(changed), tensor)  # background blocks are 0 here


def test_names(our_state: Callable[..., StateDict]) -> None:
    old = _old_state(our_state, calibration=True)
    assert {
        'backbone.conv1.weight',
        'neck.lateral_convs.0.conv.weight',
        'rpn_head.rpn_conv.bias',
        'bbox_head.shared_fcs.0.weight',
        'bbox_head.fc_cls.bias',
        'mask_head.convs.0.conv.weight',
        'mask_head.upsample.weight',
        'mask_head.conv_logits.bias',
        'track_head.fcs.1.weight',
        'track_head.offset_convs.2.conv.bias',
        'track_head.conv_offset.weight',
        'track_head.dconv_featureflow.weight',
    } <= set(old)
    converted = CMASKTRACK.convert(old, {}, ConvertOptions())
    assert set(converted.state_dict) == set(our_state(calibration=True))
    assert not converted.report.dropped
    assert 'track_head.fcs.1.weight' in {entry.key for entry in converted.report.loaded}


def test_rows_move_and_go_at_the_same_end_in_weight_and_bias(our_state: Callable[..., StateDict]) -> None:
    old = _old_state(our_state)
    new = _convert(old)
    for part in ('weight', 'bias'):
        cls, reg, mask = (
            old[f'{layer}.{part}'] for layer in ('bbox_head.fc_cls', 'bbox_head.fc_reg', 'mask_head.conv_logits')
        )
        assert torch.equal(new[f'{BOX}.fc_cls.{part}'], torch.cat([cls[1:], cls[:1]]))
        assert torch.equal(new[f'{BOX}.fc_reg.{part}'], reg[4:])
        assert torch.equal(new[f'{MASK}.conv_logits.{part}'], mask[1:])
        assert torch.equal(new[f'detector.rpn_head.rpn_cls.{part}'], old[f'rpn_head.rpn_cls.{part}'])


def test_the_same_features_give_the_same_foreground_answers(our_state: Callable[..., StateDict]) -> None:
    old = _old_state(our_state)
    new = _convert(old)
    pooled, grid = torch.randn(5, 6), torch.randn(5, 8, 2, 2)
    old_scores = functional.linear(pooled, old['bbox_head.fc_cls.weight'], old['bbox_head.fc_cls.bias']).softmax(1)
    new_scores = functional.linear(pooled, new[f'{BOX}.fc_cls.weight'], new[f'{BOX}.fc_cls.bias']).softmax(1)
    torch.testing.assert_close(new_scores[:, :-1], old_scores[:, 1:])
    old_deltas = functional.linear(pooled, old['bbox_head.fc_reg.weight'], old['bbox_head.fc_reg.bias']).view(5, -1, 4)
    new_deltas = functional.linear(pooled, new[f'{BOX}.fc_reg.weight'], new[f'{BOX}.fc_reg.bias']).view(5, -1, 4)
    torch.testing.assert_close(new_deltas, old_deltas[:, 1:])
    old_mask = functional.conv2d(grid, old['mask_head.conv_logits.weight'], old['mask_head.conv_logits.bias'])
    new_mask = functional.conv2d(grid, new[f'{MASK}.conv_logits.weight'], new[f'{MASK}.conv_logits.bias'])
    torch.testing.assert_close(new_mask, old_mask[:, 1:])


@pytest.mark.parametrize('calibration', [False, True])
def test_round_trip_restores_all_but_background_blocks(our_state: Callable[..., StateDict], calibration: bool) -> None:
    family = CMASKTRACK if calibration else MASKTRACK
    old = _old_state(our_state, calibration)
    back, report = family.invert(family.convert(old, {}, ConvertOptions()).state_dict)
    assert list(back) == list(old)
    blocks = {'bbox_head.fc_reg': 4, 'mask_head.conv_logits': 1}
    for key, tensor in old.items():
        block = blocks.get(key.rpartition('.')[0], 0)
        assert torch.equal(back[key][block:] if block else back[key], tensor[block:] if block else tensor), key
        assert not back[key][:block].any() if block else True
    assert {entry.key.rpartition('.')[0] for entry in report.padded} == set(blocks)


def test_full_size_round_trip(mmdet3_state: StateDict) -> None:
    ours = {key.replace('track_head.embed_head', 'track_head'): value for key, value in mmdet3_state.items()}
    old, _ = MASKTRACK.invert(ours)
    assert {key: tuple(old[key].shape) for key in old if 'fc_' in key or 'conv_logits' in key} == {
        'bbox_head.fc_cls.weight': (41, 1024),
        'bbox_head.fc_cls.bias': (41,),
        'bbox_head.fc_reg.weight': (164, 1024),
        'bbox_head.fc_reg.bias': (164,),
        'mask_head.conv_logits.weight': (41, 256, 1, 1),
        'mask_head.conv_logits.bias': (41,),
    }
    again = _convert(old)
    assert list(again) == list(ours)
    assert all(torch.equal(again[key], ours[key]) for key in ours)


@pytest.mark.parametrize('calibration', [False, True])
def test_family_and_facts(our_state: Callable[..., StateDict], calibration: bool) -> None:
    family = CMASKTRACK if calibration else MASKTRACK
    old = _old_state(our_state, calibration)
    assert matching(shapes_of(old), {}) == [family]
    converted = family.convert(old, {'config': "style='caffe'", 'CLASSES': ('a', 'b', 'c')}, ConvertOptions())
    assert converted.meta == {
        'convention': 'legacy',
        'track_head': {'last_relu': False},
        'backbone': {'style': 'caffe'},
        'classes': ['a', 'b', 'c'],
        **({'calibration_head': {'window': 'cuda', 'dilation_patch': 2}} if calibration else {}),
    }


def test_an_old_mask_rcnn_without_track_head(our_state: Callable[..., StateDict]) -> None:
    coco, _ = MASKTRACK.invert(our_state(classes=80, track=False))
    assert coco['bbox_head.fc_cls.weight'].shape[0] == 81
    assert matching(shapes_of(coco), {}) == [MASKTRACK]
    converted = MASKTRACK.convert(coco, {}, ConvertOptions())
    assert converted.state_dict[f'{BOX}.fc_reg.weight'].shape[0] == 320
    assert 'track_head' not in converted.meta
