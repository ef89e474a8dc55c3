"""What is said to run is what runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmdet.ops import _native, backends
from mmdet.ops._native import Library

PROGRAM = "from mmdet.ops.backends import backends; print(backends()['correlation (CPU)'])"


@pytest.mark.parametrize('loaded', [True, False])
def test_a_library_that_is_there_or_not(monkeypatch: pytest.MonkeyPatch, loaded: bool) -> None:
    monkeypatch.setattr(_native, 'cpu_library', lambda: Library(loaded, 'a note'))
    sentence = backends.backends()['correlation (CPU)']
    assert sentence == ('C++ (a note)' if loaded else 'plain PyTorch (a note)')


def test_native_operators_switched_off(repo_root: Path) -> None:
    environment = {**os.environ, 'MMDET_NATIVE_OPS': '0'}
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM], cwd=repo_root, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith('plain PyTorch (') and 'MMDET_NATIVE_OPS' in done.stdout
