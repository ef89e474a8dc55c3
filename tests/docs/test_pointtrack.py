"""The configs of docs/pointtrack.md for own videos can be read, and their models built."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from mmdet.engine.config import load_config
from mmdet.engine.config_types import check_types
from mmdet.registry import MODELS, register_all


@pytest.mark.parametrize('name', ['my_segmenter', 'my_association'])
def test_own_videos(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(sys, 'path', list(sys.path))  # reading a config puts its folder there
    blocks = re.findall(r'```python\n(.*?)```', (repo_root / 'docs/pointtrack.md').read_text(), re.S)
    (block,) = [block for block in blocks if f'configs/{name}.py' in block]
    folder = Path(shutil.copytree(repo_root / 'configs', tmp_path / 'configs'))
    (folder / f'{name}.py').write_text(block)
    config = load_config(folder / f'{name}.py')
    register_all()
    check_types(config.to_dict(), name)
    MODELS.build(config.model)
    for part in ('train', 'test'):
        assert config[f'{part}_dataloader'].dataset.data_root == 'data/mine/'
