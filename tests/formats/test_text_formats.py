"""MOTChallenge and MOTS text: what is read, and what is said about the line that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmdet.errors import DataError
from mmdet.formats.motchallenge import read_box_rows
from mmdet.formats.mots import read_mask_rows
from mmdet.ops import rle

MASK = rle.encode(np.pad(np.ones((5, 5)), ((0, 15), (0, 35))))['counts']


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """``written(text)`` is a file with that text."""

    def write(text: str) -> Path:
        (tmp_path / 'det.txt').write_text(text)
        return tmp_path / 'det.txt'

    return write


def test_boxes(written: Callable[[str], Path]) -> None:
    text = '1,-1,10,20,30,40,0.5,-1,-1,-1\n\n 1, -1, 0.5, 0, 1, 2, 1, -1, -1, -1\n3,7,0,0,1,1,0,9,9,9'
    rows = read_box_rows(written(text))
    assert rows.lines.tolist() == [1, 3, 4]
    assert rows.frames.tolist() == [1, 1, 3]
    assert rows.ids.tolist() == [-1, -1, 7]
    assert rows.bboxes.tolist() == [[10, 20, 40, 60], [0.5, 0, 1.5, 2], [0, 0, 1, 1]]
    assert rows.scores.tolist() == [0.5, 1, 0]


def test_masks(written: Callable[[str], Path]) -> None:
    rows = read_mask_rows(written(f'0 1001 1 20 40 {MASK}\n2 10000 10 20 40 {MASK}\n'), length=3, size=(20, 40))
    assert rows.frames.tolist() == [0, 2]
    assert rows.ids.tolist() == [1001, 10000]
    assert rows.classes.tolist() == [1, 10]
    assert rle.area(rows.masks).tolist() == [25, 25]


@pytest.mark.parametrize('text', ['', '\n\n'])
def test_empty_files_have_no_rows(written: Callable[[str], Path], text: str) -> None:
    assert read_box_rows(written(text)).bboxes.shape == (0, 4)
    assert read_mask_rows(written(text)).frames.shape == (0,)


GOOD = '1,-1,10,20,30,40,0.5'
BAD_BOXES = {
    'too few columns': (f'{GOOD}\n1,-1,10,20,30,40', 'line 2: 6 columns .* expected 7 as in the first line'),
    'too few in all lines': ('1,2,3,4', 'line 1: 4 columns .* 7 to 10'),
    'blanks instead of commas': ('1 -1 10 20 30 40 0.5', 'line 1: 1 columns separated by commas'),
    'a word': (f'{GOOD}\n1,-1,10,x,30,40,0.5', "line 2: could not convert string to float: 'x'"),
    'a NaN box': (f'{GOOD}\n1,-1,10,20,nan,40,0.5', 'line 2: width is nan'),
    'an infinite score': (f'{GOOD}\n1,-1,10,20,30,40,inf', 'line 2: confidence is inf'),
    'half a frame': ('1.5,-1,10,20,30,40,0.5', 'line 1: frame 1.5 is not a whole number'),
    'a NaN frame': ('nan,-1,10,20,30,40,0.5', "line 1: frame 'nan' is not a whole number"),
    'no area': ('1,-1,10,20,0,40,0.5', 'line 1: the box is 0 wide and 40 high'),
    'frames out of order': (f'{GOOD}\n3{GOOD[1:]}\n\n2{GOOD[1:]}', 'line 4: frame 2 comes after frame 3; sort'),
    'a frame before the first': (f'0{GOOD[1:]}', 'line 1: frame 0 of a video that has frames 1 to 4'),
    'a frame after the last': (f'{GOOD}\n5{GOOD[1:]}', 'line 2: frame 5 of a video that has frames 1 to 4'),
}


@pytest.mark.parametrize(('text', 'message'), BAD_BOXES.values(), ids=BAD_BOXES)
def test_bad_boxes_are_named_by_file_and_line(written: Callable[[str], Path], text: str, message: str) -> None:
    with pytest.raises(DataError, match=rf'det\.txt, {message}'):
        read_box_rows(written(text), length=4)


BAD_MASKS = {
    'too few columns': ('0 1 1 20 40', 'line 1: 5 columns'),
    'commas': (f'0,1,1,20,40,{MASK}', 'line 1: 1 columns separated by blanks'),
    'a damaged mask': (f'0 1 1 20 40 {MASK}\n0 1 1 20 40 {MASK[:-1]}', 'line 2: RLE'),
    'a mask of another size': (f'0 1 1 20 40 {MASK}\n1 1 1 40 20 {MASK}', r'line 2: mask size .* is \[40, 20\]'),
    'no size': (f'0 1 1 0 40 {MASK}', 'line 1: a mask of 0 x 40 pixels'),
    'frames out of order': (f'1 1 1 20 40 {MASK}\n0 1 1 20 40 {MASK}', 'line 2: frame 0 comes after frame 1'),
    'a frame after the last': (f'4 1 1 20 40 {MASK}', 'line 1: frame 4 of a video that has frames 0 to 3'),
}


@pytest.mark.parametrize(('text', 'message'), BAD_MASKS.values(), ids=BAD_MASKS)
def test_bad_masks_are_named_by_file_and_line(written: Callable[[str], Path], text: str, message: str) -> None:
    with pytest.raises(DataError, match=rf'det\.txt, {message}'):
        read_mask_rows(written(text), length=4, size=(20, 40))


def test_files_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='cannot be read'):
        read_box_rows(tmp_path / 'missing.txt')
    (tmp_path / 'a.txt').write_bytes(b'1,2,\xff\xfe')
    with pytest.raises(DataError, match='is not a text file'):
        read_box_rows(tmp_path / 'a.txt')


@pytest.mark.parametrize(
    ('path', 'read'),
    [
        ('real/mot/MOT15/train/TUD-Campus/det/det.txt', read_box_rows),
        ('real/mot/KITTI/0006/det/det.txt', read_box_rows),
        ('real/mots/pointtrack_kitti_mots_testset/car/0001.txt', read_mask_rows),
    ],
)
def test_real_files(data_dir: Path, path: str, read: Callable) -> None:
    lines = (data_dir / path).read_text().splitlines()
    assert len(read(data_dir / path).frames) == len(lines) > 0
