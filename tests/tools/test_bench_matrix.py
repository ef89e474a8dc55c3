"""benchmarks/bench_matrix.py: one row per combination, with numbers or with the reason why there are none."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mmdet.registry import MODELS, register_all


def test_matrix(
    repo_root: Path, reduced_config: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location('bench_matrix', repo_root / 'benchmarks/bench_matrix.py')
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, 'bench_matrix', module)  # its dataclass looks there
    spec.loader.exec_module(module)
    config = reduced_config('masktrack_rcnn_r18_fpn_shapes', tmp_path)
    config.model.detector.roi_head.bbox_head.max_per_image = 4
    (tmp_path / 'config.py').write_text(config.pretty_text)
    register_all()
    torch.save({'state_dict': MODELS.build(config.model).state_dict()}, tmp_path / 'w.pth')
    monkeypatch.setattr(module, 'TRACKERS', {name: module.TRACKERS[name] for name in ('MaskTrack', 'IoU of masks')})
    out = tmp_path / 'matrix.md'
    monkeypatch.setattr('sys.argv', ['x', str(tmp_path / 'config.py'), str(tmp_path / 'w.pth'), '--out', str(out)])
    module.main()
    cells = [[cell.strip() for cell in line.split('|')[1:-1]] for line in out.read_text().splitlines()[2:]]
    rows = {tuple(row[:3]): (row[3] != '', row[5]) for row in cells if row[1] != 'ReIDTrackHead'}
    assert len(rows) == 3 * 2 * 2
    stored, described = 'PrecomputedDetector', 'PrecomputedDetector, embeddings stored'
    ran = {key for key, (numbers, remark) in rows.items() if numbers and not remark}
    assert ran == {
        ('MaskRCNN', 'none', 'IoU of masks'),
        ('MaskRCNN', 'MaskTrackHead', 'MaskTrack'),
        ('MaskRCNN', 'MaskTrackHead', 'IoU of masks'),
        (stored, 'none', 'IoU of masks'),
        (described, 'none', 'MaskTrack'),
        (described, 'none', 'IoU of masks'),
    }
    assert 'MaskTrackTracker needs one embedding per detection' in rows['MaskRCNN', 'none', 'MaskTrack'][1]
    assert 'MaskTrackHead needs features of a pyramid' in rows[stored, 'MaskTrackHead', 'MaskTrack'][1]
