"""ImageNet weights for a backbone: the right network or a clear error, and no network access in tests."""

from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models import ResNet18_Weights, resnet18, resnet34, resnext50_32x4d

from mmdet.checkpoints import load_backbone, torchvision_backbone
from mmdet.errors import CheckpointError


@pytest.fixture
def resnet18_file(tmp_path: Path) -> Path:
    torch.save(resnet18().state_dict(), tmp_path / 'resnet18.pth')
    return tmp_path / 'resnet18.pth'


def _backbone(network: nn.Module) -> nn.Module:
    del network.fc
    return network


@pytest.mark.parametrize('build', [resnet18, resnext50_32x4d])
def test_everything_but_the_classifier_is_loaded(tmp_path: Path, build: object) -> None:
    source = build()
    torch.save({'state_dict': {f'module.{k}': v for k, v in source.state_dict().items()}}, tmp_path / 'net.pth')
    target = _backbone(build())
    report = load_backbone(target, tmp_path / 'net.pth')
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in target.state_dict().items())
    assert not any('fc' in entry.key for entry in report.loaded)
    assert not report.random


@pytest.mark.parametrize('build', [resnet34, resnext50_32x4d])
def test_another_network_is_refused_both_ways(tmp_path: Path, resnet18_file: Path, build: object) -> None:
    other = build()
    with pytest.raises(CheckpointError, match=r'another depth or width.*layer'):
        load_backbone(_backbone(build()), resnet18_file)
    torch.save(other.state_dict(), tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match=r'another depth or width.*layer'):
        load_backbone(_backbone(resnet18()), tmp_path / 'other.pth')


def test_weights_of_something_else(tmp_path: Path) -> None:
    torch.save({'blocks.0.weight': torch.ones(1)}, tmp_path / 'vit.pth')
    with pytest.raises(CheckpointError, match=r'holds no ResNet.*blocks\.0\.weight'):
        torchvision_backbone(tmp_path / 'vit.pth')


def test_a_weight_name_is_downloaded_checked_and_restricted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def fetch(url: str, **kwargs: object) -> dict:
        asked.update(kwargs, url=url)
        return resnet18().state_dict()

    monkeypatch.setattr(models._api, 'load_state_dict_from_url', fetch)
    state = torchvision_backbone('ResNet18_Weights.IMAGENET1K_V1')
    assert 'layer4.1.bn2.weight' in state
    assert 'fc.weight' not in state
    assert asked['url'] == ResNet18_Weights.IMAGENET1K_V1.url
    assert asked['check_hash'] is True
    assert asked['weights_only'] is True


@pytest.mark.parametrize('failure', [URLError('no route'), RuntimeError('invalid hash value')])
def test_a_failed_download_names_the_address(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    def fetch(url: str, **kwargs: object) -> dict:
        raise failure

    monkeypatch.setattr(models._api, 'load_state_dict_from_url', fetch)
    with pytest.raises(CheckpointError, match=r'cannot download ResNet18.*https://.*(no route|invalid hash)'):
        torchvision_backbone('ResNet18_Weights.IMAGENET1K_V1')


@pytest.mark.parametrize('name', ['ResNet50_Weights.IMAGENET1K_V3', 'ResNet51_Weights.IMAGENET1K_V1'])
def test_a_misspelt_weight_name_lists_close_ones(name: str) -> None:
    with pytest.raises(CheckpointError, match=r'ResNet50_Weights\.IMAGENET1K_V'):
        torchvision_backbone(name)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match='there is no checkpoint'):
        torchvision_backbone(tmp_path / 'resnet50.pth')
