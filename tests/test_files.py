"""A file is replaced whole or not at all, whatever happens while it is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmdet.files import LEFTOVER_AGE, remove_leftovers, replacing, write_bytes, write_json, write_text

WRITERS = {
    'bytes': (write_bytes, b'\x00\n', b'\x00\n'),
    'text': (write_text, 'größe\n', 'größe\n'.encode()),
    'json': (write_json, {'a': [1, None]}, b'{"a": [1, null]}\n'),
}


@pytest.mark.parametrize('case', WRITERS)
def test_content_replaces_what_was_there(tmp_path: Path, case: str) -> None:
    write, content, expected = WRITERS[case]
    path = tmp_path / 'new' / 'file'
    for _ in range(2):
        write(path, content)
        assert path.read_bytes() == expected
    assert [entry.name for entry in path.parent.iterdir()] == ['file']


def test_a_failure_while_writing_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / 'file'
    write_text(path, 'old')
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text('half')
        raise ZeroDivisionError
    with pytest.raises(TypeError):
        write_json(path, object())
    assert path.read_text() == 'old'
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize('step', ['fsync', 'replace'])
def test_a_failure_of_the_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / 'file'
    write_text(path, 'old')

    def full(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match='No space left'):
        write_text(path, 'new')
    assert path.read_text() == 'old'
    assert len(list(tmp_path.iterdir())) == 1


def test_file_and_folder_are_synced_around_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    sync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, 'fsync', lambda number: (steps.append('sync'), sync(number)))
    monkeypatch.setattr(os, 'replace', lambda *paths: (steps.append('rename'), rename(*paths)))
    write_text(tmp_path / 'file', 'new')
    assert steps == ['sync', 'rename', 'sync']


def test_a_link_to_the_file_itself_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / 'file'
    write_text(path, 'same')
    with replacing(path) as temporary:
        os.link(path, temporary)  # renaming one name of a file to another of its names does nothing
    assert [entry.name for entry in tmp_path.iterdir()] == ['file']
    assert path.read_text() == 'same'


def test_only_old_partial_files_are_left_over(tmp_path: Path) -> None:
    for name, age in (('.a.12.partial', 2 * LEFTOVER_AGE), ('.b.34.partial', 0), ('c.partial', 2 * LEFTOVER_AGE)):
        (tmp_path / name).touch()
        moment = (tmp_path / name).stat().st_mtime - age
        os.utime(tmp_path / name, (moment, moment))
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['.b.34.partial', 'c.partial']
    remove_leftovers(tmp_path / 'nowhere')
