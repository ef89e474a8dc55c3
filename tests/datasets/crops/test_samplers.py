"""Batches of P identities with K crops: a function of seed, epoch and position, cut into slices by rank."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mmdet.datasets.crops import CropSampler, IdentityBatchSampler
from mmdet.errors import ConfigError

COUNTS = [1, 3, 8, 2, 5, 4]  # crops of each identity


class Crops:
    """As many crops as ``COUNTS`` says, identities mixed."""

    ann_file = 'crops.json'

    def __init__(self) -> None:
        identities = np.random.default_rng(0).permutation(np.repeat(np.arange(len(COUNTS)), COUNTS))
        self.table = SimpleNamespace(identities=identities)

    def __len__(self) -> int:
        return sum(COUNTS)


def sampler(batch_size: int = 8, **arguments: int) -> IdentityBatchSampler:
    return IdentityBatchSampler(Crops(), batch_size, **{'seed': 3, 'crops_per_identity': 2, **arguments})


def test_every_batch_has_p_identities_with_k_crops() -> None:
    found = sampler()
    identities = found.dataset.table.identities
    for epoch in range(5):
        for batch in found.batches(epoch):
            rows = identities[batch].reshape(4, 2)
            assert (rows[:, 0] == rows[:, 1]).all()
            assert len(set(rows[:, 0])) == 4
            for pair, identity in zip(batch.reshape(4, 2), rows[:, 0]):
                assert pair[0] != pair[1] or COUNTS[identity] == 1


def test_identities_come_equally_often() -> None:
    found = sampler(batch_size=12)  # all six identities in each batch
    assert len(found) == -(-23 // 12)
    small = sampler(batch_size=4)
    drawn = np.concatenate([small.dataset.table.identities[b][::2] for b in small.batches(0)])
    counts = np.bincount(drawn, minlength=6)
    assert counts.max() - counts.min() <= 1


def test_a_function_of_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        return [batch.tolist() for batch in sampler(seed=seed).batches(epoch)]

    assert order(3, 1) == order(3, 1)
    assert order(3, 1) != order(3, 2)
    assert order(3, 1) != order(4, 1)


def test_ranks_take_slices_of_the_global_batch() -> None:
    whole = list(sampler(batch_size=8))
    parts = [list(sampler(batch_size=4, rank=rank, world_size=2)) for rank in range(2)]
    assert [first + second for first, second in zip(*parts)] == whole


def test_position() -> None:
    whole = sampler()
    batches = [list(whole) for _ in range(3)]
    for epoch in range(2):
        for done in range(len(whole) + 1):
            resumed = sampler()
            resumed.set_position(epoch, done)
            assert list(resumed) == (batches[epoch][done:] or batches[epoch + 1])
    with pytest.raises(ConfigError, match='cannot continue epoch'):
        whole.set_position(0, len(whole) + 1)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(batch_size=7), 'multiple of crops_per_identity'),
        (dict(crops_per_identity=0), 'multiple'),
        (dict(batch_size=14), 'has 6 identities.*needs 7'),
        (dict(batch_size=8, world_size=2), 'needs 8'),
        (dict(rank=2, world_size=2), 'rank 2'),
    ],
)
def test_wrong_arguments(arguments: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        sampler(**arguments)


@pytest.mark.parametrize('world_size', [1, 2, 3, 30])
def test_every_crop_is_tested_once(world_size: int) -> None:
    parts = [CropSampler(Crops(), 4, rank, world_size) for rank in range(world_size)]
    found = [index for part in parts for chunk in part for index in chunk]
    assert sorted(found) == list(range(23))
    assert all(len(part) == len(list(part)) for part in parts)
    assert all(len(chunk) <= 4 for part in parts for chunk in part)
