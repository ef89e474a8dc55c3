"""Read a pickled PyTorch file without running anything that it holds.

``torch.load(weights_only=True)`` builds tensors and plain containers and refuses every other global. Checkpoints of the
OpenMMLab programs also hold log histories made of numpy arrays and numbers. Allowing numpy's own functions for them
would open a hole: ``numpy.dtype.__setstate__`` takes object flags from the file, and an array of such a type corrupts
memory. So the names that numpy wrote are answered by the stand-ins below, which accept numbers and text only, and the
finished arrays take their place afterwards. ``builtins.getattr``, which a log history names too, is answered likewise.
"""

from __future__ import annotations

import pickle
import re
import shlex
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from mmdet.errors import CheckpointError

OLDEST_SAFE_TORCH = (2, 6)  # CVE-2025-32434: before it, weights_only could be made to run code
PLAIN_KINDS = 'biufcSU'  # numpy's numbers and text
MORE_THAN_WEIGHTS = ('legacy .tar', 'unrecognized function', 'Can only', 'Unsupported operand')
REFUSED = re.compile(r'GLOBAL (\S+) (?:was not an allowed|whose module)')


class UnsafeCheckpointError(CheckpointError):
    """A checkpoint can only be loaded by running what it asks for."""


class _Dtype:
    """Stands for ``numpy.dtype``: a type of numbers or text and its byte order."""

    def __init__(self, code: Any, align: bool = False, copy: bool = False) -> None:
        value = np.dtype(code.decode() if isinstance(code, bytes) else str(code))
        if value.kind not in PLAIN_KINDS:
            raise pickle.UnpicklingError(f'GLOBAL numpy.dtype({code!r}) was not an allowed type')
        self.value = value

    def __setstate__(self, state: tuple) -> None:
        self.value = self.value.newbyteorder(state[1])  # the rest of the state only matters to structured types


class _Array:
    """Stands for ``numpy.ndarray``: an array of numbers or text read from bytes."""

    value: np.ndarray

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, fortran_order, data = state
        flat = np.frombuffer(data, dtype=dtype.value)
        self.value = flat.reshape(shape, order='F' if fortran_order else 'C').copy()


def _new_array(_subtype: Any, _shape: Any, _code: Any) -> _Array:
    return _Array()


def _scalar(dtype: _Dtype, data: bytes) -> np.generic:
    return np.frombuffer(data, dtype=dtype.value, count=1)[0]


def _no_bytes() -> bytes:
    """Stands for ``bytes``, which the content of an empty array is written as."""
    return b''


def _log_statistic(owner: Any, name: str) -> Any:
    """Stands for ``getattr``, which a log history uses to name its own four methods."""
    if owner is not HistoryBuffer or name not in ('min', 'max', 'mean', 'current'):
        raise pickle.UnpicklingError('GLOBAL builtins.getattr was not an allowed function')
    return getattr(HistoryBuffer, name)


ALLOWED: list[Any] = [
    (HistoryBuffer, 'mmengine.logging.history_buffer.HistoryBuffer'),
    (_log_statistic, 'builtins.getattr'),
    (_Dtype, 'numpy.dtype'),
    (_Array, 'numpy.ndarray'),
    *((_new_array, f'numpy.{core}.multiarray._reconstruct') for core in ('core', '_core')),
    (_no_bytes, 'builtins.bytes'),
    *((_scalar, f'numpy.{core}.multiarray.scalar') for core in ('core', '_core')),
]


def _finished(value: Any, seen: set[int]) -> Any:
    """``value`` with arrays in the place of their stand-ins, in all containers that it holds."""
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(_finished(item, seen) for item in value)
    if id(value) in seen:
        return value
    if isinstance(value, dict | HistoryBuffer):
        seen.add(id(value))
        items = value if isinstance(value, dict) else vars(value)
        for key, item in items.items():
            items[key] = _finished(item, seen)
    elif isinstance(value, list):
        seen.add(id(value))
        value[:] = [_finished(item, seen) for item in value]
    return value


def load_restricted(path: Path, map_location: str | torch.device) -> Any:
    """Load ``path`` with nothing allowed but tensors, containers, numbers, text and log histories.

    Raises:
        UnsafeCheckpointError: the file names another global, or PyTorch is too old to load it safely.
        CheckpointError: the file is damaged or of another kind.
    """
    version = tuple(int(part) for part in re.findall(r'\d+', torch.__version__)[:2])
    if version < OLDEST_SAFE_TORCH:
        raise UnsafeCheckpointError(
            f'{path}: PyTorch {torch.__version__} cannot load pickled checkpoints safely (CVE-2025-32434). Install '
            f'PyTorch 2.6 or later, or convert the file to safetensors where a later one is installed.'
        )
    try:
        with torch.serialization.safe_globals(ALLOWED), warnings.catch_warnings():
            warnings.simplefilter('ignore')  # about other pickle protocols and archives: the errors below say it
            checkpoint = torch.load(path, map_location=map_location, weights_only=True)
        return _finished(checkpoint, set())
    except OSError as error:
        raise CheckpointError(f'cannot read {path}: {error.strerror or error}') from error
    except Exception as error:  # a damaged stream can fail in any way
        raise _explained(path, error) from error


def convert_command(path: str | Path) -> str:
    """The command that converts ``path``, to be pasted into a shell."""
    path = Path(path)
    return f'python tools/convert_checkpoint.py {shlex.quote(str(path))} {shlex.quote(path.stem + ".safetensors")}'


def _explained(path: Path, error: Exception) -> CheckpointError:
    text = str(error)
    if 'TorchScript' in text:
        return CheckpointError(f'{path} is a TorchScript program, not weights; save the state_dict of its module')
    refused = REFUSED.search(text)
    if refused or any(sign in text for sign in MORE_THAN_WEIGHTS):
        what = f'names {refused.group(1)}' if refused else 'holds more than weights'
        return UnsafeCheckpointError(
            f'{path} is refused: it is a pickle that {what}, and loading it could run code of whoever made it. If you '
            f'trust its maker, convert it once, best on a machine with nothing to lose: '
            f'{convert_command(path)} --trust-checkpoint'
        )
    lines = text.rpartition('WeightsUnpickler error: ')[2].strip().splitlines() or ['']
    reason = f'{type(error).__name__}: {lines[0]}'.split('. ')[0].rstrip('. ')
    return CheckpointError(
        f'{path} ({path.stat().st_size:,} bytes) is damaged, incomplete, or not a PyTorch checkpoint ({reason}). '
        f'Copy or download it again and compare its size and checksum with the source.'
    )


def load_trusted(path: Path, map_location: str | torch.device) -> Any:
    """Load ``path`` as any Python pickle. **It can run any code that its maker put in.**

    The only place that does so; reached only when the user typed ``--trust-checkpoint`` (``trust=True``).
    """
    warnings.warn(
        f'{path} is loaded with full trust: code in it runs with your rights, now. Convert it to safetensors and '
        f'use that file from here on.',
        stacklevel=3,
    )
    try:
        return torch.load(path, map_location=map_location, weights_only=False)
    except Exception as error:  # whatever the pickle does
        reason = f'{type(error).__name__}: {error}'
        raise CheckpointError(f'{path} cannot be loaded even with full trust ({reason})') from error
