"""A demo and a test of the same frames with the same weights find the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmdet.apis import VideoInferencer
from mmdet.engine.build import build_tester, build_trainer
from mmdet.engine.distributed import join_processes
from mmdet.evaluation.video_result import tracks_of


def test_same_folder_same_results(reduced_config: Callable, tiny_shapes: Path, tmp_path: Path) -> None:
    config = reduced_config('masktrack_rcnn_r18_fpn_shapes', tmp_path)
    config.model.detector.roi_head.bbox_head.score_threshold = 0.1  # hardly trained
    config.dump(tmp_path / 'config.py')
    process = join_processes('none')
    build_trainer(config, process).train()
    tester = build_tester(config, process, tmp_path / 'last.safetensors', chunk_size=4)
    tester.infer()
    expected = {result.video_id: result for result in tester.results()}
    inferencer = VideoInferencer(tmp_path / 'config.py', tmp_path / 'last.safetensors', 'cpu', chunk=4)
    assert len(expected) == 3
    for video in tester.dataset.videos:
        folder = tiny_shapes / 'valid/JPEGImages' / Path(video.file_names[0]).parent
        found = [tracks_of(sample) for _, sample in inferencer(folder)]
        frames = expected[video.id].frames
        assert sum(len(frame.instance_ids) for frame in frames) > 4
        for ours, theirs in zip(found, frames, strict=True):
            assert list(ours.instance_ids) == list(theirs.instance_ids)
            assert list(ours.labels) == list(theirs.labels)
            assert list(ours.masks) == list(theirs.masks)  # RLE
            np.testing.assert_allclose(ours.bboxes, theirs.bboxes, atol=1e-4)
            np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-6)
