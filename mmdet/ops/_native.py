"""Loads the compiled kernels where they were built, and says why not where they were not."""

from __future__ import annotations

import ctypes
import functools
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch

_FOLDER = Path(__file__).resolve().parent
_INTERFACE = 1  # kInterface in csrc/bindings.h
_DISABLED = 'switched off by MMDET_NATIVE_OPS=0'


@dataclass(frozen=True)
class Library:
    """Whether one library of kernels runs here; ``note`` says how (instruction set) or why not."""

    loaded: bool
    note: str


def _load(path: Path) -> ctypes.CDLL:
    """Loads a library and registers its operators.

    Raises:
        OSError: it does not fit this system or this PyTorch.
        RuntimeError: it was built from sources with other operators.
    """
    library = ctypes.CDLL(str(path))
    if library.mmdet_native_interface() != _INTERFACE:
        raise RuntimeError('it was built from other sources')
    torch.ops.load_library(str(path))
    return library


def _try(name: str) -> tuple[ctypes.CDLL | None, str]:
    path = _FOLDER / name
    if os.environ.get('MMDET_NATIVE_OPS', '1') == '0':
        return None, _DISABLED
    if not path.is_file():
        return None, 'not built; run compile.sh'
    try:
        return _load(path), ''
    except (OSError, RuntimeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        note = f'does not load, run compile.sh again: {reason}'
        warnings.warn(f'{path} {note} (until then plain PyTorch runs instead)', stacklevel=3)
        return None, note


@functools.cache
def cpu_library() -> Library:
    """The C++ kernels; loaded at the first call."""
    library, reason = _try('_correlation_cpu.so')
    if library is None:
        return Library(False, reason)
    library.mmdet_cpu_instruction_set.restype = ctypes.c_char_p
    return Library(True, library.mmdet_cpu_instruction_set().decode())


@functools.cache
def cuda_library() -> Library:
    """The CUDA kernels; loaded at the first call, and only where PyTorch sees a GPU."""
    if not torch.cuda.is_available():
        return Library(False, 'no CUDA device')
    if not cpu_library().loaded:
        return Library(False, cpu_library().note)  # it defines the operators that the CUDA library implements
    library, reason = _try('_correlation_cuda.so')
    return Library(library is not None, reason)
