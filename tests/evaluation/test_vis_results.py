"""Tracks become server entries; result files are written whole and read with suspicion."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from mmdet.errors import DataError
from mmdet.evaluation.video_result import FrameTracks, VideoResult
from mmdet.evaluation.vis_results import load_results, to_results, write_results

CATEGORIES = (10, 20, 30, 4, 50, 60)


def tracks(rows: list[tuple[int, int, float, dict]]) -> FrameTracks:
    """Rows of (identity, label, score, mask)."""
    ids, labels, scores, masks = (list(column) for column in zip(*rows)) if rows else ([], [], [], [])
    return FrameTracks(ids, labels, scores, [[0.0, 0.0, float(i), 9.0] for i in ids], masks)


@pytest.fixture
def video(rectangle) -> VideoResult:
    """Identity 5 in frames 0 and 2 with labels 3 and 5; identity 0 in frame 2 only, without pixels."""
    mask, empty = rectangle((1, 2, 3, 4)), rectangle((0, 0, 0, 0))
    frames = [
        tracks([(5, 3, 0.9, mask), (-1, 0, 0.3, mask)]),
        tracks([]),
        tracks([(5, 5, 0.5, mask), (0, 1, 0.4, empty)]),
        tracks([]),
    ]
    return VideoResult(42, 60, 80, 4, [''] * 4, frames)


def test_score_is_the_mean_and_category_the_majority(video, rectangle) -> None:
    mask = rectangle((1, 2, 3, 4))
    first, second = to_results(video, CATEGORIES)
    assert first == {'video_id': 42, 'score': 0.4, 'category_id': 20, 'segmentations': [None] * 4}
    assert second['score'] == pytest.approx(0.7)
    assert second['category_id'] == 4  # labels 3 and 5 tie: the smaller one
    assert second['segmentations'] == [mask, None, mask, None]
    assert list(second) == ['video_id', 'score', 'category_id', 'segmentations']


@pytest.mark.parametrize(
    ('labels', 'category'), [([1, 2, 2], 30), ([2, 1, 1], 20), ([2, 1], 20), ([5, 0, 5, 0], 10), ([3], 4)]
)
def test_majority(rectangle, labels, category) -> None:
    frames = [tracks([(1, label, 0.5, rectangle((1, 1, 2, 2)))]) for label in labels]
    result = VideoResult(1, 60, 80, len(frames), [''] * len(frames), frames)
    assert [entry['category_id'] for entry in to_results(result, CATEGORIES)] == [category]


def test_the_last_row_of_a_doubled_identity_counts(rectangle) -> None:
    first, last = rectangle((1, 1, 2, 2)), rectangle((5, 5, 2, 2))
    result = VideoResult(1, 60, 80, 1, [''], [tracks([(1, 0, 0.9, first), (1, 2, 0.5, last)])])
    assert to_results(result, CATEGORIES) == [
        {'video_id': 1, 'score': 0.5, 'category_id': 30, 'segmentations': [last]}
    ]


def test_extras(video) -> None:
    entry = to_results(video, CATEGORIES, extras=True)[1]
    assert entry['detections'] == [[0, 0, 5, 9], None, [0, 0, 5, 9], None]
    assert entry['cats'] == [3, None, 5, None]


def test_label_without_category(video) -> None:
    with pytest.raises(DataError, match='video 42, track 5: label 3, but the data set has 2 classes'):
        to_results(video, (10, 20))


@pytest.mark.parametrize(('out', 'written'), [('r.json', 'r.json'), ('r.pkl', 'r.pkl.json'), ('r.zip', 'r.zip')])
@pytest.mark.parametrize('count', [0, 1, 3])
def test_write_and_load(video, tmp_path: Path, out: str, written: str, count: int) -> None:
    entries = to_results(video, CATEGORIES)[1:] * count
    path = write_results(iter(entries), tmp_path / 'new' / out)
    assert path.name == written
    assert [file.name for file in path.parent.iterdir()] == [written]
    assert load_results(path) == entries
    data = path.read_bytes()
    assert write_results(entries, tmp_path / 'new' / out).read_bytes() == data


def test_archive_holds_results_json(video, tmp_path: Path) -> None:
    entries = to_results(video, CATEGORIES)
    with zipfile.ZipFile(write_results(entries, tmp_path / 'submission.zip')) as archive:
        assert archive.namelist() == ['results.json']
        assert archive.getinfo('results.json').date_time == (1980, 1, 1, 0, 0, 0)
        assert json.loads(archive.read('results.json')) == entries


def test_other_endings_and_broken_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'\.json, \.zip or \.pkl'):
        write_results([], tmp_path / 'results.txt')
    with pytest.raises(DataError, match='video 3 cannot be written'):
        write_results([{'video_id': 3, 'score': float('nan')}], tmp_path / 'r.json')
    assert list(tmp_path.iterdir()) == []


def archive(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, 'w') as file:
        for name, text in members.items():
            file.writestr(name, text)
    return path


BAD_ARCHIVES = {
    'outside': ({'../results.json': '[]'}, 'points outside the archive'),
    'absolute': ({'/etc/results.json': '[]'}, 'points outside the archive'),
    'drive': ({'C:\\results.json': '[]'}, 'points outside the archive'),
    'backslashes': ({'a\\..\\..\\results.json': '[]'}, 'points outside the archive'),
    'wrong name': ({'result.json': '[]'}, r'must hold exactly results\.json at its top level, holds result\.json'),
    'folder': ({'out/results.json': '[]'}, r'must hold exactly results\.json'),
    'two files': ({'results.json': '[]', 'notes.txt': ''}, r'holds results\.json, notes\.txt'),
    'nothing': ({}, 'holds nothing'),
    'not JSON': ({'results.json': '['}, r'r\.zip:results\.json: .* not JSON'),
}


@pytest.mark.parametrize(('members', 'message'), BAD_ARCHIVES.values(), ids=BAD_ARCHIVES)
def test_bad_archives(tmp_path: Path, members: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_results(archive(tmp_path / 'r.zip', members))


def test_links_in_archives_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo('results.json')
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / 'r.zip', 'w') as file:
        file.writestr(link, '/etc/passwd')
    with pytest.raises(DataError, match='is a link'):
        load_results(tmp_path / 'r.zip')


def test_damaged_archive(tmp_path: Path) -> None:
    path = write_results([{'video_id': i, 'score': i / 7} for i in range(50)], tmp_path / 'r.zip')
    data = bytearray(path.read_bytes())
    for position in range(60, 90):
        data[position] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r'r\.zip'):
        load_results(path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match='not a zip archive or was cut off'):
        load_results(path)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('r.json', b'{}', 'must be a list of dicts'),
        ('r.json', b'[5]', 'must be a list of dicts'),
        ('r.json', b'[{', 'not JSON or was cut off'),
        ('r.json', b'[' * 100000, 'not JSON or was cut off'),
        ('r.pkl', b'[]', 'is a pickle'),
        ('r.json', b'\x80\x04]q\x00.', 'is a pickle'),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_results(tmp_path / name)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'none\.json: cannot read the results'):
        load_results(tmp_path / 'none.json')
