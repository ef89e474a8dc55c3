"""A few videos with one square object each, and the data set and crops made of them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdet.datasets import YouTubeVISDataset
from mmdet.ops.rle import encode


def _track(identity: int, video: int, boxes: list[list[int] | None], size: tuple[int, int], **fields: object) -> dict:
    masks = []
    for box in boxes:
        mask = np.zeros(size, np.uint8)
        if box:
            x, y, w, h = box
            mask[y : y + h, x : x + w] = 1
        masks.append(encode(mask) if box else None)
    return dict(id=identity, video_id=video, category_id=1, segmentations=masks, bboxes=boxes,
                areas=[box and box[2] * box[3] for box in boxes], **fields)  # fmt: skip


@pytest.fixture(scope='session')
def square_videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with ``instances.json`` and frames: video 5 of six frames and two objects, video 9 of one frame."""
    root, (height, width) = tmp_path_factory.mktemp('squares'), (90, 120)
    moving = [[10 + 8 * t, 20, 24, 30] for t in range(6)]
    hidden: list[list[int] | None] = [None, None, [70, 50, 20, 16], None, [72, 52, 20, 16], None]
    videos = [
        dict(id=5, file_names=[f'five/{t:03d}.jpg' for t in range(6)], height=height, width=width),
        dict(id=9, file_names=['nine.jpg'], height=height, width=width),
    ]
    tracks = [
        _track(1, 5, list(moving), (height, width)),
        _track(2, 5, hidden, (height, width)),
        _track(3, 9, [[30, 30, 40, 20]], (height, width)),
        _track(4, 9, [[0, 0, 100, 80]], (height, width), iscrowd=1),
    ]
    for video in videos:
        for t, name in enumerate(video['file_names']):
            image = np.full((height, width, 3), (40, 80, 120), np.uint8)
            for track in tracks[:3]:
                if track['video_id'] == video['id'] and track['bboxes'][t]:
                    x, y, w, h = track['bboxes'][t]
                    image[y : y + h, x : x + w] = (250, 10 * track['id'], 30)
            path = root / name
            path.parent.mkdir(exist_ok=True)
            cv2.imwrite(str(path), image)
    document = dict(videos=videos, categories=[dict(id=1, name='square')], annotations=tracks)
    (root / 'instances.json').write_text(json.dumps(document))
    return root


@pytest.fixture(scope='session')
def squares(square_videos: Path) -> YouTubeVISDataset:
    """The videos as a training set."""
    return YouTubeVISDataset('instances.json', data_root=str(square_videos))


@pytest.fixture
def square_config(square_videos: Path) -> dict:
    """Config of the same."""
    return dict(type='YouTubeVISDataset', ann_file='instances.json', data_root=str(square_videos))
