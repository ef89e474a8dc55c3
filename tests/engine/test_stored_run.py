"""Stored detections and a tracker, without frames: the results of the whole model, to the byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mmdet.engine.build import build_tester
from mmdet.engine.distributed import join_processes
from mmdet.engine.stored_run import track_videos
from mmdet.errors import CheckpointError, IncompatibleSlotsError
from mmdet.registry import DATASETS, MODELS, TRACKERS, register_all

TRACKERS_TRIED = [
    dict(type='ByteTracker', high_threshold=0.1, low_threshold=0.0, new_threshold=0.1),
    dict(type='IoUTracker', overlap='mask'),
]


@pytest.fixture
def stored(reduced_config: Callable, tmp_path: Path) -> Callable:
    """``stored(tracker)`` is the config of stored detections with that tracker."""

    def make(tracker: dict) -> object:
        config = reduced_config('precomputed_bytetrack_youtubevis', tmp_path)
        config.model.tracker = tracker
        return config

    return make


@pytest.mark.parametrize('tracker', TRACKERS_TRIED, ids=lambda tracker: tracker['type'])
def test_equal_to_the_test_loop(stored: Callable, tracker: dict) -> None:
    config = stored(tracker)
    tester = build_tester(config, join_processes('none'), None)
    numbers = tester.run()
    register_all()
    detector, dataset = MODELS.build(config.model.detector), DATASETS.build(config.test_dataloader.dataset)
    found = list(track_videos(dataset, detector, TRACKERS.build(tracker)))
    assert [result.to_json() for result in found] == [result.to_json() for result in tester.results()]
    assert numbers['AP'] > 0.5  # what is stored there is the truth, and only identities can be wrong


def test_what_a_tracker_needs_is_checked_before_the_first_video(stored: Callable) -> None:
    config = stored(dict(type='DeepSORTTracker'))
    register_all()
    detector = MODELS.build(config.model.detector)
    with pytest.raises(IncompatibleSlotsError, match='DeepSORTTracker needs one embedding per detection'):
        track_videos(None, detector, TRACKERS.build(config.model.tracker))


def test_a_checkpoint_is_for_models_with_weights(stored: Callable, reduced_config: Callable, tmp_path: Path) -> None:
    process = join_processes('none')
    with pytest.raises(CheckpointError, match=r'the model has no weights, so w\.pth has no use'):
        build_tester(stored(TRACKERS_TRIED[0]), process, 'w.pth')
    with pytest.raises(CheckpointError, match='give the checkpoint that fills them'):
        build_tester(reduced_config('masktrack_rcnn_r18_fpn_shapes', tmp_path), process, None)


SEQUENCES = {'TUD-Campus': 71, 'TUD-Stadtmitte': 179}


def test_sort_on_real_detections_gives_the_published_programs_tracks(data_dir: Path) -> None:
    folder = data_dir / 'real/mot/MOT15'
    videos = [
        SimpleNamespace(id=number, name=name, length=length, height=480, width=640)
        for number, (name, length) in enumerate(SEQUENCES.items())
    ]
    dataset = SimpleNamespace(videos=videos, image_path=lambda video, frame: Path(video.name) / f'img1/{frame}.jpg')
    register_all()
    detector = MODELS.build(dict(type='PrecomputedDetector', path=str(folder / 'train')))
    tracker = TRACKERS.build(dict(type='SORTTracker', max_age=1, min_hits=3, min_iou=0.3))
    for video, result in zip(videos, track_videos(dataset, detector, tracker), strict=True):
        expected = np.loadtxt(folder / f'results/sort/{video.name}.txt', delimiter=',')[:, [0, 2, 3, 4, 5]]
        found = np.array([[t + 1, *box] for t, frame in enumerate(result.frames) for box in frame.bboxes])
        found[:, 3:] -= found[:, 1:3]
        order, own_order = (np.lexsort((rows[:, 1], rows[:, 0])) for rows in (expected, found))
        np.testing.assert_allclose(found[own_order], expected[order], atol=0.02)  # the file has two decimals
