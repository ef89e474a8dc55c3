"""Containers, missing and odd files, and writing that never loses the last good checkpoint."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from mmdet.checkpoints import files, load_file, read_metadata, save_atomic, save_weights
from mmdet.errors import CheckpointError

GOOD = {'state_dict': {'a': torch.arange(4.0)}, 'meta': {'epoch': 1}}
BIG = {'state_dict': {f'a{i}': torch.full((50_000,), float(i)) for i in range(8)}, 'meta': {'epoch': 2}}  # 1.6 MB


@pytest.mark.parametrize('name', ['model.pth', 'ckpt.t7', 'no_suffix'])
@pytest.mark.parametrize('new_format', [True, False])
def test_torch_files_of_any_name_and_age_load(tmp_path: Path, name: str, new_format: bool) -> None:
    torch.save({'net_dict': {'a': torch.ones(2)}}, tmp_path / name, _use_new_zipfile_serialization=new_format)
    assert load_file(tmp_path / name)['net_dict']['a'].tolist() == [1, 1]


@pytest.mark.parametrize('name', ['model.safetensors', 'misnamed.pth'])
def test_safetensors_are_known_by_their_header(tmp_path: Path, name: str) -> None:
    metadata = {'classes': ['dog', 'chat noir'], 'convention': 'legacy', 'num_classes': 2}
    save_weights({'a': torch.ones(2, 3, dtype=torch.float16)}, tmp_path / name, metadata)
    loaded = load_file(tmp_path / name)
    assert loaded['meta'] == metadata == read_metadata(tmp_path / name)
    assert loaded['state_dict']['a'].dtype == torch.float16


def test_safetensors_of_others_have_no_metadata_of_ours(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({'a': torch.ones(1)}, tmp_path / 'other.safetensors', metadata={'format': 'pt'})
    assert load_file(tmp_path / 'other.safetensors')['meta'] == {}


def test_views_and_shared_tensors_can_be_saved(tmp_path: Path) -> None:
    base = torch.arange(12.0).view(3, 4)
    save_weights({'all': base, 'part': base[1:], 'turned': base.t(), 'same': base}, tmp_path / 'w.safetensors', {})
    loaded = load_file(tmp_path / 'w.safetensors')['state_dict']
    torch.testing.assert_close(loaded['turned'], base.t())
    torch.testing.assert_close(loaded['part'], base[1:])


@pytest.mark.parametrize('cut', [1, 5, 30, 90])
def test_truncated_safetensors_are_a_clear_error(tmp_path: Path, cut: int) -> None:
    path = tmp_path / 'w.safetensors'
    save_weights({'a': torch.ones(10)}, path, {})
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(CheckpointError, match='damaged'):
        load_file(path)


ODD = {
    'empty': (b'', 'is empty'),
    'web page': (b'\n<!DOCTYPE html><html>login</html>', 'web page'),
    'lfs pointer': (b'version https://git-lfs.github.com/spec/v1\noid sha256:0', 'git lfs pull'),
    'text': (b'hello', 'damaged'),
}


@pytest.mark.parametrize('case', ODD)
def test_files_that_are_no_checkpoints(tmp_path: Path, case: str) -> None:
    content, message = ODD[case]
    (tmp_path / 'file.pth').write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        load_file(tmp_path / 'file.pth')


def test_a_tensor_alone_is_not_a_checkpoint(tmp_path: Path) -> None:
    torch.save(torch.ones(3), tmp_path / 'file.pth')
    with pytest.raises(CheckpointError, match='holds a Tensor'):
        load_file(tmp_path / 'file.pth')


def test_a_missing_file_names_similar_ones(tmp_path: Path) -> None:
    for name in ('epoch_11.pth', 'epoch_12.pth', 'log.txt'):
        (tmp_path / name).touch()
    with pytest.raises(CheckpointError, match=r'similar names there: epoch_1[12]\.pth'):
        load_file(tmp_path / 'epoch_1.pth')
    with pytest.raises(CheckpointError, match='folder does not exist'):
        load_file(tmp_path / 'nowhere' / 'epoch_1.pth')
    with pytest.raises(CheckpointError, match=r'is a folder.*epoch_11\.pth'):
        load_file(tmp_path)
    with pytest.raises(CheckpointError, match='Download it'):
        load_file('https://example.org/epoch_1.pth')


def test_saving_replaces_the_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'last.pth'
    save_atomic(GOOD, path)
    save_atomic(BIG, path)
    assert load_file(path)['meta'] == {'epoch': 2}
    assert [p.name for p in path.parent.iterdir()] == ['last.pth']
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask  # readable by whom the user wants, not only by the user


def test_an_object_that_cannot_be_saved_leaves_the_file_intact(tmp_path: Path) -> None:
    path = tmp_path / 'last.pth'
    save_atomic(GOOD, path)
    with pytest.raises(AttributeError):
        save_atomic({'hook': lambda: None}, path)
    assert load_file(path)['meta'] == {'epoch': 1}
    assert len(list(tmp_path.iterdir())) == 1


def test_old_leftovers_are_removed_and_fresh_ones_kept(tmp_path: Path) -> None:
    old, fresh = tmp_path / '.last.pth.1234.partial', tmp_path / '.other.pth.5678.partial'
    old.touch()
    fresh.touch()
    os.utime(old, (0, 0))
    save_atomic(GOOD, tmp_path / 'last.pth')
    assert not old.exists()
    assert fresh.exists()


SAVES = {
    'torch': lambda path: save_atomic(BIG, path),
    'safetensors': lambda path: save_weights(BIG['state_dict'], path, {}),
}


@pytest.fixture
def small_file_limit() -> Iterator[None]:
    """No file of this process may grow over 400 kB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', folder], capture_output=True)
    if mounted.returncode:
        pytest.skip('mounting a file system is not permitted')
    yield folder
    subprocess.run(['umount', folder], check=True)


