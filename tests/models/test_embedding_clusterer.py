"""Clustering of votes against the published procedure written out, and on small hand-made maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mmdet.errors import ConfigError
from mmdet.models import EmbeddingClusterer
from mmdet.models.embedding_maps import EmbeddingMaps, coordinate_map, split_prediction

HIGH, LOW = 20.0, -20.0


def _maps(prediction: Tensor, num_sigmas: int = 2) -> EmbeddingMaps:
    return split_prediction(prediction, num_sigmas, coordinate_map(*prediction.shape[2:], 'compat'))


def _boxes(boxes: list[tuple[int, int, int, int]], size: tuple[int, int], classes: int = 1) -> Tensor:
    """Perfect offsets and seeds for boxes (y1, y2, x1, x2), bandwidth 1; class of box i is i modulo ``classes``."""
    prediction = torch.zeros(1, 4 + classes, *size)
    prediction[:, 2:4], prediction[:, 4:] = 1, LOW
    grid = coordinate_map(*size, 'compat')
    for index, (y1, y2, x1, x2) in enumerate(boxes):
        place = (slice(None), slice(y1, y2), slice(x1, x2))
        centre = grid[place].mean((1, 2), keepdim=True)
        prediction[0, :2][place] = (centre - grid[place]).atanh()
        prediction[0, 4 + index % classes, y1:y2, x1:x2] = HIGH
    return prediction


def _areas(ids: Tensor) -> list[int]:
    return torch.unique(ids[ids > 0], return_counts=True)[1].tolist()


def _published(maps: EmbeddingMaps, threshold: float, min_pixel: int) -> np.ndarray:
    """The greedy procedure, one pixel set at a time."""
    seeds = maps.seeds[0, 0].sigmoid().numpy()
    votes, sigmas = maps.votes[0].numpy(), maps.sigmas[0].numpy()
    candidates = [tuple(pixel) for pixel in np.argwhere(seeds > 0.5)]
    free, ids, count = set(candidates), np.zeros(seeds.shape, dtype=int), 0
    while len(free) > min_pixel:
        start = max(sorted(free), key=lambda pixel: seeds[pixel])
        if seeds[start] < threshold:
            break
        free.discard(start)
        scale = np.exp(10 * sigmas[(slice(None), *start)])
        near = np.exp(-(((votes - votes[(slice(None), *start)][:, None, None]) ** 2) * scale[:, None, None]).sum(0))
        members = [pixel for pixel in candidates if near[pixel] > 0.5]
        if len(members) > min_pixel and len(free.intersection(members)) / len(members) > 0.5:
            count += 1
            for pixel in members:
                ids[pixel] = count
        free.difference_update(members)
    return ids


@pytest.mark.parametrize(('min_pixels', 'areas'), [(100, [128, 160]), (128, [160]), (160, [])])
def test_sizes_must_be_greater_in_compat_mode(min_pixels: int, areas: list[int]) -> None:
    maps = _maps(_boxes([(8, 16, 8, 24), (18, 26, 30, 50)], (32, 64)))
    found = EmbeddingClusterer('compat', 0.94, min_pixels)(maps)[0]
    assert sorted(found.masks.sum((1, 2)).tolist()) == areas
    assert found.labels.tolist() == [0] * len(areas)
    assert all(score > 0.99 for score in found.scores.tolist())


@pytest.mark.parametrize(('min_pixels', 'areas'), [(128, [128, 160]), (129, [160]), (161, [])])
def test_min_pixels_is_the_smallest_object_by_default(min_pixels: int, areas: list[int]) -> None:
    maps = _maps(_boxes([(8, 16, 8, 24), (18, 26, 30, 50)], (32, 64)))
    found = EmbeddingClusterer('default', 0.94, min_pixels)(maps)[0]
    assert sorted(found.masks.sum((1, 2)).tolist()) == areas


def _chain() -> Tensor:
    """A band of candidates in which proposals overlap."""
    prediction = torch.zeros(1, 5, 40, 80)
    prediction[:, 2:4], prediction[:, 4] = 1, LOW
    prediction[0, 4, 15:26, 5:60] = 4
    for logit, column in ((8, 12), (7, 20), (6, 50)):
        prediction[0, 4, 20, column] = logit
    return prediction


def test_later_objects_overwrite_in_compat_mode() -> None:
    maps = _maps(_chain())
    ids = EmbeddingClusterer('compat', 0.5, 50).label_maps(maps.votes, maps.sigmas, maps.seeds[:, 0].sigmoid())[0]
    assert _areas(ids) == [82, 97, 97, 35, 35, 56]
    assert ids[20, 15] == 2


def test_objects_keep_their_pixels_by_default() -> None:
    found = EmbeddingClusterer('default', 0.5, 50)(_maps(_chain()))[0]
    assert found.masks.sum(0).max() == 1
    assert found.masks[0].sum() == 101 and found.masks[0, 20, 15]  # the best seed's proposal is whole
    assert (found.masks.sum((1, 2)) >= 50).all()


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('num_sigmas', [1, 2])
@pytest.mark.parametrize(('threshold', 'min_pixel'), [(0.5, 8), (0.9, 30)])
def test_compat_is_the_published_procedure(seed: int, num_sigmas: int, threshold: float, min_pixel: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, 3 + num_sigmas, 6, 8, generator=generator)
    prediction = torch.nn.functional.interpolate(coarse, size=(36, 48), mode='bilinear')
    prediction[:, :2] *= 0.02
    prediction[:, 2:-1] = 1 - prediction[:, 2:-1].abs() * 0.3
    prediction[:, -1] = prediction[:, -1] * 4 + 1
    maps = _maps(prediction, num_sigmas)
    clusterer = EmbeddingClusterer('compat', threshold, min_pixel, max_seeds=None)
    ids = clusterer.label_maps(maps.votes, maps.sigmas, maps.seeds[:, 0].sigmoid())[0]
    expected = _published(maps, threshold, min_pixel)
    assert expected.max() > 1  # the case says something
    np.testing.assert_array_equal(ids.numpy(), expected)


@pytest.mark.parametrize('mode', ['compat', 'default'])
def test_maps_together_as_one_by_one(mode: str) -> None:
    """What a GPU does with all maps of a chunk at once is what a CPU does with each."""
    parts = [_chain(), _boxes([(3, 20, 4, 30)], (40, 80)), torch.full((1, 5, 40, 80), LOW), -_chain()]
    maps = _maps(torch.cat(parts))
    clusterer = EmbeddingClusterer(mode, 0.5, 50)
    seeds = maps.seeds[:, 0].sigmoid()
    pixels = clusterer._candidates(maps.votes, maps.sigmas, seeds)
    together = torch.zeros(seeds.shape, dtype=torch.int64)
    together.flatten(1).scatter_reduce_(1, pixels.place, clusterer._grow(pixels).long(), 'amax')
    assert torch.equal(together, clusterer.label_maps(maps.votes, maps.sigmas, seeds))
    assert together.amax((1, 2)).tolist()[1:3] == [1, 0]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
@pytest.mark.parametrize('arguments', [dict(mode='compat'), dict(), dict(refine=True)], ids=str)
def test_a_gpu_finds_what_a_cpu_finds(arguments: dict) -> None:
    maps = _maps(torch.cat([_chain(), _boxes([(3, 20, 4, 30), (22, 36, 40, 70)], (40, 80)), -_chain()]))
    moved = EmbeddingMaps(*(part.cuda() for part in (maps.votes, maps.sigmas, maps.seeds, maps.coordinates)))
    clusterer = EmbeddingClusterer(seed_threshold=0.5, min_pixels=50, **arguments)
    for ours, theirs in zip(clusterer(moved), clusterer(maps)):
        assert torch.equal(ours.masks.cpu(), theirs.masks) and torch.equal(ours.labels.cpu(), theirs.labels)
        torch.testing.assert_close(ours.scores.cpu(), theirs.scores)


def test_equal_seeds_start_at_the_first_pixel() -> None:
    maps = _maps(_boxes([(20, 30, 2, 12), (2, 12, 20, 30)], (32, 64)))
    ids = EmbeddingClusterer('compat', 0.5, 50).label_maps(maps.votes, maps.sigmas, maps.seeds[:, 0].sigmoid())[0]
    assert ids[2, 20] == 1 and ids[20, 2] == 2


@pytest.mark.parametrize('mode', ['compat', 'default'])
def test_several_classes(mode: str) -> None:
    prediction = _boxes([(2, 12, 2, 22), (2, 12, 30, 50), (18, 28, 2, 22)], (32, 64), classes=3)
    found = EmbeddingClusterer(mode, 0.5, 20)(_maps(prediction))[0]
    assert sorted(found.labels.tolist()) == [0, 1, 2]
    place = {0: (5, 5), 1: (5, 35), 2: (20, 5)}
    assert all(mask[place[label]] for mask, label in zip(found.masks, found.labels.tolist()))


def test_two_classes_at_one_place() -> None:
    prediction = _boxes([(2, 22, 2, 22), (2, 22, 2, 22)], (32, 64), classes=2)
    prediction[0, 5, 2:22, 2:22] = 1.0  # the second class is seen too, less surely
    own = EmbeddingClusterer('default', 0.5, 20)(_maps(prediction))[0]
    assert own.labels.tolist() == [0]
    assert own.scores.item() == pytest.approx(1 / (1 + torch.tensor(1.0).sigmoid().item()), abs=1e-4)
    published = EmbeddingClusterer('compat', 0.5, 20)(_maps(prediction))[0]
    assert published.labels.tolist() == [0, 1]


@pytest.mark.parametrize(('over_classes', 'found'), [('highest', 0), ('sum', 1)])
def test_classes_that_share_an_object(over_classes: str, found: int) -> None:
    prediction = _boxes([(2, 22, 2, 22)], (32, 64), classes=2)
    prediction[0, 4:, 2:22, 2:22] = torch.tensor([0.3, 0.28]).logit()[:, None, None]
    clusters = EmbeddingClusterer('default', 0.5, 20, over_classes=over_classes)(_maps(prediction))[0]
    assert clusters.masks.sum((1, 2)).tolist() == [400] * found
    assert clusters.labels.tolist() == [0] * found
    assert clusters.scores.tolist() == pytest.approx([0.3] * found, abs=1e-4)  # a sum of 0.58, of which 30 / 58


def test_refined_proposals_take_mean_vote_and_bandwidth_of_free_pixels() -> None:
    generator = torch.Generator().manual_seed(5)
    prediction = _boxes([(4, 20, 4, 20)], (24, 32))
    prediction[:, :4] += 0.002 * torch.randn(1, 4, 24, 32, generator=generator)
    prediction[:, 4] += 0.5 * torch.randn(1, 24, 32, generator=generator)
    maps = _maps(prediction)
    ids = EmbeddingClusterer('default', 0.5, 4, refine=True)(maps)[0].masks[0]
    seeds, votes, sigmas = maps.seeds[0, 0].sigmoid(), maps.votes[0], maps.sigmas[0]
    start = (seeds == seeds.max()).nonzero()[0].tolist()
    vote, scale = votes[:, start[0], start[1]], (10 * sigmas[:, start[0], start[1]]).exp()
    for _ in range(2):
        near = ((votes - vote[:, None, None]) ** 2 * scale[:, None, None]).sum(0) < np.log(2)
        members = near & (seeds > 0.5)
        vote, scale = votes[:, members].mean(1), (10 * sigmas[:, members].mean(1)).exp()
    assert torch.equal(ids, members)


def test_compat_tries_all_seeds() -> None:
    prediction = torch.full((1, 5, 24, 32), LOW)
    prediction[:, :4], prediction[0, 2:4] = 0, 100.0  # every pixel is a proposal of its own
    prediction[0, 4] = torch.arange(24 * 32).flip(0).view(24, 32) / 100  # the corner comes first
    prediction[0, 2:4, 20:24], prediction[0, 4, 20:24] = 1.0, 0.01  # the last rows come last, and belong together
    prediction[0, 4, 14:20] = LOW
    found = EmbeddingClusterer('compat', 0.5, 20, max_seeds=1)(_maps(prediction))[0]
    assert len(found.masks) >= 1 and found.masks[0, :20].sum() == 0


@pytest.mark.parametrize('mode', ['compat', 'default'])
@pytest.mark.parametrize('case', ['nothing', 'one pixel', 'last row', 'not a number', 'tiny bandwidths'])
def test_odd_maps_come_to_an_end(mode: str, case: str) -> None:
    prediction = torch.full((1, 5, 24, 32), LOW)
    prediction[:, :4] = 0
    expected = 0
    if case == 'one pixel':
        prediction[0, 4, 7, 7], expected = HIGH, 1
    elif case == 'last row':
        prediction[0, 4, 23, :5], expected = HIGH, 1
    elif case == 'not a number':
        prediction[0, 4], prediction[0, :2] = HIGH, float('nan')
    elif case == 'tiny bandwidths':  # every pixel is a proposal of its own
        prediction[0, 2:4], prediction[0, 4] = 100.0, HIGH
        expected = 200
    clusterer = EmbeddingClusterer(mode, 0.5, 1, max_seeds=200)
    found = clusterer(_maps(prediction))[0]
    if mode == 'compat':  # greater than one pixel
        expected = 1 if case == 'last row' else 0
    assert found.masks.shape == (expected, 24, 32)
    assert len(found.labels) == len(found.scores) == expected


@pytest.mark.parametrize(
    'arguments',
    [
        *(dict(mode='fast'), dict(seed_threshold=2), dict(min_pixels=0), dict(closeness=1), dict(max_seeds=0)),
        *(dict(over_classes='mean'), dict(mode='compat', refine=True), dict(mode='compat', over_classes='sum')),
    ],
)
def test_wrong_arguments(arguments: dict) -> None:
    with pytest.raises(ConfigError, match='EmbeddingClusterer'):
        EmbeddingClusterer(**arguments)
