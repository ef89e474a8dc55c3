"""The tracker of docs/add_a_tracker.md runs as it is printed."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mmdet.engine.config import load_config
from mmdet.registry import TRACKERS
from mmdet.structures import FrameSample, InstanceData


@pytest.fixture
def blocks(repo_root: Path) -> list[str]:
    return re.findall(r'```python\n(.*?)```', (repo_root / 'docs/add_a_tracker.md').read_text(), re.S)


@pytest.fixture
def config(blocks: list[str], repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The printed config beside the printed tracker, as the page says: both in the folder of our configs."""
    folder = tmp_path / 'configs'
    shutil.copytree(repo_root / 'configs', folder)
    (folder / 'centre_tracker.py').write_text(blocks[0])
    (folder / 'centre.py').write_text(blocks[1])
    monkeypatch.setattr(sys, 'path', list(sys.path))  # reading the config puts its folder there
    yield folder / 'centre.py'
    sys.modules.pop('centre_tracker', None)
    TRACKERS._module_dict.pop('CentreTracker', None)


def test_is_about_forty_lines(blocks: list[str]) -> None:
    assert len(blocks[0].splitlines()) <= 45


def test_tracks_two_objects_that_swap_rows(config: Path) -> None:
    tracker = TRACKERS.build(load_config(config).model.tracker)
    assert tracker.max_distance == 80
    for frame, (corners, expected) in enumerate([([0, 200], [1, 2]), ([210, 10], [2, 1]), ([400], [3])]):
        found = InstanceData()
        found.bboxes = torch.tensor([[x, 0.0, x + 20, 20] for x in corners])
        found.scores, found.labels = torch.ones(len(corners)), torch.zeros(len(corners), dtype=torch.int64)
        found.masks = [{'size': [1, 1], 'counts': str(x)} for x in corners]
        tracks = tracker.update(found, FrameSample(metainfo=dict(frame_id=frame, video_id=1)))
        assert tracks.instance_ids.tolist() == expected
        assert [mask['counts'] for mask in tracks.masks] == [str(x) for x in corners]
    tracker.reset()
    assert tracker.update(found, FrameSample(metainfo=dict(frame_id=0, video_id=2))).instance_ids.tolist() == [1]
