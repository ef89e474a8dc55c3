from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmdet.apis.packing import FramePacker
from mmdet.apis.source import open_source
from mmdet.datasets import ChunkIndex, YouTubeVISDataset

Make = Callable[..., Any]


@pytest.mark.parametrize(
    'resize',
    [
        pytest.param([], id='as they are'),
        pytest.param([dict(type='Resize', scale=(96, 64))], id='enlarged'),
        pytest.param([dict(type='Resize', scale=(40, 24), single_factor=True)], id='reduced, one factor'),
    ],
)
def test_frames_of_a_stream_become_what_a_test_data_set_makes_of_them(
    tmp_path: Path, frames: Make, write_folder: Make, resize: list[dict]
) -> None:
    folder = write_folder(tmp_path / 'clip', frames(5))
    video = dict(id=1, width=64, height=48, length=5, file_names=[f'clip/{i}.png' for i in range(5)])
    document = dict(videos=[video], categories=[dict(id=1, name='square')], annotations=None)
    (tmp_path / 'ann.json').write_text(json.dumps(document))
    pipeline = [dict(type='LoadFrames'), *resize, dict(type='PackClip')]
    dataset = YouTubeVISDataset('ann.json', str(tmp_path), pipeline=pipeline, test_mode=True)

    expected = dataset[ChunkIndex(0, 2, 5)]
    source = open_source(folder)
    images = list(source)[2:5]
    clip = FramePacker.from_config(None, pipeline)(images, [source.frame_name(i) for i in (2, 3, 4)], [2, 3, 4], 2)

    assert clip['inputs'].dtype == expected['inputs'].dtype
    assert (clip['inputs'] == expected['inputs']).all()
    for ours, theirs in zip(clip['data_samples'], expected['data_samples'], strict=True):
        for key in ('frame_id', 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'img_path'):
            assert ours.get(key) == theirs.get(key), key
