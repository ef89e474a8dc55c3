"""Appearance networks: sizes, names, and how torchvision's lose their last layer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmdet.errors import ConfigError
from mmdet.models.reid import DeepSORTNet, DeepSORTNet128, ReIDEmbedder, TorchvisionNet


def test_published_deepsort_network() -> None:
    net = DeepSORTNet()
    classifier = net.make_classifier(751)
    count = sum(p.numel() for module in (net, classifier) for p in module.parameters())
    assert net.embedding_dim == 512
    assert len(net.state_dict()) + len(classifier.state_dict()) == 130
    assert round(count / 1e6, 2) == 11.49


def test_published_older_network() -> None:
    net = DeepSORTNet128()
    assert net.dense.weight.shape == (128, 16384)
    assert net(torch.zeros(2, 3, 128, 64)).shape == (2, 128)
    assert net.make_classifier(751)[-1].weight.shape == (751, 128)


@pytest.mark.parametrize(
    ('name', 'dim', 'removed'),
    [('resnet18', 512, 'fc'), ('mobilenet_v3_small', 1024, 'classifier.3'), ('shufflenet_v2_x0_5', 1024, 'fc')],
)
def test_torchvision_network_without_its_last_layer(name: str, dim: int, removed: str) -> None:
    net = TorchvisionNet(name).eval()
    assert (net.embedding_dim, net.removed) == (dim, removed)
    with torch.no_grad():
        assert net(torch.zeros(2, 3, 64, 64)).shape == (2, dim)
    from torchvision.models import get_model

    state = net.pretrained_state(get_model(name).state_dict())
    assert set(state) == set(net.state_dict())


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(name='resnet81'), 'resnet18'),
        (dict(name='squeezenet1_0'), 'does not end in a linear layer'),
        (dict(name='resnet18', pretrained='ResNet18_Weights.IMAGENET1K_V1'), 'not downloaded'),
    ],
)
def test_wrong_torchvision_network(arguments: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TorchvisionNet(**arguments)


def test_wrong_embedder() -> None:
    with pytest.raises(ConfigError, match='max_batch'):
        ReIDEmbedder(dict(type='DeepSORTNet', base_channels=2), max_batch=0)


def test_mean_and_deviation_are_not_weights() -> None:
    embedder = ReIDEmbedder(dict(type='DeepSORTNet', base_channels=2))
    assert all(key.startswith('backbone.') for key in embedder.state_dict())
    assert isinstance(embedder.backbone, nn.Module)
