"""Nothing in a checkpoint file runs, and what honest ones hold still loads."""

from __future__ import annotations

import io
import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from mmdet.checkpoints import load_file
from mmdet.checkpoints.safe_pickle import UnsafeCheckpointError
from mmdet.errors import CheckpointError


class Calls:
    """Pickles as a call of ``function(*arguments)``."""

    def __init__(self, function: Callable, *arguments: Any) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> tuple:
        return self.reduced


def _zip(obj: Any, path: Path) -> None:
    torch.save(obj, path)


def _old_format(obj: Any, path: Path) -> None:
    torch.save(obj, path, _use_new_zipfile_serialization=False)


def _plain_pickle(obj: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(obj, protocol=2))


def _new_pickle(obj: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(obj, protocol=4))


@pytest.mark.parametrize('write', [_zip, _old_format, _plain_pickle, _new_pickle])
def test_code_in_a_pickle_is_refused_and_does_not_run(tmp_path: Path, write: Callable) -> None:
    mark, path = tmp_path / 'ran', tmp_path / 'evil.pth'
    write({'state_dict': {'a': torch.ones(2)}, 'x': Calls(os.system, f'touch {mark}')}, path)
    with pytest.raises(UnsafeCheckpointError, match=r'refused.*--trust-checkpoint'):
        load_file(path)
    assert not mark.exists()


def test_trust_runs_it_with_a_loud_warning(tmp_path: Path) -> None:
    mark, path = tmp_path / 'ran', tmp_path / 'evil.pth'
    torch.save({'state_dict': {'a': torch.ones(2)}, 'x': Calls(os.system, f'touch {mark}')}, path)
    with pytest.warns(UserWarning, match='full trust'):
        assert 'state_dict' in load_file(path, trust=True)
    assert mark.exists()  # so the tests above would notice it


def test_trust_is_not_used_where_it_is_not_needed(tmp_path: Path) -> None:
    torch.save({'a': torch.ones(2)}, tmp_path / 'plain.pth')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        load_file(tmp_path / 'plain.pth', trust=True)


REFUSED = {
    'getattr of a log history': (Calls(getattr, HistoryBuffer, '__init__'), 'getattr'),
    'getattr of something else': (Calls(getattr, Calls, 'mean'), 'Calls'),
    'eval': (Calls(eval, '1'), 'eval'),
    'an array of objects': (np.array([object()]), r"numpy\.dtype\('O8'\)"),
    'a structured array': (np.zeros(2, [('a', 'O')]), 'numpy.dtype'),
    'a large allocation': (Calls(bytes, 10), 'bytes'),
    'an unknown class': (Path('x'), 'pathlib'),
}


@pytest.mark.parametrize('case', REFUSED)
def test_globals_that_are_not_on_the_list_are_refused(tmp_path: Path, case: str) -> None:
    value, named = REFUSED[case]
    torch.save({'a': torch.ones(1), 'value': value}, tmp_path / 'file.pth')
    with pytest.raises(CheckpointError, match=named):
        load_file(tmp_path / 'file.pth')


def test_object_flags_in_a_number_type_are_not_taken_from_the_file(tmp_path: Path) -> None:
    class Flagged:
        def __reduce__(self) -> tuple:
            return np.dtype, ('f8', False, True), (3, '<', None, None, None, -1, -1, 63)

    with_flags = pickle.loads(pickle.dumps(Flagged()))  # what numpy itself makes of it
    assert with_flags.hasobject

    class Array:
        def __reduce__(self) -> tuple:
            rebuild = np.zeros(0).__reduce__()[0]
            return rebuild, (np.ndarray, (0,), b'b'), (1, (1,), Flagged(), False, b'\x01' * 8)

    torch.save({'a': Array()}, tmp_path / 'file.pth')
    loaded = load_file(tmp_path / 'file.pth')['a']
    assert not loaded.dtype.hasobject
    assert loaded.dtype == np.float64


ARRAYS = {
    'floats': np.arange(6.0).reshape(2, 3),
    'column-major': np.asfortranarray(np.arange(6).reshape(2, 3)),
    'big-endian': np.arange(3, dtype='>i4'),
    'empty': np.zeros((0, 3), np.float32),
    'booleans': np.array([True, False]),
    'text': np.array(['one', 'three']),
    'one number': np.array(3.5),
}


