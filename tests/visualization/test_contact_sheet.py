from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdet.errors import DataError
from mmdet.visualization.contact_sheet import GAP, PAPER, contact_sheet, evenly_spaced, write_image


def tile(value: int, height: int = 40, width: int = 80) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


@pytest.mark.parametrize(
    ('length', 'count', 'expected'),
    [
        pytest.param(10, 4, [0, 3, 6, 9], id='first and last are there'),
        pytest.param(3, 8, [0, 1, 2], id='short video'),
        pytest.param(1, 5, [0], id='one frame'),
        pytest.param(7, 1, [0], id='one wanted'),
        pytest.param(0, 5, [], id='no frames'),
        pytest.param(5, 0, [], id='none wanted'),
    ],
)
def test_evenly_spaced(length: int, count: int, expected: list[int]) -> None:
    assert evenly_spaced(length, count) == expected


def test_tiles_stand_where_they_should() -> None:
    sheet = contact_sheet([[tile(10), tile(20)], [tile(30)]], tile_width=80)
    assert sheet.shape == (2 * (40 + GAP) + GAP, 2 * (80 + GAP) + GAP, 3)
    for row, column, value in [(0, 0, 10), (0, 1, 20), (1, 0, 30)]:
        y, x = GAP + row * (40 + GAP), GAP + column * (80 + GAP)
        assert (sheet[y : y + 40, x : x + 80] == value).all()
    assert (sheet[-30:, -40:] == PAPER).all()


def test_captions_and_title_are_written() -> None:
    plain = contact_sheet([[tile(10)]], tile_width=160)
    told = contact_sheet([[tile(10)]], [['frame 3']], 'video 7', tile_width=160)
    assert told.shape[0] > plain.shape[0] + 30
    assert (told[:20] < 120).any() and (told[-20:] < 120).any()


def test_tiles_of_different_sizes_keep_their_aspect() -> None:
    sheet = contact_sheet([[tile(10), tile(20, 160, 80)]], tile_width=40)
    assert (sheet == 10).all(-1).sum() == 40 * 20
    assert (sheet == 20).all(-1).sum() == 40 * 80


@pytest.mark.parametrize(
    ('rows', 'captions'),
    [
        pytest.param([], None, id='no rows'),
        pytest.param([[]], None, id='no tiles'),
        pytest.param([[tile(1)]], [['a', 'b']], id='captions too many'),
    ],
)
def test_impossible_sheets_are_refused(rows: list, captions: list | None) -> None:
    with pytest.raises(DataError):
        contact_sheet(rows, captions)


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_pictures_are_written_in_rgb(tmp_path: Path, suffix: str) -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    image[:] = (200, 100, 20)
    path = write_image(tmp_path / 'new' / f'a{suffix}', image)
    assert np.abs(cv2.imread(str(path))[..., ::-1].astype(int) - image).max() < 6
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize('name', ['a.xyz', 'file/a.png'])
def test_unwritable_pictures_are_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / 'file').write_text('in the way')
    with pytest.raises(DataError, match=r'a\.'):
        write_image(tmp_path / name, tile(1))
