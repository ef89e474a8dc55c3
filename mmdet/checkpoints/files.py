"""Checkpoint files: read them without running them, write them without ever losing the last good one."""

from __future__ import annotations

import difflib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mmdet.checkpoints.safe_pickle import UnsafeCheckpointError, load_restricted, load_trusted
from mmdet.errors import CheckpointError
from mmdet.files import remove_leftovers, replacing

METADATA_KEY = 'mmdet'  # safetensors metadata maps text to text, so ours is one JSON text under this key
LONGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors format


def load_file(path: str | Path, trust: bool = False, map_location: str | torch.device = 'cpu') -> dict[str, Any]:
    """Load a checkpoint of any supported container, safely.

    Args:
        path: safetensors (known by its header, whatever its name) or a file of ``torch.save`` (.pth, .pt, .t7, ...).
        trust: where a file cannot be loaded safely, load it anyway. Runs code that it may hold; only on the user's
            explicit word.
        map_location: where tensors go.

    Returns:
        For safetensors ``{'state_dict': ..., 'meta': ...}``; otherwise the dict as it was saved.

    Raises:
        CheckpointError: missing, damaged, of no known container, or holding more than weights.
    """
    path = Path(path)
    _require_file(path)
    if _is_safetensors(path):
        return {'state_dict': _read_tensors(path, map_location), 'meta': read_metadata(path)}
    _refuse_known_strangers(path)
    try:
        checkpoint = load_restricted(path, map_location)
    except UnsafeCheckpointError:
        if not trust:
            raise
        checkpoint = load_trusted(path, map_location)
    if not isinstance(checkpoint, dict):
        raise CheckpointError(f'{path} holds a {type(checkpoint).__name__}, not a dict of weights')
    return checkpoint


def read_metadata(path: str | Path) -> dict[str, Any]:
    """What :func:`save_weights` noted in a safetensors file, read without its tensors; {} where there is nothing.

    Raises:
        CheckpointError: the file is missing, damaged or not safetensors.
    """
    path = Path(path)
    _require_file(path)
    try:
        with safe_open(path, framework='pt') as file:
            text = (file.metadata() or {}).get(METADATA_KEY, '{}')
        return json.loads(text)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f'{path} is damaged, incomplete or not safetensors: {error}') from error


def save_atomic(obj: Mapping[str, Any], path: str | Path) -> None:
    """Save a training checkpoint with ``torch.save``; the file's name never holds half of one.

    Raises:
        CheckpointError: it cannot be written (full disk, no permission). An earlier file of that name is intact.
    """
    path = Path(path)
    remove_leftovers(path.parent)
    try:
        with replacing(path) as temporary, open(temporary, 'xb') as file:
            sink = _Sink(file)
            torch.save(obj, cast('IO[bytes]', sink))
            sink.finish()
    except OSError as error:
        raise _cannot_write(path, error, _tensor_bytes(obj)) from error


def save_weights(state_dict: Mapping[str, Tensor], path: str | Path, metadata: Mapping[str, Any]) -> None:
    """Save weights as safetensors with ``metadata`` (anything that JSON can hold) in its header, atomically.

    Raises:
        CheckpointError: it cannot be written. An earlier file of that name is intact.
    """
    path = Path(path)
    tensors = {key: tensor.detach().to('cpu', copy=True).contiguous() for key, tensor in state_dict.items()}
    header = {'format': 'pt', METADATA_KEY: json.dumps(metadata)}
    remove_leftovers(path.parent)
    try:
        with replacing(path) as temporary:
            save_file(tensors, temporary, metadata=header)
    except (OSError, SafetensorError) as error:
        raise _cannot_write(path, error, _tensor_bytes(tensors)) from error


class _Sink:
    """Takes what ``torch.save`` writes, and keeps the first failure for later.

    PyTorch's zip writer answers a full disk with an internal error ("unexpected pos"), which hides the reason.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._failure: OSError | None = None

    def write(self, data: bytes) -> int:
        if self._failure is None:
            try:
                self._file.write(data)
            except OSError as error:
                self._failure = error
        return len(data)

    def flush(self) -> None:
        """Nothing: :meth:`finish` flushes."""

    def finish(self) -> None:
        """Flush, and raise the failure if there was one."""
        if self._failure is not None:
            raise self._failure
        self._file.flush()


def _cannot_write(path: Path, error: Exception, needed: int) -> CheckpointError:
    reason = getattr(error, 'strerror', None) or str(error)
    message = f'cannot write {path}: {reason}. It needs about {needed / 1e6:,.1f} MB'
    if path.parent.is_dir():
        message += f' and {shutil.disk_usage(path.parent).free / 1e6:,.1f} MB are free in {path.parent.resolve()}'
    return CheckpointError(f'{message}. Free space or choose another folder; an earlier file of that name is intact.')


def _tensor_bytes(value: Any) -> int:
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Mapping):
        return sum(_tensor_bytes(item) for item in value.values())
    if isinstance(value, list | tuple):
        return sum(_tensor_bytes(item) for item in value)
    return 0


def _require_file(path: Path) -> None:
    if path.is_file():
        return
    if str(path).startswith(('http:', 'https:')):
        raise CheckpointError(f'not a file: {path}. Download it, check its sha256 and give the path of the copy')
    if path.is_dir():
        files = ', '.join(sorted(p.name for p in path.iterdir() if p.is_file())[:10]) or 'no files'
        raise CheckpointError(f'{path} is a folder, not a checkpoint; it holds {files}')
    if not path.parent.is_dir():
        raise CheckpointError(f'there is no checkpoint {path}: its folder does not exist')
    names = [p.name for p in path.parent.iterdir() if p.is_file()]
    close = difflib.get_close_matches(path.name, names, n=3, cutoff=0.4)
    hint = f'similar names there: {", ".join(close)}' if close else 'nothing there has a similar name'
    raise CheckpointError(f'there is no checkpoint {path}; {hint}')


def _is_safetensors(path: Path) -> bool:
    """A safetensors file starts with the length of its header (8 bytes, little endian) and the header's brace."""
    with open(path, 'rb') as file:
        start = file.read(9)
    return len(start) == 9 and start[8:] == b'{' and int.from_bytes(start[:8], 'little') <= LONGEST_HEADER


def _read_tensors(path: Path, map_location: str | torch.device) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework='pt', device=str(map_location)) as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except SafetensorError as error:
        size = path.stat().st_size
        raise CheckpointError(f'{path} ({size:,} bytes) is damaged or incomplete: {error}. Copy it again.') from error


def _refuse_known_strangers(path: Path) -> None:
    with open(path, 'rb') as file:
        start = file.read(64).lstrip().lower()
    if not start:
        raise CheckpointError(f'{path} is empty: the program that wrote it was stopped, or the disk was full')
    if start.startswith((b'<!doctype', b'<html', b'<?xml')):
        raise CheckpointError(f'{path} is a web page, not a checkpoint: the download needs a login or another address')
    if start.startswith(b'version https://git-lfs'):
        raise CheckpointError(f'{path} is a Git LFS pointer; run "git lfs pull" where it came from')
