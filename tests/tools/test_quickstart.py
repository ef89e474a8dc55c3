"""The quickstart, at a size that takes seconds: every stage runs and leaves what it promises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_quickstart(repo_root: Path, tmp_path: Path) -> None:
    work = tmp_path / 'quickstart'
    command = [sys.executable, 'tools/quickstart.py', '--work-dir', str(work), '--train-videos', '2']
    command += ['--valid-videos', '1', '--train', 'train_cfg.max_iters=2', 'train_dataloader.batch_size=1']
    done = subprocess.run(command, cwd=repo_root, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    summary = json.loads((work / 'summary.json').read_text())
    assert set(summary) == {'AP', 'AP50', 'seed', 'seconds'}
    assert set(summary['seconds']) == {'data', 'train', 'test', 'check', 'evaluate'}
    for name in ('results.zip', 'metrics.json', 'train/last.safetensors', 'train/scalars.jsonl'):
        assert (work / name).is_file(), name
    assert list((work / 'show').rglob('*.mp4')) and list((work / 'show').rglob('*.jpg'))
