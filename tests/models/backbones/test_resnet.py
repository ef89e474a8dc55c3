"""Residual networks: torchvision's answers with torchvision's weights, where strides lie, and what stays frozen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet18, resnet34, resnet50, resnet101, resnext101_64x4d
from torchvision.models.resnet import Bottleneck
from torchvision.models.resnet import ResNet as TorchvisionResNet

from mmdet.errors import ConfigError
from mmdet.models.backbones.resnet import ResNet, ResNeXt

StateDict = dict[str, Tensor]


def resnext101_32x4d() -> nn.Module:
    return TorchvisionResNet(Bottleneck, [3, 4, 23, 3], groups=32, width_per_group=4)


def without_values(build: Callable[[], nn.Module]) -> nn.Module:
    """A network that has not been filled with random weights, in which large ones spend seconds."""
    with torch.device('meta'):
        return build().eval()


def random_state(network: nn.Module) -> StateDict:
    """Values for all weights and statistics that keep activations of deep networks in bounds."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            state[name] = torch.zeros(value.shape, dtype=value.dtype)
        elif value.ndim == 4:
            state[name] = torch.empty(value.shape).normal_(0, value[0].numel() ** -0.5, generator=generator)
        else:
            state[name] = torch.empty(value.shape).uniform_(0.5, 1, generator=generator)
    return state


@torch.no_grad()
def torchvision_maps(network: nn.Module, images: Tensor) -> list[Tensor]:
    x = network.maxpool(network.relu(network.bn1(network.conv1(images))))
    maps = []
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        x = stage(x)
        maps.append(x)
    return maps


def check_equal(ours: Callable[[], nn.Module], theirs: nn.Module) -> None:
    """The same weights by name give the same four maps."""
    state = random_state(theirs)
    theirs.load_state_dict(state, assign=True)
    own = without_values(ours)
    own.load_state_dict({name: value for name, value in state.items() if not name.startswith('fc.')}, assign=True)
    images = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        maps = own(images)
    for stage, (found, expected) in enumerate(zip(maps, torchvision_maps(theirs, images), strict=True)):
        assert found.shape == (1, own.out_channels[stage], 16 >> stage, 24 >> stage)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * expected.std().item())


@pytest.mark.parametrize(
    ('ours', 'theirs'),
    [
        pytest.param(lambda: ResNet(18), resnet18, id='R18'),
        pytest.param(lambda: ResNet(34), resnet34, id='R34'),
        pytest.param(lambda: ResNet(50), resnet50, id='R50'),
        pytest.param(lambda: ResNet(101), resnet101, id='R101'),
        pytest.param(lambda: ResNeXt(101, groups=32, base_width=4), resnext101_32x4d, id='X101 32x4d'),
        pytest.param(lambda: ResNeXt(101, groups=64, base_width=4), resnext101_64x4d, id='X101 64x4d'),
    ],
)
def test_torchvisions_weights_give_torchvisions_maps(
    ours: Callable[[], nn.Module], theirs: Callable[[], nn.Module]
) -> None:
    check_equal(ours, without_values(theirs))


def test_caffe_style_strides_in_the_first_convolution() -> None:
    theirs = without_values(resnet50)
    for stage in (theirs.layer2, theirs.layer3, theirs.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    check_equal(lambda: ResNet(50, style='caffe'), theirs)


@pytest.mark.parametrize(('style', 'strides'), [('pytorch', [1, 2, 1]), ('caffe', [2, 1, 1])])
def test_positions_of_strides(style: str, strides: list[int]) -> None:
    network = without_values(lambda: ResNet(50, style=style))
    for stage in (network.layer2, network.layer3, network.layer4):
        first = stage[0]
        assert [conv.stride[0] for conv in (first.conv1, first.conv2, first.conv3)] == strides
        assert first.downsample[0].stride == (2, 2)
        assert all(conv.stride == (1, 1) for conv in stage[1].modules() if isinstance(conv, nn.Conv2d))


PARTS = ('stem', 'layer1', 'layer2', 'layer3', 'layer4')


def part_of(name: str) -> str:
    first = name.split('.')[0]
    return 'stem' if first in ('conv1', 'bn1') else first


@pytest.mark.parametrize('norm_eval', [True, False])
@pytest.mark.parametrize(
    ('stages', 'frozen'),
    [(-1, ()), (0, PARTS[:1]), (1, PARTS[:2]), (4, PARTS)],
    ids=['nothing', 'stem', 'stem and first stage', 'everything'],
)
def test_frozen_parts_stay_and_all_others_train(stages: int, frozen: tuple[str, ...], norm_eval: bool) -> None:
    network = ResNet(18, base_channels=4, frozen_stages=stages, norm_eval=norm_eval).eval().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    if stages < 4:
        sum(level.square().mean() for level in network(torch.randn(2, 3, 64, 64))).backward()
        torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1).step()
    else:
        network(torch.randn(2, 3, 64, 64))
    for name, parameter in network.named_parameters():  # convolutions and the norms' own weights alike
        trains = part_of(name) not in frozen
        assert parameter.requires_grad == trains, name
        assert parameter.equal(before[name]) != trains, name
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            collects = part_of(name) not in frozen and not norm_eval
            assert module.training == collects, name
            assert module.running_mean.equal(before[f'{name}.running_mean']) != collects, name


def test_freezing_may_change_later() -> None:
    network = ResNet(18, base_channels=4, frozen_stages=1).train()
    network.freeze(-1)
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(module.training for module in network.modules())
    network.freeze(2)
    assert {part_of(n) for n, p in network.named_parameters() if not p.requires_grad} == {'stem', 'layer1', 'layer2'}


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda: ResNet(20), 'depth 20 does not exist'),
        (lambda: ResNet(50, style='tf'), "'pytorch' or 'caffe'"),
        (lambda: ResNet(18, groups=32), 'no grouped convolutions'),
    ],
    ids=['depth', 'style', 'groups'],
)
def test_networks_that_do_not_exist(build: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build()
