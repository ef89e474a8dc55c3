"""Order of batches and chunks: deterministic, resumable, the same for any number of processes."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmdet.datasets import ChunkIndex, ChunkSampler, ClipBatchSampler, TrainIndex
from mmdet.datasets.samplers import shard_videos
from mmdet.errors import ConfigError


class Frames:
    """Stands for a data set: its length, which samples are landscape and of which video each is."""

    def __init__(self, landscape, videos=None):
        self.key_sizes = np.where(np.array(landscape, dtype=bool)[:, None], (9, 16), (16, 9))
        self.key_videos = np.zeros(len(landscape), int) if videos is None else np.array(videos)

    def __len__(self):
        return len(self.key_sizes)


def test_first_batch_is_a_list_of_indices():
    sampler = ClipBatchSampler(Frames([1] * 4), batch_size=3, seed=7, shuffle=False)
    assert list(sampler) == [
        [TrainIndex(0, 0, 7), TrainIndex(1, 0, 7), TrainIndex(2, 0, 7)],
        [TrainIndex(3, 0, 7), TrainIndex(0, 0, 7), TrainIndex(1, 0, 7)],  # filled from the start
    ]


@pytest.mark.parametrize('size', [1, 5, 12, 13, 29])
@pytest.mark.parametrize('world_size', [1, 2, 3])
def test_nothing_is_dropped(size, world_size):
    landscape = np.arange(size) % 3 > 0
    samplers = [ClipBatchSampler(Frames(landscape), 2, 1, rank=r, world_size=world_size) for r in range(world_size)]
    per_rank = [list(sampler) for sampler in samplers]
    assert {len(batches) for batches in per_rank} == {len(samplers[0])}
    assert all(len(batch) == 2 for batches in per_rank for batch in batches)
    assert {i.index for batches in per_rank for batch in batches for i in batch} == set(range(size))


@pytest.mark.parametrize('world_size', [2, 3, 4])
def test_processes_share_the_batches_of_one(world_size):
    dataset = Frames([1, 0, 1] * 20)
    one = list(ClipBatchSampler(dataset, 12, seed=3))
    ranks = [ClipBatchSampler(dataset, 12 // world_size, 3, rank=r, world_size=world_size) for r in range(world_size)]
    assert [[index for part in parts for index in part] for parts in zip(*ranks)] == one


def test_aspect_groups():
    landscape = np.arange(50) % 4 > 0
    grouped = ClipBatchSampler(Frames(landscape), 4, seed=0)
    assert all(len({bool(landscape[i.index]) for i in batch}) == 1 for batch in grouped)
    mixed = ClipBatchSampler(Frames(landscape), 4, seed=0, group_by=None)
    assert any(len({bool(landscape[i.index]) for i in batch}) == 2 for batch in mixed)
    kinds = [bool(landscape[batch[0].index]) for batch in grouped]
    assert kinds != sorted(kinds) and kinds != sorted(kinds, reverse=True)  # the groups alternate


def test_batches_of_one_size():
    frames = Frames([1] * 20)
    frames.key_sizes = np.array([(360, 640)] * 12 + [(720, 1280)] * 3 + [(360, 480)] * 5)
    ranks = [ClipBatchSampler(frames, 1, group_by='size', rank=r, world_size=2) for r in range(2)]
    steps = list(zip(*ranks))  # the processes of a step have the same size too
    assert len(steps) == 6 + 2 + 3
    assert all(len({tuple(frames.key_sizes[i.index]) for batch in step for i in batch}) == 1 for step in steps)


@pytest.mark.parametrize('shuffle', [True, False])
def test_every_video_equally_often(shuffle):
    videos = [0] * 40 + [1] * 4 + [2] * 16  # 60 frames of 3 videos: 20 visits each
    sampler = ClipBatchSampler(Frames([1] * 60, videos), 4, seed=0, shuffle=shuffle, balance='video')
    visits = np.bincount([i.index for batch in sampler for i in batch], minlength=60)
    assert [visits[:40].sum(), visits[40:44].sum(), visits[44:].sum()] == [20, 20, 20]
    assert visits[:40].max() == 1 and set(visits[40:44]) == {5} and set(visits[44:]) == {1, 2}
    seen = visits[:40] > 0
    for batch in sampler:  # the next epoch chooses other frames of the long video
        seen |= np.bincount([i.index for i in batch], minlength=60)[:40] > 0
    assert seen.sum() > 20


def test_videos_with_more_tracks_more_often():
    frames = Frames([1] * 60, [0] * 40 + [1] * 4 + [2] * 16)
    frames.tracks_per_video = np.array([1, 9, 4])  # roots 1 : 3 : 2
    sampler = ClipBatchSampler(frames, 4, balance='sqrt-tracks')
    visits = np.bincount([frames.key_videos[i.index] for batch in sampler for i in batch])
    assert visits.tolist() == [10, 30, 20]


def test_balance_by_tracks_needs_tracks():
    with pytest.raises(ConfigError, match="'sqrt-tracks' needs videos with several tracks, Frames has none"):
        ClipBatchSampler(Frames([1] * 4), 4, balance='sqrt-tracks')


def test_balanced_videos_keep_the_aspect_groups_and_the_length():
    landscape = np.arange(10) < 7
    sampler = ClipBatchSampler(Frames(landscape, [0] * 5 + [1] * 2 + [2] * 3), 2, balance='video')
    batches = list(sampler)
    assert len(batches) == len(sampler) == 4 + 2
    assert all(len({bool(landscape[i.index]) for i in batch}) == 1 for batch in batches)


def test_epochs_and_seeds_differ_and_repeat():
    dataset = Frames([1] * 30)
    sampler = ClipBatchSampler(dataset, 5, seed=0)
    first, second = list(sampler), list(sampler)
    assert (first[0][0].epoch, second[0][0].epoch, sampler.epoch) == (0, 1, 2)
    assert [i.index for b in first for i in b] != [i.index for b in second for i in b]
    again = ClipBatchSampler(dataset, 5, seed=0)
    assert [list(again), list(again)] == [first, second]
    other = list(ClipBatchSampler(dataset, 5, seed=1))
    assert [i.index for b in first for i in b] != [i.index for b in other for i in b]


def test_resume_at_any_position():
    dataset = Frames([1, 1, 0] * 10)
    whole = ClipBatchSampler(dataset, 4, seed=2)
    batches = [list(whole) for _ in range(3)]
    for epoch in range(2):
        for done in range(len(whole) + 1):
            sampler = ClipBatchSampler(dataset, 4, seed=2)
            sampler.set_position(epoch, done)
            assert len(sampler) == len(whole)
            rest = batches[epoch][done:] or batches[epoch + 1]
            assert list(sampler) == rest
            assert list(sampler) == batches[rest[0][0].epoch + 1] if rest[0][0].epoch < 2 else True
    for position in ((0, len(whole) + 1), (-1, 0), (0, -1)):
        with pytest.raises(ConfigError, match='cannot continue epoch'):
            whole.set_position(*position)


@pytest.mark.parametrize(
    'arguments',
    [
        {'batch_size': 0},
        {'seed': -1},
        {'rank': 2, 'world_size': 2},
        {'rank': -1},
        {'balance': 'videos'},
        {'group_by': 'x'},
    ],
)
def test_wrong_arguments(arguments):
    with pytest.raises(ConfigError):
        ClipBatchSampler(Frames([1]), **{'batch_size': 1, **arguments})


def videos(*lengths):
    """Stands for a data set with videos of these lengths."""
    return SimpleNamespace(videos=[SimpleNamespace(length=length) for length in lengths])


def test_chunks():
    sampler = ChunkSampler(videos(2, 5), chunk_size=2)
    expected = [ChunkIndex(1, 0, 2), ChunkIndex(1, 2, 4), ChunkIndex(1, 4, 5), ChunkIndex(0, 0, 2)]
    assert list(sampler) == [[chunk] for chunk in expected]
    assert len(sampler) == 4


@pytest.mark.parametrize('world_size', [1, 2, 3, 7])
@pytest.mark.parametrize('chunk_size', [1, 4, 100])
def test_every_frame_once_and_videos_whole(world_size, chunk_size):
    lengths = [7, 1, 30, 30, 2, 11]
    owners, frames = {}, []
    for rank in range(world_size):
        sampler = ChunkSampler(videos(*lengths), chunk_size, rank, world_size)
        chunks = [chunk for batch in sampler for chunk in batch]
        assert len(chunks) == len(sampler)
        for chunk in chunks:
            assert owners.setdefault(chunk.video, rank) == rank
            frames += [(chunk.video, t) for t in range(chunk.start, chunk.stop)]
    assert sorted(frames) == [(v, t) for v, length in enumerate(lengths) for t in range(length)]


SHARDS = {
    # lengths, processes -> positions per process
    'longest first': ([1, 5, 3], 1, [[1, 2, 0]]),
    'greedy': ([4, 3, 3, 2, 2], 2, [[0, 3, 4], [1, 2]]),
    'ties keep the order': ([2, 2, 2], 2, [[0, 2], [1]]),
    'more processes than videos': ([3], 3, [[0], [], []]),
}


@pytest.mark.parametrize(('lengths', 'world_size', 'expected'), SHARDS.values(), ids=SHARDS)
def test_shards(lengths, world_size, expected):
    assert shard_videos(lengths, world_size) == expected


def test_wrong_chunk_size():
    with pytest.raises(ConfigError, match='chunk_size'):
        ChunkSampler(videos(1), 0)
