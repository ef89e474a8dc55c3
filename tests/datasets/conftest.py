"""Small video sets on disk: frames of one grey level each, rectangles as objects."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mmdet.datasets import YouTubeVISDataset
from mmdet.ops.rle import encode

SIZE = (48, 64)  # height, width
LOAD = (dict(type='LoadFrames'), dict(type='LoadAnnotations'), dict(type='PackClip'))


def rectangle(box, size=SIZE):
    """Mask of an x, y, width, height box."""
    x, y, w, h = (int(v) for v in box)
    mask = np.zeros(size, np.uint8)
    mask[y : y + h, x : x + w] = 1
    return mask


def track(identity, video_id, boxes, category_id=1, iscrowd=0, size=SIZE, **more):
    """Annotation of rectangles; None where the object is absent."""
    return {
        'id': identity,
        'video_id': video_id,
        'category_id': category_id,
        'iscrowd': iscrowd,
        'segmentations': [None if b is None else encode(rectangle(b, size)) for b in boxes],
        'bboxes': [None if b is None else list(b) for b in boxes],
        'areas': [None if b is None else b[2] * b[3] for b in boxes],
        **more,
    }


def video(identity, length, size=SIZE, **more):
    """Video whose frame t is the file ``v<id>/<t>.png``."""
    names = [f'v{identity}/{t:05d}.png' for t in range(length)]
    return {'id': identity, 'height': size[0], 'width': size[1], 'length': length, 'file_names': names, **more}


def document(videos, annotations, categories=((1, 'cat'), (2, 'dog'))):
    """Annotation file in the YouTube-VIS form."""
    return {
        'videos': videos,
        'annotations': annotations,
        'categories': [{'id': number, 'name': name} for number, name in categories],
    }


def write_set(root: Path, content: dict) -> SimpleNamespace:
    """Write annotation file and frames; frame t of every video has grey level 10 * t."""
    root.mkdir(parents=True, exist_ok=True)
    (root / 'train.json').write_text(json.dumps(content))
    for entry in content['videos']:
        for t, name in enumerate(entry['file_names']):
            path = root / 'JPEGImages' / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix:
                cv2.imwrite(str(path), np.full((entry['height'], entry['width'], 3), 10 * t % 256, np.uint8))
    return SimpleNamespace(root=root, ann_file=root / 'train.json', images=root / 'JPEGImages', content=content)


@pytest.fixture
def vis():
    """Builders of annotation content: ``track``, ``video``, ``document``, ``rectangle``."""
    return SimpleNamespace(track=track, video=video, document=document, rectangle=rectangle, SIZE=SIZE, LOAD=list(LOAD))


@pytest.fixture
def make_set(tmp_path):
    """Write a set and return its paths: ``make_set(content)``."""

    def make(content: dict, name: str = 'set') -> SimpleNamespace:
        return write_set(tmp_path / name, content)

    return make


@pytest.fixture
def open_set(make_set):
    """Write a set and open it: ``open_set(content, **dataset_arguments)``."""

    def opened(content: dict, cls=YouTubeVISDataset, pipeline=LOAD, **arguments):
        paths = make_set(content)
        return cls('train.json', data_root=str(paths.root), img_prefix='JPEGImages', pipeline=pipeline, **arguments)

    return opened
