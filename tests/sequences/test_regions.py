"""Regions of VOT and the lists of sequences."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdet.errors import DataError
from mmdet.sequences import box_polygon, initial_box, read_names, read_regions

BOXES = {
    'upright polygon': ((10, 10, 50, 10, 50, 30, 10, 30), (30, 20, 41, 21)),
    'rhombus': ((30, 10, 50, 30, 30, 50, 10, 30), (30, 30, 29.2842712, 29.2842712)),
    'box': ((10, 20, 30, 40), (25, 40, 30, 40)),
    'point': ((5, 5, 5, 5, 5, 5, 5, 5), (5, 5, 1, 1)),
}


@pytest.mark.parametrize(('region', 'expected'), BOXES.values(), ids=BOXES)
def test_initial_box(region: tuple, expected: tuple) -> None:
    assert initial_box(region) == pytest.approx(expected, abs=1e-6)


def test_corners_of_a_box() -> None:
    assert box_polygon(10, 20, 30, 40).tolist() == [[10, 20], [10, 59], [39, 59], [39, 20]]


def test_read(tmp_path: Path) -> None:
    (tmp_path / 'g.txt').write_text('1,2,3,4\n1.5,2,3,4,5,6,7,8\n\n')
    assert read_regions(tmp_path / 'g.txt') == [[1, 2, 3, 4], [1.5, 2, 3, 4, 5, 6, 7, 8]]


BAD = {'word': ('1,2,3,4\n1,2,x,4\n', 'line 2'), 'three': ('1,2,3\n', 'line 1'), 'nan': ('nan,1,2,3\n', 'line 1'),
       'empty': ('\n', 'is empty')}  # fmt: skip


@pytest.mark.parametrize(('text', 'message'), BAD.values(), ids=BAD)
def test_bad_regions(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / 'g.txt').write_text(text)
    with pytest.raises(DataError, match=f'g.txt.*{message}'):
        read_regions(tmp_path / 'g.txt')


LISTS = {
    'names': ('bear\nswan\n', ['bear', 'swan']),
    'pairs of 2016': ('/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png\n' * 2, ['bear']),
}


@pytest.mark.parametrize(('text', 'expected'), LISTS.values(), ids=LISTS)
def test_names(tmp_path: Path, text: str, expected: list[str]) -> None:
    (tmp_path / 'val.txt').write_text(text)
    assert read_names(tmp_path / 'val.txt') == expected


@pytest.mark.parametrize(('text', 'message'), [('', 'empty'), ('a\nb\na\n', 'a is listed twice')])
def test_bad_names(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / 'val.txt').write_text(text)
    with pytest.raises(DataError, match=message):
        read_names(tmp_path / 'val.txt')
