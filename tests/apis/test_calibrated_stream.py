"""A model that waits for later frames, behind the stream that a program sees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mmdet.apis import VideoInferencer
from mmdet.registry import MODELS, register_all


@pytest.mark.parametrize(('length', 'chunk'), [(1, 4), (3, 1), (8, 3)])
def test_every_frame_comes_back_in_order(
    reduced_config: Callable, frames: Callable, tmp_path: Path, length: int, chunk: int
) -> None:
    register_all()
    config = reduced_config('cmasktrack_rcnn_r18_fpn_shapes_occluded', tmp_path)
    config.model.detector.roi_head.bbox_head.score_threshold = 0.1  # random weights find something
    torch.manual_seed(0)
    model = MODELS.build(config.model).eval()
    model.cfg = config
    results = list(VideoInferencer(model, chunk=chunk)(frames(length)))
    assert [sample.source_frame for _, sample in results] == list(range(length))
    assert all((frame == expected).all() for (frame, _), expected in zip(results, frames(length)))
    assert all(len(sample.pred_tracks.instance_ids) for _, sample in results)
