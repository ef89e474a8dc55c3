"""Clips in memory, so that transforms are tested without files."""

from __future__ import annotations

import numpy as np
import pytest

from mmdet.datasets.annotations import AnnotationTable, VideoInfo
from mmdet.datasets.clip import ClipFrame, FrameObjects, PipelineClip


def make_objects(bboxes, size, crowd=None):
    """Objects with rectangular masks; boxes are x1 y1 x2 y2."""
    boxes = np.array(bboxes, dtype=np.float32).reshape(-1, 4)
    count = len(boxes)
    masks = np.zeros((count, *size), np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int)):
        mask[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)] = 1
    flags = np.zeros(count, bool) if crowd is None else np.array(crowd, dtype=bool)
    return FrameObjects(boxes, np.arange(count), np.arange(count) + 100, flags, masks)


@pytest.fixture
def make_clip():
    """``make_clip(size, boxes of every frame)``: random images, rectangles as objects; None: no annotations."""

    def make(size, bboxes=((),), crowd=None):
        rng = np.random.default_rng(0)
        names = tuple(f'{t}.png' for t in range(len(bboxes)))
        video = VideoInfo(17, names, *size, AnnotationTable([], {}, {}), range(0))
        frames = [
            ClipFrame(
                video,
                t,
                names[t],
                rng.integers(0, 256, (*size, 3), dtype=np.uint8),
                None if boxes is None else make_objects(boxes, size, crowd),
            )
            for t, boxes in enumerate(bboxes)
        ]
        return PipelineClip(frames, 'f.json', sample_seed=99)

    return make


@pytest.fixture
def rng():
    """A fresh generator."""
    return np.random.default_rng(0)