@pytest.mark.parametrize('save', SAVES.values(), ids=SAVES)
@pytest.mark.usefixtures('small_file_limit')
def test_a_file_that_cannot_grow(tmp_path: Path, save: Callable[[Path], None]) -> None:
    _check_failed_save(tmp_path / 'last.pth', save, r'needs about 1\.6 MB and [\d,.]+ MB are free')


@pytest.mark.parametrize('save', SAVES.values(), ids=SAVES)
def test_a_full_disk(tiny_disk: Path, save: Callable[[Path], None]) -> None:
    _check_failed_save(tiny_disk / 'last.pth', save, r'No space left.*1\.6 MB and 1\.0 MB are free')


def _check_failed_save(path: Path, save: Callable[[Path], None], message: str) -> None:
    save_atomic(GOOD, path)
    with pytest.raises(CheckpointError, match=message):
        save(path)
    assert load_file(path)['meta'] == {'epoch': 1}
    assert [p.name for p in path.parent.iterdir()] == ['last.pth']


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(CheckpointError, match='cannot write'):
        save_atomic(GOOD, tmp_path / 'file' / 'last.pth')


def _save_and_die(path: Path, moment: str) -> None:
    """Overwrite ``path`` and be killed at ``moment``."""

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if moment == 'while writing':
        write, written = files._Sink.write, []

        def write_and_die(sink: files._Sink, data: bytes) -> int:
            written.append(len(data))
            return die() if sum(written) > 800_000 else write(sink, data)  # type: ignore[func-returns-value]

        files._Sink.write = write_and_die  # type: ignore[method-assign]
    else:
        setattr(os, {'before the sync': 'fsync', 'before the rename': 'replace'}[moment], die)
    save_atomic(BIG, path)


@pytest.mark.parametrize('moment', ['while writing', 'before the sync', 'before the rename'])
def test_a_process_killed_while_it_saves(tmp_path: Path, moment: str) -> None:
    path = tmp_path / 'last.pth'
    save_atomic(GOOD, path)
    child = multiprocessing.get_context('fork').Process(target=_save_and_die, args=(path, moment))
    child.start()
    child.join(30)
    assert child.exitcode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2  # the old file and a partial one
    assert load_file(path)['meta'] == {'epoch': 1}
    save_atomic(BIG, path)
    assert load_file(path)['meta'] == {'epoch': 2}
