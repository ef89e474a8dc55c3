"""Results of a run per class become one: new identities, no common pixels."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from mmdet.errors import ConfigError, DataError
from mmdet.formats import MaskTable, join_mots_results, read_masks, write_masks
from mmdet.ops.rle import decode, encode

Row = tuple[int, int, int, int]  # frame, identity, first and last column of the mask


def write(path: Path, class_id: int, rows: list[Row], width: int = 8) -> None:
    """A result file of masks that are whole columns of frames of 2 x ``width`` pixels."""
    masks = []
    for _, _, first, last in rows:
        mask = np.zeros((2, width), np.uint8)
        mask[:, first : last + 1] = 1
        masks.append(encode(mask))
    frames, ids = [row[0] for row in rows], [row[1] for row in rows]
    path.parent.mkdir(exist_ok=True)
    write_masks(path, MaskTable.of('test', frames, ids, [class_id] * len(rows), masks))


def columns(table: MaskTable) -> list[tuple[int, int, int, list[int]]]:
    """Frame, identity, class and columns of each row."""
    where = [np.flatnonzero(decode(mask)[0]).tolist() for mask in table.masks.rles()]
    return list(zip(table.frames.tolist(), table.ids.tolist(), table.class_ids.tolist(), where))


def test_joined(tmp_path: Path) -> None:
    write(tmp_path / 'car/0002.txt', 1, [(0, 1, 0, 2), (0, 7, 5, 6), (3, 1, 0, 1)])
    write(tmp_path / 'person/0002.txt', 2, [(0, 1, 2, 4), (1, 1, 0, 7), (3, 2, 0, 0)])
    join_mots_results([tmp_path / 'car', tmp_path / 'person'], tmp_path / 'both')
    assert columns(read_masks(tmp_path / 'both/0002.txt')) == [
        (0, 1, 1, [0, 1, 2]),
        (0, 2, 1, [5, 6]),
        (0, 3, 2, [3, 4]),
        (1, 3, 2, list(range(8))),
        (3, 1, 1, [0, 1]),
    ]  # nothing is left of the last person


def test_order_of_the_folders_decides(tmp_path: Path) -> None:
    write(tmp_path / 'car/a.txt', 1, [(1, 5, 0, 4)])
    write(tmp_path / 'person/a.txt', 2, [(1, 5, 3, 6)])
    join_mots_results([tmp_path / 'person', tmp_path / 'car'], tmp_path / 'both')
    assert columns(read_masks(tmp_path / 'both/a.txt')) == [(1, 1, 2, [3, 4, 5, 6]), (1, 2, 1, [0, 1, 2])]


@pytest.mark.parametrize('rows', [[], [(2, 4, 1, 1)]], ids=['nothing in both', 'nothing in one'])
def test_sequences_without_masks(tmp_path: Path, rows: list[Row]) -> None:
    write(tmp_path / 'car/a.txt', 1, [])
    write(tmp_path / 'person/a.txt', 2, rows)
    join_mots_results([tmp_path / 'car', tmp_path / 'person'], tmp_path / 'both')
    assert len(read_masks(tmp_path / 'both/a.txt')) == len(rows)


@pytest.mark.parametrize(
    ('names', 'error', 'message'),
    [
        ([], ConfigError, 'different folders'),
        (['car', 'car'], ConfigError, 'different folders'),
        (['car', 'both'], ConfigError, 'another one to write to'),
        (['car', 'more'], DataError, r'b\.txt is not in every folder'),
        (['nothing', 'nowhere'], DataError, 'no such folder of results'),
        (['hollow'], DataError, 'no <sequence>'),
        (['car', 'wide'], DataError, 'different sizes'),
    ],
    ids=lambda value: ' '.join(value) if isinstance(value, list) else None,
)
def test_refused(tmp_path: Path, names: list[str], error: type[Exception], message: str) -> None:
    for name, file, width in (('car', 'a', 8), ('both', 'a', 8), ('more', 'a', 8), ('more', 'b', 8), ('wide', 'a', 9)):
        write(tmp_path / f'{name}/{file}.txt', 1, [(0, 1, 0, 1)], width)
    (tmp_path / 'hollow').mkdir()
    with pytest.raises(error, match=message):
        join_mots_results([tmp_path / name for name in names], tmp_path / 'both')


def test_overlaps_of_one_folder_go_to_the_earlier_line(tmp_path: Path) -> None:
    write(tmp_path / 'one/a.txt', 1, [(0, 4, 0, 3), (0, 9, 5, 6), (1, 4, 0, 1)])
    lines = (tmp_path / 'one/a.txt').read_text().splitlines()
    write(tmp_path / 'other/a.txt', 1, [(0, 2, 2, 5)])
    lines.insert(1, (tmp_path / 'other/a.txt').read_text().strip())
    (tmp_path / 'one/a.txt').write_text('\n'.join(lines))
    with pytest.raises(DataError, match='leaves it to the earlier line'):
        read_masks(tmp_path / 'one/a.txt')
    join_mots_results([tmp_path / 'one'], tmp_path / 'mended')
    found = columns(read_masks(tmp_path / 'mended/a.txt'))
    assert [(frame, places) for frame, _, _, places in found] == [(0, [0, 1, 2, 3]), (0, [4, 5]), (0, [6]), (1, [0, 1])]
    assert found[0][1] == found[3][1] and len({row[1] for row in found}) == 3


def test_the_tool(repo_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write(tmp_path / 'car/a.txt', 1, [(0, 1, 0, 1)])
    write(tmp_path / 'person/a.txt', 2, [(0, 1, 2, 3)])
    spec = importlib.util.spec_from_file_location('join_mots', repo_root / 'tools/join_mots.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.main([str(tmp_path / 'car'), str(tmp_path / 'person'), '--out', str(tmp_path / 'both')]) == 0
    assert 'both: 1 sequences' in capsys.readouterr().out
    assert len(read_masks(tmp_path / 'both/a.txt')) == 2
