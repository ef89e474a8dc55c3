"""Detections drawn by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from mmdet.structures import FrameSample, InstanceData, empty_instances
from mmdet.trackers import Tracker

SIZE = (240, 320)


@pytest.fixture
def detections() -> Callable[..., InstanceData]:
    """``detections(boxes, scores, labels, vectors)``: x1 y1 x2 y2 boxes; mask i has the text i."""

    def make(
        boxes: Sequence[Sequence[float]],
        scores: Sequence[float] | None = None,
        labels: Sequence[int] | None = None,
        vectors: Sequence[Sequence[float]] | None = None,
    ) -> InstanceData:
        count = len(boxes)
        if not count:
            return empty_instances()
        found = InstanceData()
        found.bboxes = torch.tensor(boxes, dtype=torch.float32)
        found.scores = torch.tensor(scores or [0.9] * count)
        found.labels = torch.tensor(labels or [0] * count)
        found.embeddings = torch.tensor(vectors or [[1.0, 0.0]] * count)
        found.masks = [{'size': list(SIZE), 'counts': str(i)} for i in range(count)]  # type: ignore[misc]
        return found

    return make


@pytest.fixture
def feed() -> Callable[..., InstanceData]:
    """``feed(tracker, frame_id, found)``: one update."""

    def update(tracker: Tracker, frame_id: int, found: InstanceData) -> InstanceData:
        return tracker.update(found, FrameSample(metainfo=dict(frame_id=frame_id, video_id=7, ori_shape=SIZE)))

    return update
