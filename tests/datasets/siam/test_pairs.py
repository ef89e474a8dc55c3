from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.datasets import SiamPairDataset, TrainIndex, build_train_loader
from mmdet.datasets.siam.objects import ObjectTable
from mmdet.errors import ConfigError, DataError
from mmdet.registry import DATASETS, register_all


@pytest.fixture
def build(square_config: dict) -> Any:
    register_all()

    def make(sources: list[dict] | None = None, **arguments: Any) -> SiamPairDataset:
        given = sources or [dict(data=square_config, frame_range=2)]
        return DATASETS.build(dict(type='SiamPairDataset', sources=given, **{'num_pairs': 12, **arguments}))

    return make


def _same(first: dict, second: dict) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first['inputs'], second['inputs']))


def test_one_pair(build: Any) -> None:
    clip = build()[TrainIndex(3, 0, 0)]
    template, search = clip['inputs']
    assert template.shape == (3, 127, 127) and search.shape == (3, 255, 255)
    found = clip['data_samples'][1].gt_instances
    assert found.bboxes.shape == (1, 4) and found.bboxes.dtype == torch.float32
    assert found.masks.shape == (1, 255, 255) and found.masks.unique().tolist() == [0, 1]
    assert 'gt_instances' not in clip['data_samples'][0]
    ys, xs = torch.nonzero(found.masks[0], as_tuple=True)
    seen = torch.stack([xs.min(), ys.min(), xs.max(), ys.max()]).float()
    assert (seen - found.bboxes[0]).abs().max() < 4  # a pixel of these small frames is about two of the picture
    assert clip['data_samples'][1].video_id in (5, 9) and clip['data_samples'][1].img_path.endswith('.jpg')


def test_a_pair_follows_from_seed_epoch_and_index_alone(build: Any) -> None:
    index = TrainIndex(3, 2, 1)
    data = build()
    first = data[index]
    data[TrainIndex(0, 0, 0)]  # neither order nor history counts
    assert _same(data[index], first) and _same(build()[index], first)
    for other in (TrainIndex(4, 2, 1), TrainIndex(3, 1, 1), TrainIndex(3, 2, 0)):
        assert not _same(data[other], first)


def test_ranks_share_the_global_batch_and_resume_inside_an_epoch(build: Any) -> None:
    def batches(position: tuple[int, int] = (0, 0), batch_size: int = 4, rank: int = 0, world_size: int = 1) -> list:
        cfg = dict(dataset=build(), batch_size=batch_size, num_workers=0)
        loader = build_train_loader(cfg, 7, rank, world_size)
        loader.batch_sampler.set_position(*position)
        return [batch['inputs'] for batch in loader]

    whole = batches()
    halves = [batches(batch_size=2, rank=rank, world_size=2) for rank in range(2)]
    assert len(whole) == 3
    for batch, *parts in zip(whole, *halves):
        assert all(torch.equal(a[1], b[1]) for a, b in zip(batch, parts[0] + parts[1]))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(batches((0, 2))[0], whole[2]))


def test_workers_deliver_the_same(build: Any) -> None:
    batch = next(iter(build_train_loader(dict(dataset=build(), batch_size=4, num_workers=1), 7)))
    alone = next(iter(build_train_loader(dict(dataset=build(), batch_size=4, num_workers=0), 7)))
    assert all(torch.equal(a, b) for pair, other in zip(batch['inputs'], alone['inputs']) for a, b in zip(pair, other))
    assert batch['data_samples'][0][1].gt_instances.bboxes.equal(alone['data_samples'][0][1].gt_instances.bboxes)


def test_an_epoch_has_each_source_as_often_as_asked(build: Any, square_config: dict) -> None:
    data = build([dict(data=square_config, num_use=7), dict(data=square_config, num_use=1)], num_pairs=None)
    order = data.order(0, 0)
    assert len(data) == len(order) == 8
    count = Counter(map(tuple, order.tolist()))
    assert sum(count[0, v] for v in range(2)) == 7 and count[0, 0] in (3, 4) and sum(count[1, v] for v in range(2)) == 1
    assert not np.array_equal(data.order(0, 1), order)
    assert len(build([dict(data=square_config)], num_pairs=5).order(0, 0)) == 5  # two videos, repeated


def test_frames_are_near_in_the_list_of_annotated_frames() -> None:
    frames = np.array([0, 5, 40, 41, 90, 3, 7])
    table = ObjectTable(np.array([2] * 5 + [4] * 2), np.array([0] * 5 + [8] * 2), frames)
    assert (table.num_videos, table.num_objects) == (2, 2)
    rng = np.random.default_rng(0)
    drawn = {tuple(table.draw(0, 1, 2, rng)) for _ in range(300)}
    assert drawn == {(a, b) for a in range(5) for b in range(5) if abs(a - b) <= 1}
    assert {row for _ in range(50) for row in table.draw(1, 10, 3, rng)} == {5, 6}


def test_negative_pairs(build: Any) -> None:
    data = build(negative_ratio=0.5, num_pairs=60)
    empty = [len(data[TrainIndex(i, 0, 0)]['data_samples'][1].gt_instances.bboxes) == 0 for i in range(60)]
    assert 18 < sum(empty) < 42
    always = build(negative_ratio=1.0, num_pairs=40)
    videos = {always[TrainIndex(i, 0, 0)]['data_samples'][1].video_id for i in range(40)}
    assert videos == {5, 9}


def test_crowds_and_small_objects_are_not_followed(build: Any, square_config: dict) -> None:
    assert build()._objects[0].objects.num_objects == 3  # without the crowd
    assert build([dict(data=square_config, min_area=400)])._objects[0].objects.num_objects == 2
    with pytest.raises(DataError, match='at least 5000'):
        build([dict(data=square_config, min_area=5000)])


def test_areas_are_known_of_annotated_videos_alone(tmp_path: Path) -> None:
    (tmp_path / 'train.json').write_text('{"a": {"00": {"000000": [1, 2, 30, 40]}}}')
    squares = dict(type='Crop511Dataset', ann_file='train.json', data_root=str(tmp_path), with_masks=False)
    assert SiamPairDataset([dict(data=squares)]).num_pairs == 1
    with pytest.raises(ConfigError, match='Crop511Dataset has no areas'):
        SiamPairDataset([dict(data=squares, min_area=9)])


@pytest.mark.parametrize(
    ('change', 'word'),
    [
        (dict(sources=[]), 'at least one source'),
        (dict(sources=[dict(data=1, frame_rang=3)]), "Did you mean 'frame_range'"),
        (dict(sources=[dict(frame_range=3)]), "needs 'data'"),
        (dict(search_size=254), 'multiple of 8'),
        (dict(search_size=145), 'multiple of 8'),
        (dict(search_size=519), 'up to 511'),
        (dict(negative_ratio=1.5), 'negative_ratio'),
    ],
)
def test_values_that_cannot_be(square_config: dict, change: dict, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        SiamPairDataset(**{'sources': [dict(data=square_config)], **change})


def test_an_error_in_a_worker_names_the_file(build: Any, square_videos: Path, tmp_path: Path) -> None:
    (tmp_path / 'instances.json').write_text((square_videos / 'instances.json').read_text())
    config = dict(type='YouTubeVISDataset', ann_file='instances.json', data_root=str(tmp_path))
    loader = build_train_loader(dict(dataset=build([dict(data=config)]), batch_size=2, num_workers=1), 0)
    with pytest.raises(DataError, match=r'instances\.json, video \d, annotation \d, frame \d'):
        next(iter(loader))
