"""The network that reads point sets."""

from __future__ import annotations

import pytest
import torch

from mmdet.models.track_heads.points import InstancePoints, PointNetwork, PointSet
from mmdet.models.track_heads.points.position import box_shapes, compat_box_shapes, encode_positions

SINES = [-0.5064, -0.9709, -0.8756, 0.9376, -0.0207, 0.9720, 0.5332, 0.2349]
COSINES = [0.8623, -0.2395, 0.4830, 0.3476, -0.9998, 0.2351, 0.8460, 0.9720]


def points(count: int = 3, foreground: int = 1000, context: int = 500, seed: int = 0) -> InstancePoints:
    generator = torch.Generator().manual_seed(seed)

    def one(size: int) -> PointSet:
        values = torch.rand(count * size, 5, generator=generator)
        kinds = torch.randint(0, 3, (count * size,), generator=generator)
        return PointSet(values, kinds, torch.arange(count * size).view(count, size), False)

    corner = torch.rand(count, 2, generator=generator) * 100
    bboxes = torch.cat([corner, corner + 20], 1)
    return InstancePoints(one(foreground), one(context), bboxes, torch.tensor([[320.0, 240.0]]).expand(count, 2))


def shuffled(part: PointSet) -> PointSet:
    order = torch.randperm(part.members.shape[1], generator=torch.Generator().manual_seed(1))
    rows = part.members[:, order].flatten()
    return part._replace(values=part.values[rows], kinds=part.kinds[rows])


@pytest.fixture(scope='module')
def network() -> PointNetwork:
    torch.manual_seed(0)
    network = PointNetwork().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return network


@torch.no_grad()
def test_t10_size_and_shape(network: PointNetwork) -> None:
    result = network(points())
    assert result.vectors.shape == (3, 32) and result.weights.shape == (3, 1000) and result.winners.shape == (3, 256)
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_419_809
    assert len(network.state_dict()) == 104
    assert result.weights.sum(1).tolist() == pytest.approx([1, 1, 1])


@torch.no_grad()
@pytest.mark.parametrize('part', ['foreground', 'context'])
def test_t10_order_of_points_does_not_matter(network: PointNetwork, part: str) -> None:
    given = points()
    fields = dict(foreground=given.foreground, context=given.context)
    fields[part] = shuffled(fields[part])
    other = InstancePoints(**fields, bboxes=given.bboxes, frame_sizes=given.frame_sizes)
    assert network(other).vectors.sub(network(given).vectors).abs().max() < 1e-5


@torch.no_grad()
def test_instances_do_not_influence_each_other(network: PointNetwork) -> None:
    parts = [points(2, seed=1), points(1, seed=2)]
    together = network(InstancePoints.cat(parts)).vectors
    assert torch.cat([network(part).vectors for part in parts]).sub(together).abs().max() < 1e-5


@torch.no_grad()
def test_repeated_points_are_computed_once_with_the_same_result(network: PointNetwork) -> None:
    generator = torch.Generator().manual_seed(0)
    sets, repeated = [], []
    for size in (1000, 500):
        base = points(2, 30, 30, seed=size).foreground
        members = torch.stack([torch.randint(0, 30, (size,), generator=generator) + 30 * i for i in range(2)])
        sets.append(PointSet(base.values, base.kinds, members, True))
        rows = members.flatten()
        repeated.append(PointSet(base.values[rows], base.kinds[rows], torch.arange(2 * size).view(2, size), False))
    boxes = points(2)
    results = [network(InstancePoints(*pair, boxes.bboxes, boxes.frame_sizes)) for pair in (sets, repeated)]
    for first, second in zip(results[0][:2], results[1][:2]):
        assert first.sub(second).abs().max() < 1e-5


@torch.no_grad()
def test_folded_norms_compute_what_layer_and_norm_do(network: PointNetwork) -> None:
    layer = network.foreground.colours[1]
    x = torch.randn(7, 64)
    expected = torch.nn.functional.leaky_relu(layer.norm(layer.linear(x)), 0.01)
    assert layer(x).sub(expected).abs().max() < 1e-5


def test_gradients_reach_every_parameter() -> None:
    network = PointNetwork(base_channels=4)
    network(points(4, 30, 20)).vectors.square().sum().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


def test_t8_position_of_the_empty_box() -> None:
    code = encode_positions(torch.tensor([[0.0, 0, 1, 1]]))[0]
    assert code[:16].tolist() == [0] * 16 and code[32:48].tolist() == [1] * 16
    assert code[16:32].tolist() == pytest.approx(SINES * 2, abs=1e-4)
    assert code[48:].tolist() == pytest.approx(COSINES * 2, abs=1e-4)


def test_t8_compat_makes_it_of_one_pixel() -> None:
    shapes = compat_box_shapes(torch.tensor([[0.0, 0, 1, 1], [621.0, 75, 1243, 376]]))
    assert shapes[0].tolist() == [0, 0, 1, 1]
    assert shapes[1].tolist() == pytest.approx([0.75, 0.6, 1.5, 1.8])


def test_positions_follow_the_frame() -> None:
    boxes = torch.tensor([[10.0, 20, 30, 60]])
    first = box_shapes(boxes, torch.tensor([[100.0, 200]]))
    assert first.tolist() == [pytest.approx([0.2, 0.2, 0.2, 0.2])]
    assert box_shapes(boxes * 3, torch.tensor([[300.0, 600]])).sub(first).abs().max() < 1e-6
