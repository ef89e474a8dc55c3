"""Label maps: numbers survive a round trip, and what is none is refused with its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdet.errors import DataError
from mmdet.sequences import davis_palette, object_numbers, read_label_map, write_label_map
from mmdet.sequences.label_maps import is_drawn_white, merged_objects

LABELS = np.array([[0, 1, 2], [3, 254, 255]], np.uint8)


def test_round_trip(tmp_path: Path) -> None:
    write_label_map(tmp_path / 'new' / 'a.png', LABELS)
    np.testing.assert_array_equal(read_label_map(tmp_path / 'new' / 'a.png', (2, 3)), LABELS)
    with Image.open(tmp_path / 'new' / 'a.png') as picture:
        assert picture.mode == 'P'
        assert picture.getpalette()[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]
    assert object_numbers(LABELS) == [1, 2, 3, 254]


@pytest.mark.parametrize(
    ('labels', 'expected'),
    [([[0, 1, 2, 255]], [[0, 1, 1, 255]]), ([[0, 255, 255, 0]], [[0, 1, 1, 0]]), ([[0, 0]], [[0, 0]])],
    ids=['void stays', 'one object drawn white', 'nothing'],
)
def test_all_objects_as_one(labels: list, expected: list) -> None:
    merged = merged_objects(np.array(labels, np.uint8), is_drawn_white(np.array(labels)))
    assert merged.dtype == np.uint8 and merged.tolist() == expected


def test_palette() -> None:
    assert davis_palette()[[3, 255]].tolist() == [[128, 128, 0], [224, 224, 192]]


def test_grey_and_binary_pictures_are_numbers_too(tmp_path: Path) -> None:
    Image.fromarray(LABELS).save(tmp_path / 'grey.png')
    np.testing.assert_array_equal(read_label_map(tmp_path / 'grey.png'), LABELS)
    Image.fromarray(LABELS > 1).save(tmp_path / 'binary.png')
    assert read_label_map(tmp_path / 'binary.png').max() == 1


def colour(path: Path) -> None:
    Image.fromarray(np.zeros((2, 3, 3), np.uint8)).save(path)


BAD = {
    'missing': (lambda path: None, 'does not exist'),
    'empty file': (lambda path: path.touch(), 'is empty'),
    'damaged': (lambda path: path.write_bytes(b'\x89PNG nonsense'), 'is damaged'),
    'colours': (colour, 'of mode RGB'),
    'size': (lambda path: write_label_map(path, LABELS.T.copy()), r'2 x 3 \(width x height\) but its frame is 3 x 2'),
}


@pytest.mark.parametrize(('make', 'message'), BAD.values(), ids=BAD)
def test_refused(tmp_path: Path, make, message: str) -> None:
    make(tmp_path / 'x.png')
    with pytest.raises(DataError, match=rf'x\.png \(sequence bear\).*{message}'):
        read_label_map(tmp_path / 'x.png', (2, 3), 'sequence bear')
