"""deep_sort_pytorch's appearance networks, today's and the older one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mmdet.checkpoints import convert, load_parts, load_weights
from mmdet.checkpoints.families import FAMILIES, ConvertOptions, matching
from mmdet.checkpoints.families.deepsort import DEEPSORT, invert
from mmdet.checkpoints.state import shapes_of
from mmdet.errors import CheckpointError
from mmdet.models import DeepSORTNet, DeepSORTNet128, ReIDNet, ReIDTrackHead

StateDict = dict[str, Tensor]
NAMES = {'512': 'DeepSORTNet', '128': 'DeepSORTNet128'}


def published(kind: str) -> StateDict:
    """Random weights of the published shapes under that program's names."""
    torch.manual_seed(0)
    if kind == '512':
        net = DeepSORTNet()
        return {**net.state_dict(), **{f'classifier.{k}': v for k, v in net.make_classifier(751).state_dict().items()}}
    net = DeepSORTNet128()
    state = {f'{k.replace("dense.", "dense.1.")}': v for k, v in net.state_dict().items()}
    norm, _, linear = net.make_classifier(751)
    state.update({f'dense.2.{k}': v for k, v in norm.state_dict().items()})
    state.update({f'batch_norm.{k}': v for k, v in torch.nn.BatchNorm1d(128).state_dict().items()})
    state.update({f'classifier.0.{k}': v for k, v in linear.state_dict().items()})
    return state


def norm(name: str, channels: int) -> dict[str, tuple]:
    """A batch normalisation."""
    values = dict.fromkeys(('weight', 'bias', 'running_mean', 'running_var'), (channels,))
    return {f'{name}.{key}': shape for key, shape in {**values, 'num_batches_tracked': ()}.items()}


def block(name: str, before: int, after: int) -> dict[str, tuple]:
    """A basic block of a residual network; the one that halves the map has a projection."""
    shapes = {f'{name}.conv1.weight': (after, before, 3, 3), **norm(f'{name}.bn1', after)}
    shapes |= {f'{name}.conv2.weight': (after, after, 3, 3), **norm(f'{name}.bn2', after)}
    if before != after:
        shapes |= {f'{name}.downsample.0.weight': (after, before, 1, 1), **norm(f'{name}.downsample.1', after)}
    return shapes


LISTED: dict[str, dict[str, tuple]] = {
    '512': (  # ckpt.t7
        {'conv.0.weight': (64, 3, 3, 3), 'conv.0.bias': (64,)}
        | norm('conv.1', 64)
        | (block('layer1.0', 64, 64) | block('layer1.1', 64, 64))
        | (block('layer2.0', 64, 128) | block('layer2.1', 128, 128))
        | (block('layer3.0', 128, 256) | block('layer3.1', 256, 256))
        | (block('layer4.0', 256, 512) | block('layer4.1', 512, 512))
        | {'classifier.0.weight': (256, 512), 'classifier.0.bias': (256,)}
        | norm('classifier.1', 256)
        | {'classifier.4.weight': (751, 256), 'classifier.4.bias': (751,)}
    ),
    '128': (  # original_ckpt.t7
        {'conv.0.weight': (32, 3, 3, 3), 'conv.0.bias': (32,)}
        | norm('conv.1', 32)
        | {'conv.3.weight': (32, 32, 3, 3), 'conv.3.bias': (32,)}
        | norm('conv.4', 32)
        | (block('layer1.0', 32, 32) | block('layer1.1', 32, 32))
        | (block('layer2.0', 32, 64) | block('layer2.1', 64, 64))
        | (block('layer3.0', 64, 128) | block('layer3.1', 128, 128))
        | {'dense.1.weight': (128, 16384), 'dense.1.bias': (128,)}
        | norm('dense.2', 128)
        | norm('batch_norm', 128)
        | {'classifier.0.weight': (751, 128), 'classifier.0.bias': (751,)}
    ),
}


@pytest.mark.parametrize('kind', NAMES)
def test_names_and_shapes_are_those_of_the_files(kind: str) -> None:
    found = {key: tuple(value.shape) for key, value in published(kind).items()}
    assert found == LISTED[kind]
    if kind == '512':  # counted in that program
        assert len(found) == 130
        learned = sum(v.numel() for k, v in published(kind).items() if 'running' not in k and 'tracked' not in k)
        assert learned == pytest.approx(11.49e6, abs=0.005e6)


def embedder(kind: str) -> dict:
    return dict(type='ReIDEmbedder', backbone=dict(type=NAMES[kind]))


@pytest.mark.parametrize('kind', NAMES)
def test_every_tensor_has_a_place(kind: str) -> None:
    state = published(kind)
    assert [family.name for family in matching(shapes_of(state), {})] == ['deepsort']
    converted = DEEPSORT.convert(state, {}, ConvertOptions())
    model = ReIDNet(embedder(kind), loss_softmax=dict(type='CrossEntropyLoss'), num_identities=751)
    assert set(converted.state_dict) == set(model.state_dict())
    model.load_state_dict(converted.state_dict)
    dropped = {entry.key.split('.')[0]: entry.note for entry in converted.report.dropped}
    assert dropped == ({} if kind == '512' else {'batch_norm': 'that program never uses it'})
    assert converted.meta['reid']['network'] == NAMES[kind]
    assert converted.meta['reid']['num_identities'] == 751


@pytest.mark.parametrize('kind', NAMES)
def test_there_and_back(kind: str) -> None:
    state = published(kind)
    back, report = invert(DEEPSORT.convert(state, {}, ConvertOptions()).state_dict)
    assert set(back) == {key for key in state if not key.startswith('batch_norm.')}
    assert all(torch.equal(back[key], state[key]) for key in back)
    assert not report.dropped


@pytest.mark.parametrize('kind', NAMES)
@pytest.mark.parametrize('container', [lambda s: {'net_dict': s, 'acc': 0.5, 'epoch': 3}, dict], ids=['t7', 'bare'])
def test_file_into_head_and_model(kind: str, container: object, tmp_path: Path) -> None:
    state = published(kind)
    torch.save(container(state), tmp_path / 'ckpt.t7')  # type: ignore[operator]
    report = convert(tmp_path / 'ckpt.t7', tmp_path / 'reid.safetensors')
    assert any('751 identities' in note for note in report.notes)
    head = ReIDTrackHead(embedder(kind), weights=str(tmp_path / 'reid.safetensors'))
    assert 'from' in load_parts(head)[0]
    assert torch.equal(head.embedder.backbone.conv[0].weight, state['conv.0.weight'])
    model = ReIDNet(embedder(kind))  # for testing: no classifier
    load_weights(model, tmp_path / 'reid.safetensors', require_complete=True)
    assert torch.equal(model.embedder.backbone.conv[0].weight, state['conv.0.weight'])


def test_without_conversion_the_command_is_named(tmp_path: Path) -> None:
    torch.save({'net_dict': published('512')}, tmp_path / 'ckpt.t7')
    with pytest.raises(CheckpointError, match=r'Convert it first: python tools/convert_checkpoint\.py'):
        load_parts(ReIDTrackHead(embedder('512'), weights=str(tmp_path / 'ckpt.t7')))


def test_another_family_is_refused(tmp_path: Path) -> None:
    torch.save({'net_dict': published('512')}, tmp_path / 'ckpt.t7')
    with pytest.raises(CheckpointError, match='not of the family mmdet3'):
        convert(tmp_path / 'ckpt.t7', tmp_path / 'x.safetensors', 'mmdet3')
    assert 'deepsort' in FAMILIES
