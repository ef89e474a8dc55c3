"""Deformable convolution against torchvision's, values and gradients."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor

from mmdet.errors import DataError
from mmdet.ops.deform_conv import deform_conv2d


def inputs(batch: int, channels: int, size: tuple[int, int], kernel: tuple[int, int], padding: int) -> list[Tensor]:
    """Random maps, offsets that also leave the map, weights; all float64."""
    generator = torch.Generator().manual_seed(channels)
    out = [size[i] + 2 * padding - kernel[i] + 1 for i in range(2)]
    shapes = ((batch, channels, *size), (batch, 2 * kernel[0] * kernel[1], *out), (5, channels, *kernel))
    maps, offsets, weight = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return [maps.requires_grad_(), (3 * offsets).requires_grad_(), weight.requires_grad_()]


@pytest.mark.parametrize(
    ('batch', 'channels', 'size', 'kernel', 'padding'),
    [
        (2, 4, (6, 9), (3, 3), 1),
        (1, 3, (5, 4), (3, 3), 0),
        (3, 2, (4, 7), (1, 1), 0),
        (2, 3, (6, 5), (5, 3), 2),
        (1, 2, (1, 1), (3, 3), 1),
        (0, 2, (4, 4), (3, 3), 1),
    ],
)
def test_equals_torchvision(batch, channels, size, kernel, padding) -> None:
    given = inputs(batch, channels, size, kernel, padding)
    ours = deform_conv2d(*given, padding=padding)
    theirs = torchvision.ops.deform_conv2d(*given, padding=padding)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    weight = torch.randn_like(ours)
    for mine, other in zip(torch.autograd.grad(ours, given, weight), torch.autograd.grad(theirs, given, weight)):
        torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-12)


def test_gradients_are_those_of_the_function() -> None:
    assert torch.autograd.gradcheck(lambda *given: deform_conv2d(*given, padding=1), inputs(1, 2, (3, 4), (3, 3), 1))


def test_offsets_of_whole_cells_at_the_border_of_the_map() -> None:
    maps = torch.arange(12.0).view(1, 1, 3, 4)
    for dy, dx in ((-1, 0), (0, 3), (2, -3), (-3, 0), (-0.5, 0), (2.5, 3.5)):
        offsets = torch.tensor([float(dy), float(dx)]).view(1, 2, 1, 1).expand(1, 2, 3, 4).contiguous()
        ours = deform_conv2d(maps, offsets, torch.ones(1, 1, 1, 1))
        torch.testing.assert_close(ours, torchvision.ops.deform_conv2d(maps, offsets, torch.ones(1, 1, 1, 1)))


def test_zero_offsets_are_a_convolution_and_its_gradient_takes_the_side_of_torchvision() -> None:
    maps, offsets, weight = inputs(2, 3, (5, 6), (3, 3), 1)
    still = torch.zeros_like(offsets).requires_grad_()
    ours = deform_conv2d(maps, still, weight, padding=1)
    torch.testing.assert_close(ours, torch.nn.functional.conv2d(maps, weight, padding=1))
    theirs = torchvision.ops.deform_conv2d(maps, still, weight, padding=1)
    mine, other = (torch.autograd.grad(out.square().sum(), still)[0] for out in (ours, theirs))
    torch.testing.assert_close(mine, other)


def test_non_contiguous_maps() -> None:
    maps, offsets, weight = inputs(2, 3, (5, 6), (3, 3), 1)
    turned = maps.detach().transpose(2, 3).contiguous().transpose(2, 3)
    assert not turned.is_contiguous()
    torch.testing.assert_close(deform_conv2d(turned, offsets, weight, 1), deform_conv2d(maps, offsets, weight, 1))


@pytest.mark.parametrize('value', [float('nan'), float('inf'), 1e30])
def test_offsets_of_a_training_that_diverged(value: float) -> None:
    maps, offsets, weight = inputs(1, 2, (4, 5), (3, 3), 1)
    offsets.data[0, 4, 1, 2] = value
    found = deform_conv2d(maps, offsets, weight, padding=1)
    assert torch.isfinite(found).sum() >= found.numel() - 5  # one position of five channels
    assert value == 1e30 or not torch.isfinite(found[:, :, 1, 2]).any()  # which the check of the loss will tell


def test_mixed_types() -> None:
    maps, offsets, weight = inputs(1, 2, (4, 4), (3, 3), 1)
    with pytest.raises(DataError, match='one type for all'):
        deform_conv2d(maps, offsets.float(), weight, padding=1)


@pytest.mark.parametrize('place', [1, 2])
def test_shapes_that_do_not_belong_together(place: int) -> None:
    given = inputs(1, 2, (4, 4), (3, 3), 1)
    given[place] = given[place][:, :1]
    with pytest.raises(DataError, match='offsets of shape'):
        deform_conv2d(*given, padding=1)
