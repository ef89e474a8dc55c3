"""Sequence maps and seqinfo.ini."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdet.errors import ConfigError, DataError
from mmdet.formats import (
    SeqmapRow,
    SequenceInfo,
    mots_seqmap,
    read_seqinfo,
    read_seqmap,
    write_seqinfo,
    write_seqmap,
)


def test_val_of_kitti_mots(tmp_path: Path) -> None:
    rows = mots_seqmap('kitti', 'val')
    lengths = {'0002': 233, '0006': 270, '0007': 800, '0008': 390, '0010': 294, '0013': 340, '0014': 106, '0016': 209}
    assert {row.name: row.length for row in rows} == {**lengths, '0018': 339}
    write_seqmap(tmp_path / 'val.seqmap', rows)
    assert (tmp_path / 'val.seqmap').read_text().startswith('0002 empty 000000 000232\n0006 empty 000000 000269\n')
    assert read_seqmap(tmp_path / 'val.seqmap') == rows


@pytest.mark.parametrize(('part', 'sequences', 'frames'), [('train', 12, 5027), ('test', 29, 11095)])
def test_other_parts(part: str, sequences: int, frames: int) -> None:
    rows = mots_seqmap('kitti', part)
    train, test = {'0000': 154, '0009': 803, '0012': 78, '0020': 837}, {'0000': 465, '0010': 1176, '0028': 175}
    known = {'train': train, 'test': test}
    assert known[part].items() <= {row.name: row.length for row in rows}.items()
    assert (len(rows), sum(row.length for row in rows)) == (sequences, frames)


def test_motschallenge_counts_from_one() -> None:
    assert mots_seqmap('motschallenge', 'train')[0] == SeqmapRow('0002', 1, 600)
    with pytest.raises(ConfigError, match="motschallenge has no part 'val'"):
        mots_seqmap('motschallenge', 'val')


def test_list_of_names(tmp_path: Path) -> None:
    rows = [SeqmapRow('MOT17-02'), SeqmapRow('MOT17-04')]
    write_seqmap(tmp_path / 'm.txt', rows)
    assert (tmp_path / 'm.txt').read_text() == 'name\nMOT17-02\nMOT17-04\n'
    assert read_seqmap(tmp_path / 'm.txt') == rows


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'lists no sequence'),
        ('0002 empty 000000\n', 'line 1: .* neither a name nor'),
        ('0002 empty 000009 000003\n', 'line 1: .* neither a name nor'),
        ('a\n\nb\na\n', 'line 4: sequence a is listed twice'),
    ],
    ids=['empty', 'columns', 'backwards', 'twice'],
)
def test_bad_map(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / 'm.txt').write_text(text)
    with pytest.raises(DataError, match=message):
        read_seqmap(tmp_path / 'm.txt')


def test_seqinfo(tmp_path: Path) -> None:
    info = SequenceInfo('a', 7, 480, 640, 'img1', '.png', 12.5)
    write_seqinfo(tmp_path / 'seqinfo.ini', info)
    assert read_seqinfo(tmp_path / 'seqinfo.ini') == info


def test_percent_signs_mean_nothing(tmp_path: Path) -> None:
    (tmp_path / 'seqinfo.ini').write_text('[Sequence]\nname=50%\nseqLength=3\n')
    assert read_seqinfo(tmp_path / 'seqinfo.ini').name == '50%'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('[Sequence]\nname=a\n', 'is missing; needed is seqLength'),
        ('[Other]\n', 'Sequence is missing'),
        ('[Sequence]\nseqLength=x\n', 'not a seqinfo file'),
        ('[Sequence]\nseqLength=0\n', 'bad numbers: seqLength 0'),
        ('seqLength=3\n', 'not a seqinfo file'),
    ],
    ids=['key', 'section', 'text', 'zero', 'no section'],
)
def test_bad_seqinfo(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / 'seqinfo.ini').write_text(text)
    with pytest.raises(DataError, match=message):
        read_seqinfo(tmp_path / 'seqinfo.ini')
