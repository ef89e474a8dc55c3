"""Weights reach the right parameters or the user hears why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from mmdet.checkpoints import load_weights, save_atomic, save_weights
from mmdet.checkpoints.families.masktrack import MASKTRACK
from mmdet.errors import CheckpointError
from mmdet.geometry import BoxConvention

StateDict = dict[str, Tensor]
HEADS = {'fc_cls', 'fc_reg', 'conv_logits'}


def _equal(model: nn.Module, state: StateDict, keys: list[str]) -> bool:
    own = model.state_dict()
    return all(torch.equal(own[key], state[key]) for key in keys)


@pytest.mark.parametrize('container', ['safetensors', 'training checkpoint', 'parallel training', 'bare'])
def test_every_container_loads_completely(
    tmp_path: Path, our_state: Callable, toy_model: Callable, container: str
) -> None:
    state, path = our_state(), tmp_path / 'weights'
    if container == 'safetensors':
        save_weights(state, path, {'classes': ['a', 'b', 'c']})
    elif container == 'training checkpoint':
        save_atomic({'meta': {'epoch': 1}, 'state_dict': state, 'optimizer': {'state': {0: torch.ones(1)}}}, path)
    elif container == 'parallel training':
        save_atomic({'state_dict': {f'module.{k}': v for k, v in state.items()}}, path)
    else:
        save_atomic(state, path)
    model = toy_model(state)
    report = load_weights(model, path, require_complete=True, classes=['a', 'b', 'c'])
    assert _equal(model, state, list(state))
    assert len(report.loaded) == len(state)
    assert not report.dropped + report.random
    assert report.metadata.get('classes', ['a', 'b', 'c']) == ['a', 'b', 'c']


def test_heads_for_other_classes_stay_random_for_a_start(
    tmp_path: Path, our_state: Callable, toy_model: Callable
) -> None:
    coco = our_state(classes=80, track=False)
    save_weights(coco, tmp_path / 'coco.safetensors', {})
    model = toy_model(our_state(classes=3))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    report = load_weights(model, tmp_path / 'coco.safetensors')
    changed = [key for key in coco if not HEADS & set(key.split('.'))]
    assert _equal(model, coco, changed)
    kept = [key for key in before if key not in changed]
    assert _equal(model, before, kept)
    assert sorted(entry.key for entry in report.random) == sorted(kept)
    assert {e.note for e in report.random if 'fc_cls.weight' in e.key} == {'the file has shape 81x6'}
    assert {e.note for e in report.random if 'track_head' in e.key} == {'not in the file'}
    assert 'left random' in report.table()


def test_nothing_is_broadcast_into_place(tmp_path: Path, our_state: Callable, toy_model: Callable) -> None:
    state = our_state()
    model = toy_model(state)
    key = 'detector.neck.lateral_convs.0.conv.bias'
    save_weights({**state, key: torch.full((1,), 9.0)}, tmp_path / 'w.safetensors', {})
    report = load_weights(model, tmp_path / 'w.safetensors')
    assert model.state_dict()[key].tolist() == [0.5] * 8
    assert [entry.key for entry in report.random] == [key]


def test_testing_with_missing_weights_is_an_error_that_lists_them(
    tmp_path: Path, our_state: Callable, toy_model: Callable
) -> None:
    save_weights(our_state(track=False), tmp_path / 'w.safetensors', {})
    model = toy_model(our_state())
    with pytest.raises(CheckpointError, match=r'4 parameters would be left random: track_head\.fcs\.0\.weight 6x8'):
        load_weights(model, tmp_path / 'w.safetensors', require_complete=True)
    assert float(model.state_dict()['detector.backbone.conv1.weight'].mean()) == 0.5  # nothing was loaded


def test_batch_norm_counters_may_be_missing(tmp_path: Path, our_state: Callable, toy_model: Callable) -> None:
    state = our_state()
    old = {key: value for key, value in state.items() if 'num_batches_tracked' not in key}
    save_weights(old, tmp_path / 'w.safetensors', {})
    report = load_weights(toy_model(state), tmp_path / 'w.safetensors', require_complete=True)
    assert not report.random


def test_more_weights_than_the_model_has(tmp_path: Path, our_state: Callable, toy_model: Callable) -> None:
    save_weights(our_state(), tmp_path / 'w.safetensors', {})
    report = load_weights(toy_model(our_state(track=False)), tmp_path / 'w.safetensors', require_complete=True)
    assert {entry.key.split('.')[0] for entry in report.dropped} == {'track_head'}


OTHERS = {
    'a transformer': ({f'blocks.{i}.attn.weight': torch.ones(2) for i in range(9)}, r'another model: 0 of \d+.*blocks'),
    'an ImageNet classifier': (
        {'conv1.weight': torch.ones(1), 'layer1.0.conv1.weight': torch.ones(1), 'fc.weight': torch.ones(1)},
        "give it to the backbone as 'pretrained'",
    ),
    'one tensor in common': (
        {'detector.backbone.bn1.weight': torch.ones(4), 'other.weight': torch.ones(1)},
        'another model: 1 of',
    ),
}


@pytest.mark.parametrize('case', OTHERS)
def test_a_checkpoint_of_another_model(tmp_path: Path, our_state: Callable, toy_model: Callable, case: str) -> None:
    state, message = OTHERS[case]
    save_atomic({'state_dict': state}, tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match=message):
        load_weights(toy_model(our_state()), tmp_path / 'other.pth')


def test_another_program_is_refused_with_the_command(tmp_path: Path, our_state: Callable, toy_model: Callable) -> None:
    old, _ = MASKTRACK.invert(our_state())
    mmdet3 = {key.replace('track_head.fcs', 'track_head.embed_head.fcs'): v for key, v in our_state().items()}
    for state, title in ((old, 'original MaskTrack R-CNN'), (mmdet3, 'mmdetection 2 or 3')):
        path = tmp_path / 'epoch 12.pth'
        save_atomic({'state_dict': state}, path)
        with pytest.raises(CheckpointError, match=title) as caught:
            load_weights(toy_model(our_state()), path)
        assert f"python tools/convert_checkpoint.py '{path}' 'epoch 12.safetensors'" in str(caught.value)


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        (['a', 'c', 'b'], "label 1 is 'b' instead of 'c'"),
        (['a', 'b'], '3 classes instead of 2'),
        (['A', 'b', 'c'], None),
    ],
)
def test_class_names_are_compared(
    tmp_path: Path, our_state: Callable, toy_model: Callable, classes: list[str], message: str | None
) -> None:
    save_weights(our_state(), tmp_path / 'w.safetensors', {'classes': ['a', 'b', 'c']})
    model = toy_model(our_state())
    for setting in ('argument', 'attribute'):
        model.classes = classes if setting == 'attribute' else None
        given = classes if setting == 'argument' else None
        if message is None:
            load_weights(model, tmp_path / 'w.safetensors', require_complete=True, classes=given)
            continue
        with pytest.raises(CheckpointError, match=message):
            load_weights(model, tmp_path / 'w.safetensors', require_complete=True, classes=given)
        assert message in load_weights(model, tmp_path / 'w.safetensors', classes=given).notes[0]


def test_a_model_with_another_geometry(tmp_path: Path, our_state: Callable, toy_model: Callable) -> None:
    save_weights(our_state(), tmp_path / 'w.safetensors', {'convention': 'legacy'})
    model = toy_model(our_state())
    model.detector.convention = BoxConvention('modern')
    with pytest.raises(CheckpointError, match="convention is 'modern' and the weights need 'legacy'"):
        load_weights(model, tmp_path / 'w.safetensors', require_complete=True)
    assert 'legacy' in load_weights(model, tmp_path / 'w.safetensors').table()
    model.detector.convention = BoxConvention('legacy')
    assert not load_weights(model, tmp_path / 'w.safetensors', require_complete=True).notes


def test_half_precision_weights_take_the_type_of_the_model(
    tmp_path: Path, our_state: Callable, toy_model: Callable
) -> None:
    state = our_state()
    save_weights({k: v.half() if v.is_floating_point() else v for k, v in state.items()}, tmp_path / 'w', {})
    model = toy_model(state)
    load_weights(model, tmp_path / 'w', require_complete=True)
    assert model.state_dict()['detector.backbone.conv1.weight'].dtype == torch.float32


def test_metadata_of_odd_shapes_is_ignored(tmp_path: Path, our_state: Callable, toy_model: Callable) -> None:
    save_atomic({'meta': 'text', 'state_dict': our_state()}, tmp_path / 'w.pth')
    model = toy_model(our_state())
    model.data_preprocessor = SimpleNamespace(mean=torch.ones(3))
    assert load_weights(model, tmp_path / 'w.pth', require_complete=True).metadata == {}
