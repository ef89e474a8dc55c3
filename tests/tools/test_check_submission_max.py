"""``check_submission --max`` limits what is printed, as ``check_data --max`` does; 0 prints all."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest


@pytest.mark.parametrize(('given', 'printed'), [([], 50), (['--max', '2'], 2), (['--max', '0'], 60)])
def test_max(repo_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture, given: list[str], printed: int) -> None:
    spec = importlib.util.spec_from_file_location('check_submission', repo_root / 'tools/check_submission.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    frames = ['v/0.jpg']
    video = {'id': 1, 'width': 4, 'height': 3, 'length': 1, 'file_names': frames}
    truth = {'videos': [video], 'categories': [{'id': 1, 'name': 'cat'}]}
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    mask = {'size': [3, 4], 'counts': [0, 12]}
    entry = {'video_id': 1, 'category_id': 9, 'segmentations': [mask]}
    (tmp_path / 'results.json').write_text(json.dumps([{**entry, 'score': i / 60} for i in range(60)]))
    paths = [str(tmp_path / 'results.json'), '--annotations', str(tmp_path / 'truth.json')]
    assert tool.main([*paths, *given]) == 1
    assert capsys.readouterr().out.count('category_id 9 is not') == printed
