"""Which crops come in which order, on which process; a pure function of seed and position."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from mmdet.datasets.crops.base import CropDataset
from mmdet.datasets.samplers import PositionedBatchSampler, check_rank
from mmdet.errors import ConfigError
from mmdet.registry import DATA_SAMPLERS

__all__ = ['CropSampler', 'IdentityBatchSampler']

_IDENTITY_STREAM = 4  # keeps this random stream apart from the others


@DATA_SAMPLERS.register_module()
class IdentityBatchSampler(PositionedBatchSampler):
    """Batches of P identities with K crops each (arXiv 1703.07737), which a triplet loss needs.

    Every identity comes equally often, however many crops it has, and an epoch has about as many crops as the data set.
    The *global* batch is laid out first, identity by identity, and every rank takes its slice of it.

    Args:
        dataset: training set of crops.
        batch_size: crops per process, P times K; a multiple of K.
        seed: of the order and of everything random inside the crops.
        rank: of this process.
        world_size: number of processes.
        crops_per_identity: K. An identity with fewer crops repeats some.
    """

    def __init__(
        self,
        dataset: CropDataset,
        batch_size: int,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        crops_per_identity: int = 4,
    ) -> None:
        super().__init__(batch_size, seed, rank, world_size)
        if crops_per_identity < 1 or batch_size % crops_per_identity:
            raise ConfigError(
                f'a batch holds whole identities: batch_size must be a multiple of crops_per_identity, got '
                f'{batch_size} and {crops_per_identity}'
            )
        self.dataset, self.crops_per_identity = dataset, crops_per_identity
        identities = dataset.table.identities
        order = np.argsort(identities, kind='stable')
        _, starts = np.unique(identities[order], return_index=True)
        self._members = np.split(order, starts[1:])  # crops of every identity
        self.identities_per_batch = self.global_batch_size // crops_per_identity
        if self.identities_per_batch > len(self._members):
            raise ConfigError(
                f'{dataset.ann_file} has {len(self._members)} identities, and a batch of {self.global_batch_size} '
                f'crops with {crops_per_identity} of each needs {self.identities_per_batch}: lower batch_size'
            )

    def __len__(self) -> int:
        """Batches of a whole epoch, wherever the position is."""
        return -(-len(self.dataset) // self.global_batch_size)

    def batches(self, epoch: int) -> list[np.ndarray]:
        """All global batches of an epoch, each (global_batch_size,) indices of crops."""
        rng = np.random.default_rng([self.seed, epoch, 0, _IDENTITY_STREAM])
        waiting = np.zeros(0, dtype=np.int64)
        result = []
        for _ in range(len(self)):
            if len(waiting) < self.identities_per_batch:
                fresh = rng.permutation(len(self._members))
                left_over = np.isin(fresh, waiting)  # they come last, so that no identity is twice in a batch
                waiting = np.concatenate([waiting, fresh[~left_over], fresh[left_over]])
            chosen, waiting = np.split(waiting, [self.identities_per_batch])
            result.append(np.concatenate([self._draw(int(identity), rng) for identity in chosen]))
        return result

    def _draw(self, identity: int, rng: np.random.Generator) -> np.ndarray:
        """K crops of an identity; all of them before any comes again."""
        return np.resize(rng.permutation(self._members[identity]), self.crops_per_identity)


@DATA_SAMPLERS.register_module()
class CropSampler(Sampler[list[int]]):
    """Every crop once, in order, for testing; ranks take turns.

    Args:
        dataset: set of crops in test mode.
        chunk_size: crops per step.
        rank: of this process.
        world_size: number of processes.
    """

    def __init__(self, dataset: CropDataset, chunk_size: int, rank: int = 0, world_size: int = 1) -> None:
        check_rank(rank, world_size)
        if chunk_size < 1:
            raise ConfigError(f'chunk_size must be at least 1 crop, got {chunk_size}')
        self.dataset, self.chunk_size = dataset, chunk_size
        self.indices = range(rank, len(dataset), world_size)

    def __len__(self) -> int:
        """Steps of this rank."""
        return -(-len(self.indices) // self.chunk_size)

    def __iter__(self) -> Iterator[list[int]]:
        for start in range(0, len(self.indices), self.chunk_size):
            yield list(self.indices[start : start + self.chunk_size])