@pytest.mark.parametrize('case', ARRAYS)
@pytest.mark.parametrize('write', [_zip, _old_format])
def test_arrays_load_as_they_were(tmp_path: Path, case: str, write: Callable) -> None:
    write({'nested': [{'array': ARRAYS[case]}], 'pair': (ARRAYS[case], 1)}, tmp_path / 'file.pth')
    loaded = load_file(tmp_path / 'file.pth')
    for array in (loaded['nested'][0]['array'], loaded['pair'][0]):
        assert type(array) is np.ndarray
        assert array.dtype == ARRAYS[case].dtype
        np.testing.assert_array_equal(array, ARRAYS[case])


@pytest.mark.parametrize('value', [np.float64(2.5), np.int32(-3), np.bool_(True), np.str_('best')])
def test_numpy_scalars_load_as_they_were(tmp_path: Path, value: np.generic) -> None:
    torch.save({'value': value}, tmp_path / 'file.pth')
    loaded = load_file(tmp_path / 'file.pth')['value']
    assert type(loaded) is type(value)
    assert loaded == value


def test_a_training_checkpoint_with_log_histories_loads(tmp_path: Path) -> None:
    history, empty = HistoryBuffer(), HistoryBuffer()
    history.update(1.0)
    history.update(2.0)
    numpy_state = np.random.RandomState(3).get_state()
    saved = {'message_hub': {'log_scalars': {'loss': history, 'none': empty}}, 'rng': numpy_state}
    torch.save(saved, tmp_path / 'file.pth')
    loaded = load_file(tmp_path / 'file.pth')
    buffer = loaded['message_hub']['log_scalars']['loss']
    assert type(buffer) is HistoryBuffer
    assert buffer.mean() == 1.5
    buffer.update(6.0)
    assert buffer.statistics('mean') == 3.0
    np.testing.assert_array_equal(loaded['rng'][1], numpy_state[1])
    torch.save(loaded, tmp_path / 'again.pth')  # nothing of the loader is left in what it returns
    assert load_file(tmp_path / 'again.pth')['message_hub']['log_scalars']['loss'].mean() == 3.0


def test_containers_that_hold_themselves_do_not_hang(tmp_path: Path) -> None:
    loop: list = [np.float64(1.0)]
    loop.append(loop)
    torch.save({'loop': loop}, tmp_path / 'file.pth')
    loaded = load_file(tmp_path / 'file.pth')['loop']
    assert loaded[1] is loaded


@pytest.mark.parametrize('write', [_zip, _old_format])
def test_every_truncation_is_a_clear_error(tmp_path: Path, write: Callable) -> None:
    path = tmp_path / 'file.pth'
    write({'state_dict': {'a': torch.ones(300)}, 'best': np.float64(1)}, path)
    content = path.read_bytes()
    for size in range(1, len(content) - 1, 97):
        path.write_bytes(content[:size])
        with pytest.raises(CheckpointError, match=r'damaged|refused'):
            load_file(path)


def test_damaged_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    stream = io.BytesIO()
    torch.save({'a': torch.ones(3), 'b': np.ones(3)}, stream, _use_new_zipfile_serialization=False)
    content = np.frombuffer(stream.getvalue(), np.uint8)
    rng, path = np.random.default_rng(0), tmp_path / 'file.pth'
    for _ in range(200):
        damaged = content.copy()
        damaged[rng.integers(0, len(content), 5)] = rng.integers(0, 256, 5)
        path.write_bytes(damaged.tobytes())
        try:
            load_file(path)
        except CheckpointError:
            continue


def test_a_torchscript_program_is_named_as_such(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(tmp_path / 'file.pt'))
    with pytest.raises(CheckpointError, match='TorchScript'):
        load_file(tmp_path / 'file.pt')


def test_an_old_pytorch_is_not_trusted_with_pickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({'a': torch.ones(1)}, tmp_path / 'file.pth')
    monkeypatch.setattr(torch, '__version__', '2.5.1+cpu')
    with pytest.raises(UnsafeCheckpointError, match='CVE-2025-32434'):
        load_file(tmp_path / 'file.pth')
