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
    reid = reduced_config('reid_deepsort_shapes', tmp_path)
    reid.model.embedder.update(size=(8, 16))
    reid.model.embedder.backbone.update(base_channels=2)
    (tmp_path / 'reid.py').write_text(reid.pretty_text)
    torch.save({'state_dict': MODELS.build(reid.model).state_dict()}, tmp_path / 'reid.pth')
    out = tmp_path / 'matrix.md'
    arguments = [str(tmp_path / 'config.py'), str(tmp_path / 'w.pth'), '--out', str(out)]
    arguments += ['--reid-config', str(tmp_path / 'reid.py'), '--reid-checkpoint', str(tmp_path / 'reid.pth')]
    monkeypatch.setattr('sys.argv', ['x', *arguments])
    module.main()
    lines = [[cell.strip() for cell in line.split('|')[1:-1]] for line in out.read_text().splitlines()]
    assert lines[0][3:] == ['AP', 'AP50', 'HOTA', 'remark']
    rows = {tuple(row[:3]): (row[3:6], row[6]) for row in lines[2:]}
    by_looks = {'MaskTrack', 'DeepSORT'}
    plain = set(module.TRACKERS) - by_looks
    assert len(plain) == 5 and len(rows) == 3 * 3 * 7
    stored, described = 'PrecomputedDetector', 'PrecomputedDetector, embeddings stored'
    ran = {key for key, (numbers, remark) in rows.items() if all(numbers) and not remark}
    assert ran == {
        *((detector, 'none', tracker) for detector in ('MaskRCNN', stored, described) for tracker in plain),
        *(('MaskRCNN', 'MaskTrackHead', tracker) for tracker in module.TRACKERS),
        *((described, 'none', tracker) for tracker in by_looks),
        *((d, 'ReIDTrackHead', tracker) for d in ('MaskRCNN', stored, described) for tracker in module.TRACKERS),
    }
    for key in rows.keys() - ran:
        assert not any(rows[key][0]) and rows[key][1].startswith('impossible: '), key
    assert 'MaskTrackTracker needs one embedding per detection' in rows['MaskRCNN', 'none', 'MaskTrack'][1]
    assert 'MaskTrackHead needs features of a pyramid' in rows[stored, 'MaskTrackHead', 'MaskTrack'][1]
    for tracker in module.TRACKERS:  # stored detections give what the running network gives
        assert rows[stored, 'ReIDTrackHead', tracker] == rows['MaskRCNN', 'ReIDTrackHead', tracker]
