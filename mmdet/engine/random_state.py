"""The state of every random number generator that training draws from: set it, keep it, put it back."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def seed_everything(seed: int, deterministic: bool = False) -> None:
    """Seed python, numpy and torch (all devices) from one number.

    Args:
        seed: at least 0.
        deterministic: let torch use only operations that give the same bits every time; one that cannot raises an error
            that names it.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    if deterministic:
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')  # what cuBLAS demands for it
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True)


def random_state() -> dict[str, Any]:
    """State of the generators of python, numpy and torch (CPU and the current CUDA device), as plain lists."""
    version, numbers, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()
    state = {
        'python': [version, list(numbers), gauss],
        'numpy': [name, np.asarray(keys).tolist(), int(position), int(has_gauss), float(cached)],
        'torch': torch.get_rng_state().tolist(),
    }
    if torch.cuda.is_available():
        state['cuda'] = torch.cuda.get_rng_state().tolist()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Put back what :func:`random_state` gave. A CUDA state is ignored where there is no CUDA device."""
    version, numbers, gauss = state['python']
    random.setstate((version, tuple(numbers), gauss))
    name, keys, position, has_gauss, cached = state['numpy']
    np.random.set_state((name, np.array(keys, dtype=np.uint32), position, has_gauss, cached))
    torch.set_rng_state(torch.tensor(state['torch'], dtype=torch.uint8))
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(torch.tensor(state['cuda'], dtype=torch.uint8))


@contextmanager
def isolated_random_state() -> Iterator[None]:
    """Whatever is drawn inside leaves no trace: validation must not change how training goes on."""
    state = random_state()
    try:
        yield
    finally:
        set_random_state(state)
