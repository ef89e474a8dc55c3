"""MOTChallenge and KITTI box files: what is read, what is written, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmdet.errors import DataError
from mmdet.formats import (
    KITTI_TYPES,
    counted_rows,
    distractor_rows,
    read_boxes,
    read_kitti_boxes,
    write_boxes,
    write_kitti_boxes,
)

ROW = '1,4,10.5,20,30,40,0.5,-1,-1,-1'


def write(path: Path, *lines: str) -> Path:
    path.write_text(''.join(f'{line}\n' for line in lines))
    return path


def test_columns(tmp_path: Path) -> None:
    table = read_boxes(write(tmp_path / 'r.txt', ROW, '', '3, 2.0, 1, 2, 3, 4, 1, -1, -1, -1'), 'result')
    assert table.frames.tolist() == [0, 2]  # the file counts from 1
    assert table.ids.tolist() == [4, 2]
    np.testing.assert_allclose(table.bboxes, [[10.5, 20, 40.5, 60], [1, 2, 4, 6]])
    assert table.scores.tolist() == [0.5, 1]
    assert table.class_ids.tolist() == [-1, -1]


def test_ground_truth_of_mot16_has_classes(tmp_path: Path) -> None:
    rows = ['1,1,0,0,5,5,1,1,0.5', '1,2,0,0,5,5,0,1,1', '1,3,0,0,5,5,0,8,1', '1,4,0,0,5,5,0,3,1', '1,5,0,0,5,5,0,6,1']
    table = read_boxes(write(tmp_path / 'gt.txt', *rows), 'gt')
    assert table.class_ids.tolist() == [1, 1, 8, 3, 6]
    assert counted_rows(table).tolist() == [True, False, False, False, False]
    assert distractor_rows(table, 'MOT17-02').tolist() == [False, False, True, False, False]
    assert distractor_rows(table, 'MOT20-01').tolist() == [False, False, True, False, True]
    assert distractor_rows(table, 'MOT17-02', [3]).tolist() == [False, False, False, True, False]


def test_empty_file(tmp_path: Path) -> None:
    assert len(read_boxes(write(tmp_path / 'r.txt'), 'result', 5)) == 0


BAD = {
    'wrong columns': ('result', [ROW, '1,5,1,2,3'], r'r\.txt, line 2: 5 columns'),
    'another number of columns': ('det', [ROW, '2,-1,1,2,3,4,1'], r'line 2: 7 columns'),
    'nan': ('det', ['1,-1,1,nan,3,4,1'], r'line 1, frame 1: top is nan'),
    'blanks instead of commas': ('det', ['1 -1 10 20 30 40'], r'line 1: 6 columns'),
    'a frame that is no number': ('det', ['nan,-1,1,2,3,4,1'], r"line 1: frame must be a whole number, found 'nan'"),
    'an infinite score': ('det', ['1,-1,1,2,3,4,inf'], r'line 1, frame 1: confidence is inf'),
    'infinite': ('det', ['1,-1,1,2,3,inf,1'], r'line 1, frame 1: height is inf'),
    'no area': ('det', ['1,-1,1,2,0,4,1'], r'line 1, frame 1: width 0'),
    'out of order': ('det', ['2,-1,1,2,3,4,1', '1,-1,1,2,3,4,1'], r'line 2: frame 1 comes after frame 2'),
    'unknown frame': ('det', ['1,-1,1,2,3,4,1', '9,-1,1,2,3,4,1'], 'line 2: frame 9 is unknown; frames go 1 to 8'),
    'frame 0': ('det', ['0,-1,1,2,3,4,1'], r'line 1: frame 0 is unknown'),
    'an id twice': ('result', [ROW, '2' + ROW[1:], ROW], r'line 3: id 4 is in frame 1 twice \(first on line 1\)'),
    'no number': ('result', [ROW, '2,4,1,x,3,4,1,-1,-1,-1'], r"line 2: top must be a number, found 'x'"),
    'no whole number': ('result', ['1.5,4,1,2,3,4,1'], r"line 1: frame must be a whole number, found '1.5'"),
}


@pytest.mark.parametrize(('kind', 'lines', 'message'), BAD.values(), ids=BAD)
def test_refused(tmp_path: Path, kind, lines: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_boxes(write(tmp_path / 'r.txt', *lines), kind, 8)


def test_results_and_truth_may_be_ordered_by_track(tmp_path: Path) -> None:
    rows = ['2,1,1,2,3,4,1,-1,-1,-1', '1,2,1,2,3,4,1,-1,-1,-1']
    assert read_boxes(write(tmp_path / 'r.txt', *rows), 'result').frames.tolist() == [1, 0]


def test_files_that_count_from_0(tmp_path: Path) -> None:
    path = write(tmp_path / 'det.txt', '0,-1,1,2,3,4,1', '8,-1,1,2,3,4,1')
    assert read_boxes(path, 'det', 9, first_frame=0).frames.tolist() == [0, 8]
    with pytest.raises(DataError, match=r'line 2: frame 8 is unknown; frames go 0 to 7'):
        read_boxes(path, 'det', 8, first_frame=0)


def test_bytes_that_are_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / 'r.txt'
    path.write_bytes(b'\xef\xbb\xbf' + ROW.encode())  # what some editors put before the text
    assert len(read_boxes(path, 'result')) == 1
    path.write_bytes(b'1,2,\xff\xfe')
    with pytest.raises(DataError, match=r'r\.txt: the detection file is not text'):
        read_boxes(path, 'det')


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'none\.txt: the result file does not exist'):
        read_boxes(tmp_path / 'none.txt', 'result')


def test_written_and_read(tmp_path: Path) -> None:
    path = write(tmp_path / 'r.txt', ROW, '3,2,-1.25,2,3.123457,4,0.333333,-1,-1,-1')
    write_boxes(tmp_path / 'out.txt', read_boxes(path, 'result'))
    assert (tmp_path / 'out.txt').read_text() == path.read_text()
    truth = write(tmp_path / 'gt.txt', '1,1,0,0,5,5,0,8,0.25')
    write_boxes(tmp_path / 'out.txt', read_boxes(truth, 'gt'), with_class=True)
    assert (tmp_path / 'out.txt').read_text() == truth.read_text()


KITTI = '0 1 Car 0 1 -1.5 10.0 20.0 30.0 50.0 1.5 1.6 3.7 1.0 2.0 3.0 0.1'


def test_kitti_labels(tmp_path: Path) -> None:
    care = KITTI.replace('0 1 Car', '0 -1 DontCare')
    sitting = KITTI.replace('0 1 Car', '1 2 Person_sitting')
    table = read_kitti_boxes(write(tmp_path / '0000.txt', KITTI, care, care, sitting), 2)
    assert [KITTI_TYPES[label] for label in table.class_ids] == ['Car', 'DontCare', 'DontCare', 'Person']
    assert table.bboxes[0].tolist() == [10, 20, 30, 50]
    write_kitti_boxes(tmp_path / 'out.txt', table)
    again = read_kitti_boxes(tmp_path / 'out.txt')
    np.testing.assert_allclose(again.bboxes, table.bboxes)
    assert again.class_ids.tolist() == table.class_ids.tolist()
    assert again.scores.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        (KITTI.replace('Car', 'Boat'), "line 1: type 'Boat'"),
        (KITTI.replace('30.0', 'nan'), 'line 1, frame 0: the box is not finite'),
        (KITTI.replace('30.0', '5.0'), 'line 1, frame 0: the box is not finite or is empty'),
        (KITTI + ' 1 2', 'line 1: 19 columns'),
        ('7' + KITTI[1:], 'line 1: frame 7 is unknown'),
    ],
    ids=['type', 'nan', 'empty', 'columns', 'frame'],
)
def test_kitti_refused(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_kitti_boxes(write(tmp_path / 'k.txt', line), 3)


@pytest.mark.parametrize('path', ['MOT15/train/TUD-Campus', 'KITTI/0006'])
def test_real_detections(data_dir: Path, path: str) -> None:
    path = data_dir / 'real' / 'mot' / path / 'det' / 'det.txt'
    assert len(read_boxes(path, 'det')) == len(path.read_text().splitlines()) > 0


def test_real_labels(data_dir: Path, tmp_path: Path) -> None:
    for name in ('0006', '0014'):
        folder = data_dir / 'real' / 'mot' / 'KITTI' / name
        labels = read_kitti_boxes(folder / 'label_02.txt')
        cars = labels.class_ids == KITTI_TYPES.index('Car')
        truth = read_boxes(folder / 'gt' / 'gt.txt', 'gt')
        assert cars.sum() == len(truth)
        np.testing.assert_allclose(np.sort(labels.bboxes[cars, 0]), np.sort(truth.bboxes[:, 0]), atol=0.006)
