"""A part of a model that brings weights from a file of its own."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from mmdet.checkpoints import convert, load_parts, load_weights, save_weights
from mmdet.checkpoints.metadata import describe
from mmdet.errors import CheckpointError
from mmdet.models import ReIDNet, ReIDTrackHead

EMBEDDER: dict[str, Any] = dict(type='ReIDEmbedder', size=(8, 16), backbone=dict(type='DeepSORTNet', base_channels=2))


def layers() -> nn.Module:
    """Something to detect with."""
    return nn.Sequential(*(nn.Linear(2, 2) for _ in range(8)))


class Tracked(nn.Module):
    """A detector with a track head."""

    def __init__(self, weights: str | None, embedder: dict = EMBEDDER) -> None:
        super().__init__()
        self.detector = layers()
        self.track_head = ReIDTrackHead(copy.deepcopy(embedder), weights)

    def vector(self) -> torch.Tensor:
        return self.track_head.embedder(torch.ones(1, 3, 16, 8))


@pytest.fixture
def reid(tmp_path: Path) -> tuple[ReIDNet, str]:
    """A trained network and its file."""
    model = ReIDNet(copy.deepcopy(EMBEDDER), loss_softmax=dict(type='CrossEntropyLoss'), num_identities=3).eval()
    save_weights(model.state_dict(), tmp_path / 'reid.safetensors', describe(model))
    return model, str(tmp_path / 'reid.safetensors')


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    """Weights of a model without such a head, but with another one."""
    state = {f'detector.{key}': value for key, value in layers().state_dict().items()}
    state['track_head.fcs.0.bias'] = torch.ones(2)
    save_weights(state, tmp_path / 'detector.safetensors', {})
    return tmp_path / 'detector.safetensors'


@torch.no_grad()
def test_a_checkpoint_without_the_part(reid: tuple[ReIDNet, str], detector: Path) -> None:
    model = Tracked(reid[1])
    report = load_weights(model, detector, require_complete=True)
    assert torch.equal(model.vector(), reid[0].embedder(torch.ones(1, 3, 16, 8)))
    assert any(reid[1] in note for note in report.notes)


@torch.no_grad()
def test_a_checkpoint_with_the_part_counts_more(reid: tuple[ReIDNet, str], tmp_path: Path) -> None:
    own = Tracked(None)
    save_weights(own.state_dict(), tmp_path / 'own.safetensors', {})
    model = Tracked(str(tmp_path / 'is not even there.safetensors'))
    report = load_weights(model, tmp_path / 'own.safetensors', require_complete=True)
    assert torch.equal(model.vector(), own.vector())
    assert any('is not even there.safetensors is not used' in note for note in report.notes)


def test_without_a_file_the_head_would_be_random(detector: Path) -> None:
    advice = r'would be left random: .* those of the track_head: .* model\.track_head\.weights=FILE'
    with pytest.raises(CheckpointError, match=advice):
        load_weights(Tracked(None), detector, require_complete=True)


@torch.no_grad()
def test_at_the_start_of_training(reid: tuple[ReIDNet, str]) -> None:
    model = Tracked(reid[1])
    load_parts(model)
    assert torch.equal(model.vector(), reid[0].embedder(torch.ones(1, 3, 16, 8)))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(backbone=dict(type='DeepSORTNet', base_channels=3)), r'conv\.0\.weight has shape'),
        (dict(backbone=dict(type='TorchvisionNet', name='resnet18')), 'is missing'),
        (dict(size=(16, 16)), r'embedder\.size is \[16, 16\] and the weights need \[8, 16\]'),
        (dict(mean=(0, 0, 0)), r'embedder\.mean'),
    ],
    ids=['width', 'network', 'crop', 'normalisation'],
)
def test_a_file_that_does_not_fit(reid: tuple[ReIDNet, str], change: dict, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        load_parts(Tracked(reid[1], {**EMBEDDER, **change}))


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(CheckpointError, match=r'nowhere\.safetensors'):
        load_parts(Tracked('nowhere.safetensors'))


def test_only_the_classifier_may_be_missing(reid: tuple[ReIDNet, str]) -> None:
    more = ReIDNet(copy.deepcopy(EMBEDDER), loss_softmax=dict(type='CrossEntropyLoss'), num_identities=9)
    load_weights(more, reid[1], require_complete=True)
    load_weights(ReIDNet(copy.deepcopy(EMBEDDER)), reid[1], require_complete=True)
    with pytest.raises(CheckpointError, match='embedder'):
        load_weights(ReIDNet({**EMBEDDER, 'size': (16, 16)}), reid[1], require_complete=True)


def test_a_training_checkpoint_serves_too_and_converts(reid: tuple[ReIDNet, str], tmp_path: Path) -> None:
    model = reid[0]
    torch.save({'state_dict': model.state_dict(), 'meta': describe(model), 'optimizer': {}}, tmp_path / 'iter_3.pth')
    convert(tmp_path / 'iter_3.pth', tmp_path / 'converted.safetensors')
    for name in ('iter_3.pth', 'converted.safetensors'):
        head = Tracked(str(tmp_path / name)).track_head
        load_parts(head)
        assert torch.equal(head.embedder.backbone.conv[0].weight, model.embedder.backbone.conv[0].weight)
