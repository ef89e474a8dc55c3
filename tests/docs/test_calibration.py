"""The calibration head of docs/calibration.md works as it is printed."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
import torch

from mmdet.engine.config import load_config
from mmdet.registry import MODELS, register_all


def test_the_printed_head(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r'```python\n(.*?)```', (repo_root / 'docs/calibration.md').read_text(), re.S)
    head, config = (block for block in blocks if 'mean_calibration' in block or 'MeanCalibrationHead(' in block)
    folder = Path(shutil.copytree(repo_root / 'configs', tmp_path / 'configs'))
    (folder / 'mean_calibration.py').write_text(head)
    (folder / 'mine.py').write_text(config)
    monkeypatch.setattr(sys, 'path', list(sys.path))  # reading a config puts its folder there
    register_all()
    try:
        model = MODELS.build(load_config(folder / 'mine.py').model)
        pyramid, other = (tuple(torch.rand(2, 64, 2**k, 2**k) for k in (4, 3, 2, 1, 0)) for _ in range(2))
        fused = model.calibration_head.fuse(pyramid, other)
        assert all(a.equal(b) for a, b in zip(fused, pyramid))  # it starts as nothing
        torch.nn.init.eye_(model.calibration_head.conv.weight.data[:, :, 0, 0])
        fused = model.calibration_head.fuse(pyramid, other)
        torch.testing.assert_close(fused[0] - pyramid[0], other[0].mean((2, 3), keepdim=True).expand_as(pyramid[0]))
    finally:
        sys.modules.pop('mean_calibration', None)
        MODELS._module_dict.pop('MeanCalibrationHead', None)


def test_a_head_without_fuse_is_told() -> None:
    register_all()
    from mmdet.models.calibration_heads import CalibrationHead

    class Misspelt(CalibrationHead):
        def fuze(self, features: tuple, reference_features: tuple) -> tuple:
            return features

    with pytest.raises(NotImplementedError, match='Misspelt needs a method fuse'):
        Misspelt().variants((torch.zeros(1),), [(torch.zeros(1),)])
