"""Which clips come in which order, on which process; a pure function of seed and position."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from torch.utils.data import Sampler

from mmdet.datasets.base import ChunkIndex, TrainIndex, VideoDataset
from mmdet.errors import ConfigError
from mmdet.registry import DATA_SAMPLERS

__all__ = ['ChunkSampler', 'ClipBatchSampler', 'PositionedBatchSampler', 'check_rank', 'shard_videos']

_ORDER_STREAM = 2  # keeps this random stream apart from those of the samples


class PositionedBatchSampler(Sampler[list[TrainIndex]]):
    """Batches of training samples, endlessly many epochs, one per iteration, from any position on.

    A subclass lays out the global batches of an epoch; every rank yields its slice of each.

    Args:
        batch_size: samples per process.
        seed: of the order and of everything random inside the samples.
        rank: of this process.
        world_size: number of processes.
    """

    def __init__(self, batch_size: int, seed: int = 0, rank: int = 0, world_size: int = 1) -> None:
        check_rank(rank, world_size)
        if batch_size < 1 or seed < 0:
            raise ConfigError(f'batch_size must be at least 1 and seed at least 0, got {batch_size} and {seed}')
        self.batch_size, self.seed = batch_size, seed
        self.rank, self.world_size = rank, world_size
        self.epoch = 0
        self._skip = 0

    @abstractmethod
    def __len__(self) -> int:
        """Batches of a whole epoch, wherever the position is."""

    @abstractmethod
    def batches(self, epoch: int) -> list[np.ndarray]:
        """All global batches of an epoch, each (global_batch_size,) indices of samples."""

    @property
    def global_batch_size(self) -> int:
        """Samples of one step over all processes."""
        return self.batch_size * self.world_size

    def set_position(self, epoch: int, batches_done: int = 0) -> None:
        """Let the next iteration continue ``epoch`` after that many batches. Nothing is loaded to get there.

        Raises:
            ConfigError: the epoch has fewer batches, so the data set or the batch size is not that of the first run.
        """
        if epoch < 0 or not 0 <= batches_done <= len(self):
            raise ConfigError(
                f'cannot continue epoch {epoch} after {batches_done} batches: an epoch has {len(self)} now; '
                f'resume with the data set, batch size and number of processes of the first run'
            )
        if batches_done == len(self):
            epoch, batches_done = epoch + 1, 0
        self.epoch, self._skip = epoch, batches_done

    def __iter__(self) -> Iterator[list[TrainIndex]]:
        epoch, skip = self.epoch, self._skip
        self._skip = 0
        mine = slice(self.rank * self.batch_size, (self.rank + 1) * self.batch_size)
        for batch in self.batches(epoch)[skip:]:
            yield [TrainIndex(int(index), epoch, self.seed) for index in batch[mine]]
        self.epoch = epoch + 1


@DATA_SAMPLERS.register_module()
class ClipBatchSampler(PositionedBatchSampler):
    """Batches of training clips, endlessly many epochs, one per iteration over the sampler.

    The *global* batch of ``batch_size * world_size`` clips is laid out first and every rank takes its slice of it, so
    N processes with batch b see the batches of one process with batch N * b. Nothing is dropped: the last incomplete
    global batch is filled from the epoch's start.

    Args:
        dataset: training data set.
        batch_size: clips per process.
        seed: of the order and of everything random inside the clips.
        shuffle: new order every epoch; otherwise the data set's.
        rank: of this process.
        world_size: number of processes.
        group_by: what the clips of one global batch have in common, which saves padding and waiting: ``'aspect'``
            (all landscape or none), ``'size'`` (height and width of the files) or None.
        balance: ``'frame'`` visits every key frame once per epoch; ``'video'`` visits every video equally often, so
            the frames of short videos come more often and an epoch of long ones is a part of them;
            ``'sqrt-tracks'`` visits videos in proportion to the square root of their number of tracks.
    """

    def __init__(
        self,
        dataset: VideoDataset,
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        rank: int = 0,
        world_size: int = 1,
        group_by: Literal['aspect', 'size'] | None = 'aspect',
        balance: Literal['frame', 'video', 'sqrt-tracks'] = 'frame',
    ) -> None:
        super().__init__(batch_size, seed, rank, world_size)
        if balance not in ('frame', 'video', 'sqrt-tracks'):
            raise ConfigError(f"balance must be 'frame', 'video' or 'sqrt-tracks', got {balance!r}")
        if balance == 'sqrt-tracks' and not hasattr(dataset, 'tracks_per_video'):
            name = type(dataset).__name__
            raise ConfigError(f"balance='sqrt-tracks' needs videos with several tracks, {name} has none")
        if group_by not in ('aspect', 'size', None):
            raise ConfigError(f"group_by must be 'aspect', 'size' or None, got {group_by!r}")
        self.dataset = dataset
        self.shuffle = shuffle
        self.balance = balance
        self.groups = _groups(dataset, group_by)
        self._sizes = [self._visits(group) for group in self.groups]

    def __len__(self) -> int:
        """Batches of a whole epoch, wherever the position is."""
        return sum(-(-size // self.global_batch_size) for size in self._sizes)

    def batches(self, epoch: int) -> list[np.ndarray]:
        """All global batches of an epoch, each (global_batch_size,) indices of key frames."""
        rng = np.random.default_rng([self.seed, epoch, 0, _ORDER_STREAM])
        result: list[np.ndarray] = []
        for group in self.groups:
            order = self._order(group, rng)
            count = -(-len(order) // self.global_batch_size)
            result.extend(np.resize(order, (count, self.global_batch_size)))  # repeats from the start to fill up
        if self.shuffle:
            return [result[i] for i in rng.permutation(len(result))]
        return sorted(result, key=lambda batch: int(batch[0]))

    def _visits(self, group: np.ndarray) -> int:
        """Clips of an epoch from this group."""
        return len(group) if self.balance == 'frame' else int(self._shares(group)[1].sum())

    def _shares(self, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Videos (V,) of the group, and how many clips each of them gives per epoch."""
        present = np.unique(self.dataset.key_videos[group])
        weights = np.ones(len(present))
        if self.balance == 'sqrt-tracks':
            weights = np.sqrt(self.dataset.tracks_per_video[present])
        return present, np.ceil(len(group) * weights / weights.sum()).astype(int)

    def _order(self, group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The group's key frames in the order of one epoch."""
        if self.balance == 'frame':
            return rng.permutation(group) if self.shuffle else group
        videos = self.dataset.key_videos[group]
        chosen = [np.resize(rng.permutation(group[videos == v]), share) for v, share in zip(*self._shares(group))]
        order = np.concatenate(chosen)
        return rng.permutation(order) if self.shuffle else np.sort(order)


def _groups(dataset: VideoDataset, by: Literal['aspect', 'size'] | None) -> list[np.ndarray]:
    """Indices of the key frames that may share a batch, one array per group."""
    if by is None:
        return [np.arange(len(dataset))]
    sizes = dataset.key_sizes
    keys = sizes if by == 'size' else (sizes[:, 1] <= sizes[:, 0])[:, None]
    _, group = np.unique(keys, axis=0, return_inverse=True)
    return [np.flatnonzero(group.ravel() == value) for value in range(group.max(initial=-1) + 1)]


@DATA_SAMPLERS.register_module()
class ChunkSampler(Sampler[list[ChunkIndex]]):
    """Frames of whole videos in order, ``chunk_size`` at a time, for testing.

    Every video belongs to exactly one rank; each rank runs its longest videos first. The last chunk of a video is as
    short as it has to be.

    Args:
        dataset: data set in test mode.
        chunk_size: frames per chunk.
        rank: of this process.
        world_size: number of processes.
    """

    def __init__(self, dataset: VideoDataset, chunk_size: int, rank: int = 0, world_size: int = 1) -> None:
        check_rank(rank, world_size)
        if chunk_size < 1:
            raise ConfigError(f'chunk_size must be at least 1 frame, got {chunk_size}')
        self.dataset = dataset
        self.chunk_size = chunk_size
        self.lengths = [video.length for video in dataset.videos]
        self.positions = shard_videos(self.lengths, world_size)[rank]

    def __len__(self) -> int:
        """Chunks of this rank."""
        return sum(-(-self.lengths[position] // self.chunk_size) for position in self.positions)

    def __iter__(self) -> Iterator[list[ChunkIndex]]:
        for position in self.positions:
            length = self.lengths[position]
            for start in range(0, length, self.chunk_size):
                yield [ChunkIndex(position, start, min(start + self.chunk_size, length))]


def shard_videos(lengths: Sequence[int], world_size: int) -> list[list[int]]:
    """Deal videos out to ranks, longest first, each to the rank with the fewest frames so far.

    Ties go to the video that stands first and to the lowest rank, so the result depends on nothing but the lengths.

    Returns:
        For every rank the positions of its videos, longest first.
    """
    shards: list[list[int]] = [[] for _ in range(world_size)]
    loads = [0] * world_size
    for position in sorted(range(len(lengths)), key=lambda p: (-lengths[p], p)):
        rank = loads.index(min(loads))
        shards[rank].append(position)
        loads[rank] += lengths[position]
    return shards


def check_rank(rank: int, world_size: int) -> None:
    """Refuse a rank that does not exist.

    Raises:
        ConfigError: naming both numbers.
    """
    if not 0 <= rank < world_size:
        raise ConfigError(f'rank {rank} does not exist among {world_size} processes')
