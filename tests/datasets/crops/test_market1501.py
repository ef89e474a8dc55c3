"""Market-1501's folders and file names."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdet.datasets import Market1501Dataset
from mmdet.datasets.base import TrainIndex
from mmdet.datasets.crops.market1501 import parse_name
from mmdet.errors import DataError


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('0002_c1s1_000451_03.jpg', (2, 1)),
        ('-1_c3s2_000001_00.jpg', (-1, 3)),
        ('0000_c6s4_001502_01.jpg', (0, 6)),
        ('1501_c12s1_0.png', (1501, 12)),
        ('c1s1_000451_03.jpg', None),
        ('Thumbs.db', None),
    ],
)
def test_names(name: str, expected: tuple[int, int] | None) -> None:
    assert parse_name(name) == expected


def test_training_identities_count_from_zero(tiny_market: Path) -> None:
    dataset = Market1501Dataset(str(tiny_market), [dict(type='PackClip')])
    assert (len(dataset), dataset.num_identities) == (12, 3)
    assert dataset.table.identities.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert dataset.table.cameras.tolist() == [1, 1, 2, 2] * 3
    clip = dataset[TrainIndex(5, 0, 0)]
    assert clip['inputs'].shape == (1, 3, 16, 8)
    (sample,) = clip['data_samples']
    assert sample.gt_instances.instance_ids.tolist() == [1]
    assert sample.img_path == 'bounding_box_train/0007_c1s1_000009_00.jpg'


def test_testing_leaves_junk_out_and_keeps_distractors(tiny_market: Path) -> None:
    table = Market1501Dataset(str(tiny_market), [dict(type='PackClip')], test_mode=True).table
    assert table.identities.tolist() == [1, 3, -1, 1, 1, 3]
    assert table.query.tolist() == [True, True, False, False, False, False]
    assert (table.query ^ table.gallery).all()


def test_pixels_are_those_of_the_file(tiny_market: Path) -> None:
    dataset = Market1501Dataset(str(tiny_market), [dict(type='PackClip')])
    expected = cv2.imread(str(tiny_market / dataset.name(0)))[..., ::-1]
    np.testing.assert_array_equal(dataset[0]['inputs'][0].permute(1, 2, 0).numpy(), expected)


@pytest.fixture
def copy(tiny_market: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_market, tmp_path / 'market'))


def test_what_is_wrong_with_a_folder(copy: Path) -> None:
    (copy / 'query' / 'me.jpg').touch()
    with pytest.raises(DataError, match=r'query/me\.jpg: the name must begin'):
        Market1501Dataset(str(copy), test_mode=True)
    (copy / 'query' / 'me.jpg').rename(copy / 'query' / '0000_c1s1_1_0.jpg')
    with pytest.raises(DataError, match='a query needs a person from 1 on'):
        Market1501Dataset(str(copy), test_mode=True)
    shutil.rmtree(copy / 'query')
    with pytest.raises(DataError, match='query does not exist'):
        Market1501Dataset(str(copy), test_mode=True)
    for path in (copy / 'bounding_box_train').glob('*.jpg'):
        path.unlink()
    with pytest.raises(DataError, match='has no images'):
        Market1501Dataset(str(copy))


def test_a_damaged_image_is_named(copy: Path) -> None:
    dataset = Market1501Dataset(str(copy), [dict(type='PackClip')])
    (copy / dataset.name(3)).write_bytes(b'')
    failure = dataset.__getitems__([TrainIndex(3, 0, 0)])
    with pytest.raises(DataError, match=r'0002_c2s1_000009_00\.jpg'):
        failure.reraise()
