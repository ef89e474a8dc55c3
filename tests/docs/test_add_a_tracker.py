"""The trackers of docs/add_a_tracker.md run as they are printed."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.engine.config import load_config
from mmdet.errors import DataError, IncompatibleSlotsError
from mmdet.models.video.slots import check_slots
from mmdet.ops.rle import encode
from mmdet.registry import TRACKERS
from mmdet.structures import FrameSample, InstanceData

NAMES = ('centre', 'look')  # in the order of the page: a tracker, its config, the next tracker, its config


@pytest.fixture
def blocks(repo_root: Path) -> list[str]:
    return re.findall(r'```python\n(.*?)```', (repo_root / 'docs/add_a_tracker.md').read_text(), re.S)


@pytest.fixture
def configs(blocks: list[str], repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The printed configs beside the printed trackers, as the page says: all in the folder of our configs."""
    folder = tmp_path / 'configs'
    shutil.copytree(repo_root / 'configs', folder)
    for name, tracker, config in zip(NAMES, blocks[::2], blocks[1::2], strict=True):
        (folder / f'{name}_tracker.py').write_text(tracker)
        (folder / f'{name}.py').write_text(config)
    monkeypatch.setattr(sys, 'path', list(sys.path))  # reading a config puts its folder there
    yield folder
    for name in NAMES:
        sys.modules.pop(f'{name}_tracker', None)
        TRACKERS._module_dict.pop(f'{name.capitalize()}Tracker', None)


def test_is_about_forty_lines(blocks: list[str]) -> None:
    assert len(blocks[0].splitlines()) <= 45


def test_tracks_two_objects_that_swap_rows(configs: Path) -> None:
    tracker = TRACKERS.build(load_config(configs / 'centre.py').model.tracker)
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


A, B, BETWEEN = (1.0, 0.0), (0.0, 1.0), (0.7, 0.7)
Row = tuple[tuple[float, ...], int, int]


def look(*rows: Row) -> InstanceData:
    """Detections of a frame: embedding, class, and the column at which a mask of 10 columns begins."""
    columns = np.arange(200)
    found = InstanceData()
    found.bboxes = torch.tensor([[x, 0.0, x + 10, 8] for _, _, x in rows]).reshape(-1, 4)
    found.scores, found.labels = torch.ones(len(rows)), torch.tensor([label for _, label, _ in rows]).long()
    found.embeddings = torch.tensor([vector for vector, _, _ in rows])
    found.masks = [encode(np.tile((columns >= x) & (columns < x + 10), (8, 1))) for _, _, x in rows]
    return found


LOOKS: dict[str, tuple[dict[str, Any], list[list[Row]], list[list[int]]]] = {
    'looks, rows swapped': ({}, [[(A, 0, 0), (B, 0, 50)], [(B, 0, 50), (A, 0, 0)]], [[1, 2], [2, 1]]),
    'masks decide between equal looks': (
        {},
        [[(A, 0, 0), (B, 0, 50)], [(BETWEEN, 0, 51), (BETWEEN, 0, 1)]],
        [[1, 2], [2, 1]],
    ),
    'too expensive': ({}, [[(A, 0, 0)], [(B, 0, 0)]], [[1], [2]]),
    'another class': ({}, [[(A, 0, 0)], [(A, 1, 0)], [(A, 0, 0)]], [[1], [2], [1]]),
    'found again': (dict(memory_frames=4), [[], [(A, 0, 0)], [], [], [], [(A, 0, 50)]], [[], [1], [], [], [], [2]]),
    'found in time': (dict(memory_frames=5), [[], [(A, 0, 0)], [], [], [], [(A, 0, 50)]], [[], [1], [], [], [], [1]]),
    'no masks': (dict(overlap_weight=0.0), [[(A, 0, 0)], [(A, 0, 90)]], [[1], [1]]),
}


@pytest.mark.parametrize(('arguments', 'frames', 'expected'), LOOKS.values(), ids=LOOKS)
def test_compares_looks_and_masks(
    configs: Path, arguments: dict[str, Any], frames: list[list[Row]], expected: list[list[int]]
) -> None:
    tracker = TRACKERS.build({**load_config(configs / 'look.py').model.tracker, **arguments})
    for _ in range(2):
        for frame, rows in enumerate(frames):
            found = look(*rows)
            if not arguments.get('overlap_weight', 1.0):
                found.masks = [None] * len(rows)
            tracks = tracker.update(found, FrameSample(metainfo=dict(frame_id=frame, video_id=1)))
            assert tracks.instance_ids.tolist() == expected[frame]
        tracker.reset()


def test_refuses_vectors_of_another_length(configs: Path) -> None:
    tracker = TRACKERS.build(load_config(configs / 'look.py').model.tracker)
    tracker.update(look((A, 0, 0)), FrameSample(metainfo=dict(frame_id=0, video_id=1)))
    with pytest.raises(DataError, match='length 3, but 2'):
        tracker.update(look(((1.0, 0.0, 0.0), 0, 0)), FrameSample(metainfo=dict(frame_id=1, video_id=1)))


def test_needs_the_track_head_that_its_config_keeps(configs: Path) -> None:
    model = load_config(configs / 'look.py').model
    tracker, detector = TRACKERS.build(model.tracker), SimpleNamespace(provides={'pyramid', 'masks'})
    check_slots(detector, None, SimpleNamespace(requires=frozenset({'pyramid'})), tracker)
    assert model.track_head.type == 'MaskTrackHead'
    with pytest.raises(IncompatibleSlotsError, match='LookTracker needs one embedding'):
        check_slots(detector, None, None, tracker)
    with pytest.raises(IncompatibleSlotsError, match='LookTracker needs instance masks'):
        check_slots(SimpleNamespace(provides={'pyramid', 'embeddings'}), None, None, tracker)


def test_files_of_the_repository_exist(repo_root: Path) -> None:
    text = (repo_root / 'docs/add_a_tracker.md').read_text()
    for name in re.findall(r'`((?:mmdet|tests|docs|configs|tools|benchmarks)/[\w/]+\.\w+)`', text):
        assert (repo_root / name).is_file() or name.startswith(('configs/centre', 'configs/look')), name
    for name in ('DEFAULT_SPACES', 'ARGUMENTS', 'CONFIGS'):
        (place,) = {line.split('`')[1] for line in text.splitlines() if f'`{name}`' in line}
        assert re.search(rf'^{name}\b', (repo_root / place).read_text(), re.M), f'{place} has no {name}'
