"""Lovász hinge, coordinates and the losses of SpatialEmbedding against worked numbers and slow loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from mmdet.errors import ConfigError
from mmdet.models import SpatialEmbeddingLoss
from mmdet.models.embedding_maps import EmbeddingMaps, closeness, coordinate_map, split_prediction
from mmdet.models.losses import lovasz_gradient, lovasz_hinge

HEIGHT, WIDTH = 32, 64


def _scene() -> tuple[Tensor, Tensor]:
    """Two boxes of 128 and 160 pixels, of one class."""
    masks = torch.zeros(2, HEIGHT, WIDTH, dtype=torch.uint8)
    masks[0, 8:16, 8:24] = 1
    masks[1, 18:26, 30:50] = 1
    return masks, torch.zeros(2, dtype=torch.int64)


def _maps(prediction: Tensor, num_sigmas: int = 2) -> EmbeddingMaps:
    return split_prediction(prediction, num_sigmas, coordinate_map(HEIGHT, WIDTH, 'compat'))


def _plain(sigma: float = 1.0, logit: float = 0.0) -> Tensor:
    prediction = torch.zeros(1, 5, HEIGHT, WIDTH)
    prediction[:, 2:4], prediction[:, 4] = sigma, logit
    return prediction


def _perfect() -> Tensor:
    prediction, grid = _plain(logit=-20.0), coordinate_map(HEIGHT, WIDTH, 'compat')
    prediction[:, :2] = -3.0  # background votes for somewhere far away
    for mask in _scene()[0].bool():
        centre = grid[:, mask].mean(1, keepdim=True)
        prediction[0][:2, mask] = (centre - grid[:, mask]).atanh()
        prediction[0][4, mask] = 20.0
    return prediction


@pytest.mark.parametrize(
    ('targets', 'expected'),
    [
        ([1, 1, 0], [0.5, 0.5, 0.0]),
        ([0, 1], [0.5, 0.5]),
        ([1, 0, 1, 0], [0.5, 1 / 6, 1 / 3, 0.0]),
        ([0, 0, 0], [1.0, 0.0, 0.0]),
    ],
)
def test_lovasz_gradient(targets: list[int], expected: list[float]) -> None:
    np.testing.assert_allclose(lovasz_gradient(torch.tensor(targets)).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ('logits', 'expected'),
    [
        ([[1.0, -1.0], [1.0, -1.0]], 0.0),
        ([[0.0, 0.0], [0.0, 0.0]], 1.0),
        ([[-1.0, 1.0], [-1.0, 1.0]], 2.0),
        ([[0.5, -0.5], [-1.0, 1.0]], 1.5),
    ],
)
def test_lovasz_hinge(logits: list, expected: float) -> None:
    values = torch.tensor(logits).flatten()
    target = torch.tensor([1, 0, 1, 0])
    both = lovasz_hinge(torch.stack([values, values]), torch.stack([target, target]))  # many masks at once
    np.testing.assert_allclose(both.numpy(), [expected, expected], atol=1e-6)


def test_lovasz_gradient_is_the_growth_of_the_jaccard_loss() -> None:
    targets = torch.randint(0, 2, (40,), generator=torch.Generator().manual_seed(3)).numpy()
    losses = [0.0]
    for wrong in range(1, 41):
        predicted = targets.copy()
        predicted[:wrong] = 1 - predicted[:wrong]
        losses.append(1 - (predicted & targets).sum() / max((predicted | targets).sum(), 1))
    np.testing.assert_allclose(lovasz_gradient(torch.from_numpy(targets)).numpy(), np.diff(losses), atol=1e-6)


@pytest.mark.parametrize(
    ('mode', 'unit', 'size', 'steps'),
    [
        ('compat', 1024, (375, 1242), (2 / 2047, 1 / 1023)),
        ('compat', 1024, (1100, 2500), (2 / 2047, 1 / 1023)),  # beyond the published grid
        ('default', 1024, (375, 1242), (1 / 1024, 1 / 1024)),
        ('default', 256, (7, 3000), (1 / 256, 1 / 256)),
    ],
)
def test_coordinates_go_on_for_any_size(mode: str, unit: float, size: tuple, steps: tuple) -> None:
    grid = coordinate_map(*size, mode, unit)
    rows, columns = np.mgrid[: size[0], : size[1]]
    assert grid.shape == (2, *size)
    np.testing.assert_allclose(grid.numpy(), np.stack([columns * steps[0], rows * steps[1]]), rtol=1e-5)


def test_unknown_coordinates() -> None:
    with pytest.raises(ConfigError, match="'default' or 'compat'"):
        coordinate_map(2, 2, 'original')


@pytest.mark.parametrize(
    ('pixels', 'along_x', 'along_y'), [(5, 0.59116, 0.59086), (6, 0.46909, 0.46874), (0, 1.0, 1.0)]
)
def test_radius_of_bandwidth_one(pixels: int, along_x: float, along_y: float) -> None:
    grid = coordinate_map(16, 16, 'compat')
    centre, one = grid[:, 8, 8][None], torch.ones(1, 2)
    assert closeness(grid[:, 8, 8 + pixels, None], centre, one).item() == pytest.approx(along_x, abs=2e-5)
    assert closeness(grid[:, 8 + pixels, 8, None], centre, one).item() == pytest.approx(along_y, abs=2e-5)


def test_huge_bandwidths_stay_finite() -> None:
    votes = torch.tensor([[0.0, 0.5], [0.0, 0.5]], requires_grad=True)
    sigmas = torch.full((1, 2), 1e4, requires_grad=True)
    near = closeness(votes, torch.zeros(1, 2), sigmas)
    near.sum().backward()
    assert near.tolist() == [[1.0, 0.0]]
    assert votes.grad.isfinite().all() and sigmas.grad.isfinite().all()


@pytest.mark.parametrize(
    ('prediction', 'weight', 'instance', 'seed', 'total'),
    [
        (_plain(), 10, 0.953891, 0.312354, 1.266246),
        (_plain(), 50, 0.953891, 0.702397, 1.656288),
        (_plain(), 200, 0.953891, 2.165057, 3.118948),
        (_plain(sigma=0.0), 200, None, None, 9.104300),
        (_perfect(), 10, 0.0, 0.0, 0.0),
    ],
    ids=['weight 10', 'weight 50', 'weight 200', 'all zero', 'perfect'],
)
def test_worked_losses(
    prediction: Tensor, weight: float, instance: float | None, seed: float | None, total: float
) -> None:
    found = SpatialEmbeddingLoss(foreground_weight=weight)(_maps(prediction), *_scene())
    assert sum(found.values()).item() == pytest.approx(total, abs=1e-5)
    assert found['loss_variance'].item() == pytest.approx(0, abs=1e-6)
    if instance is not None and seed is not None:
        assert found['loss_instance'].item() == pytest.approx(instance, abs=1e-5)
        assert found['loss_seed'].item() == pytest.approx(seed, abs=1e-5)


def test_without_objects_only_background_seeds_remain() -> None:
    found = SpatialEmbeddingLoss()(_maps(_plain()), torch.zeros(0, HEIGHT, WIDTH), torch.zeros(0, dtype=torch.int64))
    assert {name: value.item() for name, value in found.items()} == {
        'loss_instance': 0.0, 'loss_variance': 0.0, 'loss_seed': 0.25
    }


@pytest.mark.parametrize('ignored', ['exclude', 'background'])
def test_ignored_regions(ignored: str) -> None:
    region = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    region[:, :32] = True
    nothing = torch.zeros(0, HEIGHT, WIDTH), torch.zeros(0, dtype=torch.int64)
    found = SpatialEmbeddingLoss(ignored=ignored)(_maps(_plain()), *nothing, region)
    assert found['loss_seed'].item() == (0.125 if ignored == 'exclude' else 0.25)


def _slow(
    prediction: Tensor, masks: Tensor, labels: Tensor, num_sigmas: int, weights: list[float], others: bool
) -> dict[str, float]:
    """The formulas pixel by pixel, in double precision."""
    values, grid = prediction[0].double().numpy(), coordinate_map(HEIGHT, WIDTH, 'compat').double().numpy()
    votes, sigmas = np.tanh(values[:2]) + grid, values[2 : 2 + num_sigmas]
    seeds = 1 / (1 + np.exp(-values[2 + num_sigmas :]))
    instance, variance, seed = [], [], 0.0
    for mask, label in zip(masks.bool().numpy(), labels.tolist()):
        centre, mean = grid[:, mask].mean(1), sigmas[:, mask].mean(1)
        variance.append(((sigmas[:, mask] - mean[:, None]) ** 2).mean())
        scale = np.exp(10 * np.broadcast_to(mean, 2))
        near = np.exp(-(((votes - centre[:, None, None]) ** 2) * scale[:, None, None]).sum(0))
        margins = torch.from_numpy(2 * near - 1).flatten()
        instance.append(lovasz_hinge(margins, torch.from_numpy(mask).flatten()).item())
        seed += weights[label] * ((seeds[label] - near)[mask] ** 2).sum()
    for label in range(len(seeds)):
        own, any_object = (chosen.bool().any(0).numpy() for chosen in (masks[labels == label], masks))
        weight = np.where(any_object & others, weights[label], 1.0)
        seed += (weight * seeds[label] ** 2)[~own].sum()
    return {
        'loss_instance': np.mean(instance),
        'loss_variance': 10 * np.mean(variance),
        'loss_seed': seed / (HEIGHT * WIDTH),
    }


@pytest.mark.parametrize('others', [False, True], ids=['others are background', 'others weigh as much'])
@pytest.mark.parametrize('num_sigmas', [1, 2])
@pytest.mark.parametrize('num_classes', [1, 3])
def test_against_the_formulas_pixel_by_pixel(num_sigmas: int, num_classes: int, others: bool) -> None:
    generator = torch.Generator().manual_seed(num_sigmas + num_classes)
    prediction = torch.randn(1, 2 + num_sigmas + num_classes, HEIGHT, WIDTH, generator=generator) * 0.02
    prediction[:, 2 : 2 + num_sigmas] += 0.6
    masks, _ = _scene()
    masks = torch.cat([masks, torch.zeros_like(masks[:1])])
    masks[2, 31, 63] = 1  # one pixel, in the last row
    labels = torch.tensor([0, num_classes - 1, 0])
    weights = [5.0 + label for label in range(num_classes)]
    loss = SpatialEmbeddingLoss(foreground_weight=weights, weigh_other_classes=others)
    found = loss(_maps(prediction, num_sigmas), masks, labels)
    expected = _slow(prediction, masks, labels, num_sigmas, weights, others)
    assert {name: value.item() for name, value in found.items()} == pytest.approx(expected, rel=1e-4)


def test_an_empty_mask_counts_for_nothing_and_gradients_are_finite() -> None:
    masks, labels = _scene()
    prediction = (torch.randn(1, 5, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0)) * 0.1).requires_grad_()
    loss = SpatialEmbeddingLoss()
    without = loss(_maps(prediction), masks, labels)
    with_empty = loss(
        _maps(prediction), torch.cat([masks, torch.zeros_like(masks[:1])]), torch.cat([labels, labels[:1]])
    )
    assert {k: v.item() for k, v in with_empty.items()} == pytest.approx({k: v.item() for k, v in without.items()})
    sum(with_empty.values()).backward()
    assert prediction.grad.isfinite().all() and (prediction.grad != 0).any()


def test_seed_targets_carry_no_gradient_to_offsets() -> None:
    prediction = _plain(sigma=0.5).requires_grad_()
    SpatialEmbeddingLoss()(_maps(prediction), *_scene())['loss_seed'].backward()
    assert prediction.grad[:, :4].abs().max() == 0 and prediction.grad[:, 4].abs().max() > 0


def test_wrong_arguments() -> None:
    with pytest.raises(ConfigError, match="'exclude' or 'background'"):
        SpatialEmbeddingLoss(ignored='drop')


def test_math_of_the_published_radius() -> None:
    assert math.sqrt(math.log(2) / math.exp(10)) / (2 / 2047) == pytest.approx(5.7415, abs=1e-4)
