"""Crops of the tracks of video data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mmdet.datasets import VideoCropDataset
from mmdet.datasets.base import TrainIndex
from mmdet.datasets.crops.video_crops import spread
from mmdet.errors import ConfigError, DataError
from mmdet.ops.rle import to_bbox

PACK = [dict(type='PackClip')]


@pytest.mark.parametrize(
    ('count', 'most', 'expected'),
    [(5, None, [0, 1, 2, 3, 4]), (5, 9, [0, 1, 2, 3, 4]), (5, 2, [0, 4]), (5, 3, [0, 2, 4]), (5, 1, [0]), (1, 1, [0])],
)
def test_spread(count: int, most: int | None, expected: list[int]) -> None:
    assert spread(count, most).tolist() == expected


@pytest.fixture
def crops(tmp_path: Path) -> Callable[..., VideoCropDataset]:
    """``crops(**arguments)``: two videos of four frames of 20 x 30 pixels; pixel (x, y) of frame t is (x, y, 50 t)."""
    import json

    from mmdet.ops.rle import encode

    def track(identity: int, video: int, boxes: list, crowd: int = 0) -> dict:
        masks = []
        for box in boxes:
            mask = np.zeros((20, 30), bool)
            if box:
                x, y, w, h = box
                mask[y : y + h, x : x + w] = True
            masks.append(encode(mask) if box else None)
        return dict(id=identity, video_id=video, category_id=1, iscrowd=crowd, segmentations=masks, bboxes=boxes)

    annotations = [
        track(70, 5, [[2, 3, 10, 8], [4, 3, 10, 8], None, [6, 3, 10, 8]]),
        track(71, 5, [None, None, [1, 1, 4, 4], None]),  # one frame: nothing to compare it with
        track(72, 5, [[0, 0, 20, 15]] * 4, crowd=1),
        track(73, 9, [[20, 10, 10, 10], [19, 9, 3, 3], [18, 8, 5, 6], [17, 7, 5, 6]]),
    ]
    videos = [dict(id=v, width=30, height=20, file_names=[f'{v}/{t}.png' for t in range(4)]) for v in (5, 9)]
    categories = [dict(id=1, name='thing')]
    (tmp_path / 'set.json').write_text(json.dumps(dict(videos=videos, annotations=annotations, categories=categories)))
    y, x = np.mgrid[:20, :30]
    for video in videos:
        for t, name in enumerate(video['file_names']):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            rgb = np.stack([x, y, np.full_like(x, 50 * t)], 2).astype(np.uint8)
            cv2.imwrite(str(tmp_path / name), rgb[..., ::-1])

    def make(**arguments: Any) -> VideoCropDataset:
        source = dict(type='YouTubeVISDataset', ann_file='set.json', data_root=str(tmp_path))
        return VideoCropDataset(**{'videos': source, 'pipeline': PACK, **arguments})

    return make


def test_tracks_are_identities(crops: Callable[..., VideoCropDataset]) -> None:
    dataset = crops()
    assert dataset.num_identities == 2
    assert dataset.table.identities.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert [dataset.name(i) for i in (0, 2, 3)] == ['5/0.png#70', '5/3.png#70', '9/0.png#73']


def test_tracks_of_a_mots_set_without_its_regions(tiny_mots: Path) -> None:
    source = dict(type='MOTSDataset', ann_file='instances', data_root=str(tiny_mots), img_prefix='training/image_02')
    source['seqmap'] = 'seqmaps/train.seqmap'
    dataset = VideoCropDataset(source, PACK)
    document = dataset.source.ground_truth()
    assert any(a.get('role') == 'region' for a in document['annotations'])
    boxes = {  # of tracks that can be learned from: seen twice or more
        a['id']: to_bbox([mask for mask in a['segmentations'] if mask]).astype(int)
        for a in document['annotations']
        if not a['iscrowd'] and sum(mask is not None for mask in a['segmentations']) > 1
    }
    assert dataset.num_identities == len(boxes) > 2
    crops = [dataset[TrainIndex(index, 0, 0)]['inputs'].shape[2:] for index in range(len(dataset))]
    assert sorted(crops) == sorted((h, w) for rows in boxes.values() for _, _, w, h in rows.tolist())
    names = {dataset.name(index).split('#')[1] for index in range(len(dataset))}
    assert names == {str(identity) for identity in boxes}


def test_pixels_of_the_box(crops: Callable[..., VideoCropDataset]) -> None:
    dataset = crops()
    for index, (x, y, w, h, t) in {0: (2, 3, 10, 8, 0), 2: (6, 3, 10, 8, 3), 4: (19, 9, 3, 3, 1)}.items():
        pixels = dataset[TrainIndex(index, 0, 0)]['inputs'][0]
        assert pixels.shape == (3, h, w)
        assert pixels[0, 0].tolist() == list(range(x, x + w))
        assert pixels[1, :, 0].tolist() == list(range(y, y + h))
        assert (pixels[2] == 50 * t).all()


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        (dict(), [0, 0, 0, 1, 1, 1, 1]),
        (dict(max_per_track=2), [0, 0, 1, 1]),
        (dict(min_size=(5, 6)), [0, 0, 0, 1, 1, 1]),
        (dict(min_per_track=1), [0, 0, 0, 1, 2, 2, 2, 2]),
    ],
    ids=str,
)
def test_choice_of_crops(crops: Callable[..., VideoCropDataset], arguments: dict, expected: list[int]) -> None:
    assert crops(**arguments).table.identities.tolist() == expected


def test_queries_and_stretches(crops: Callable[..., VideoCropDataset]) -> None:
    table = crops(test_mode=True, camera_frames=2, queries_per_track=2).table
    assert table.query.tolist() == [True, False, True, True, False, False, True]
    assert table.gallery.all()
    assert table.cameras.tolist() == [0, 0, 1, 0, 0, 1, 1]
    assert crops(test_mode=True, queries_per_track=None).table.query.all()


def test_augmentation_is_a_function_of_seed_epoch_and_crop(crops: Callable[..., VideoCropDataset]) -> None:
    dataset = crops(pipeline=[dict(type='RandomFlip'), dict(type='RandomErasing', prob=1.0), *PACK])

    def pixels(*position: int) -> list:
        return dataset[TrainIndex(*position)]['inputs'].tolist()

    assert pixels(0, 1, 2) == pixels(0, 1, 2)
    assert len({str(pixels(0, epoch, seed)) for epoch in range(3) for seed in range(3)}) > 3


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        (dict(min_size=(25, 25)), DataError, 'no track has 2 boxes of at least 25 x 25'),
        (dict(min_per_track=4), DataError, 'all crops are of one identity'),
        (dict(camera_frames=0), ConfigError, 'camera_frames'),
        (dict(queries_per_track=0), ConfigError, 'queries_per_track'),
    ],
    ids=str,
)
def test_wrong_arguments(
    crops: Callable[..., VideoCropDataset], arguments: dict, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        crops(**arguments)


def test_pipeline_without_end(crops: Callable[..., VideoCropDataset]) -> None:
    with pytest.raises(ConfigError, match='PackClip'):
        crops(pipeline=[])[0]
