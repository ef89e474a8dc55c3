"""Where tests find reference numbers and real frames, and what happens where they are absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _external(variable: str, default: str) -> Path:
    folder = Path(os.environ.get(variable, ROOT.parent / 'shared' / default))
    if not folder.is_dir():
        reason = f'{folder} is not there; set {variable} to the folder that holds it'
        if os.environ.get('CI') == 'true':
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope='session')
def parity_dir() -> Path:
    """Folder with the original programs' inputs and outputs (environment variable PARITY_DIR)."""
    return _external('PARITY_DIR', 'parity')


@pytest.fixture(scope='session')
def data_dir() -> Path:
    """Folder with real frames, annotations and results (environment variable DATA_DIR)."""
    return _external('DATA_DIR', 'data')


@pytest.fixture(scope='session')
def repo_root() -> Path:
    """Root of the repository."""
    return ROOT
