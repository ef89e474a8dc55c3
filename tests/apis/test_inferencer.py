from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.apis import VideoInferencer
from mmdet.apis.source import open_source
from mmdet.errors import ConfigError, VideoSourceError

Make = Callable[..., Any]


def our_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name in ('decode', 'model')]


@pytest.mark.parametrize('delay', [0, 3, 20])
@pytest.mark.parametrize('chunk', [1, 4, 50])
def test_every_frame_comes_with_its_own_result_in_order(
    square_model: Make, frames: Make, boxes: Make, chunk: int, delay: int
) -> None:
    inferencer = VideoInferencer(square_model(delay), chunk=chunk)
    results = list(inferencer(frames(14)))
    assert [sample.frame_id for _, sample in results] == list(range(14))
    assert [sample.pred_tracks.bboxes[0].tolist() for _, sample in results] == boxes(14)
    assert all((frame == expected).all() for (frame, _), expected in zip(results, frames(14)))
    assert inferencer.stats.frames == 14
    assert not our_threads()


@pytest.mark.parametrize(('chunk', 'sizes'), [(1, [1] * 6), (4, [4, 2]), (6, [6]), (8, [6])])
def test_chunks_are_full_but_for_the_last(square_model: Make, frames: Make, chunk: int, sizes: list[int]) -> None:
    model = square_model()
    list(VideoInferencer(model, chunk=chunk)(frames(6)))
    assert [len(ids) for ids in model.chunks] == sizes


@pytest.mark.parametrize('kind', ['video', 'folder', 'source', 'arrays'])
def test_all_sources_are_taken(
    tmp_path: Path, square_model: Make, frames: Make, write_video: Make, write_folder: Make, kind: str
) -> None:
    source = {
        'video': lambda: write_video(tmp_path / 'v.avi', frames(5)),
        'folder': lambda: str(write_folder(tmp_path / 'clip', frames(5))),
        'source': lambda: open_source(frames(5)),
        'arrays': lambda: iter(frames(5)),
    }[kind]()
    samples = [sample for _, sample in VideoInferencer(square_model())(source)]
    assert [sample.source_frame for sample in samples] == [0, 1, 2, 3, 4]
    assert {tuple(sample.ori_shape) for sample in samples} == {(48, 64)}
    assert {sample.video_length for sample in samples} == {-1}


def test_one_inferencer_runs_video_after_video(square_model: Make, frames: Make) -> None:
    inferencer = VideoInferencer(square_model())
    assert [len(list(inferencer(frames(n)))) for n in (3, 7, 1)] == [3, 7, 1]
    assert inferencer.stats.frames == 1


def test_two_videos_at_once_are_refused(square_model: Make, frames: Make) -> None:
    inferencer = VideoInferencer(square_model(), chunk=1)
    first = inferencer(frames(9))
    next(first)
    with pytest.raises(ConfigError, match='another video'):
        next(inferencer(frames(3)))
    first.close()
    assert len(list(inferencer(frames(3)))) == 3


def test_stopping_early_ends_the_threads(square_model: Make, frames: Make) -> None:
    stream = VideoInferencer(square_model(), chunk=2)(frames(1)[0] for _ in iter(int, 1))
    for _ in range(5):
        next(stream)
    stream.close()
    assert not our_threads()


def test_max_frames_counts_frames_of_the_source(square_model: Make, frames: Make) -> None:
    assert len(list(VideoInferencer(square_model(2))(frames(20), max_frames=7))) == 7


def test_a_broken_source_loses_no_result(square_model: Make, frames: Make) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield from frames(6)
        raise VideoSourceError('the cable came off')

    taken = []
    with pytest.raises(VideoSourceError, match='cable'):
        taken.extend(VideoInferencer(square_model(delay=3), chunk=4)(broken()))
    assert [sample.frame_id for _, sample in taken] == list(range(6))
    assert not our_threads()


def test_an_error_in_the_model_reaches_the_caller(square_model: Make, frames: Make) -> None:
    model = square_model()

    def fail(samples: Any) -> None:
        if samples[0].frame_id >= 4:
            raise torch.OutOfMemoryError('no room for frame 4')

    model.work = fail
    taken = []
    with pytest.raises(torch.OutOfMemoryError, match='frame 4'):
        taken.extend(VideoInferencer(model, chunk=2)(frames(1)[0] for _ in iter(int, 1)))
    assert len(taken) == 4
    assert not our_threads()


def test_a_missing_source_is_an_error_at_once(square_model: Make, tmp_path: Path) -> None:
    with pytest.raises(VideoSourceError, match='no such video'):
        VideoInferencer(square_model())(tmp_path / 'no.mp4')


def test_live_drops_frames_and_stays_up_to_date(square_model: Make, frames: Make) -> None:
    model = square_model()
    model.work = lambda samples: time.sleep(0.05)
    source = open_source(frames(60))
    source.fps = 100.0
    inferencer = VideoInferencer(model, chunk=1, live=True)
    samples = [sample for _, sample in inferencer(source)]
    taken = [sample.source_frame for sample in samples]
    assert taken == sorted(set(taken))
    assert [sample.frame_id for sample in samples] == list(range(len(samples)))  # trackers see no gap
    assert len(taken) + inferencer.stats.dropped == 60
    assert inferencer.stats.dropped > 20
    assert taken[-1] >= 58
    assert inferencer.stats.latency(95) < 0.5


@pytest.mark.parametrize('slow', ['model', 'caller'])
def test_live_shows_the_newest_whoever_is_slow(square_model: Make, frames: Make, slow: str) -> None:
    model, caught = square_model(), []
    model.work = lambda samples: time.sleep(0.05 if slow == 'model' else 0)
    source = open_source(frames(80))
    source.fps = 100.0
    inferencer, started = VideoInferencer(model, live=True), time.perf_counter()
    for _, sample in inferencer(source):
        time.sleep(0.05 if slow == 'caller' else 0)
        caught.append((time.perf_counter() - started) * source.fps - sample.source_frame)  # frames behind the camera
    assert inferencer.stats.dropped >= 40
    assert np.median(caught) < 25  # a queue of four frames on either side of the model would be 40 behind
    assert [len(chunk) for chunk in model.chunks] == [1] * len(model.chunks)
    assert inferencer.stats.latency(95) == pytest.approx(np.percentile(caught, 95) / source.fps, abs=0.05)


def test_a_file_that_is_not_live_is_never_dropped(square_model: Make, frames: Make) -> None:
    model = square_model()
    model.work = lambda samples: time.sleep(0.01)
    inferencer = VideoInferencer(model, chunk=2)
    assert len(list(inferencer(frames(30)))) == 30
    assert inferencer.stats.dropped == 0


def test_decoding_model_and_caller_overlap(square_model: Make, frames: Make) -> None:
    def slow_frames() -> Iterator[np.ndarray]:
        for frame in frames(20):
            time.sleep(0.02)
            yield frame

    model = square_model()
    model.work = lambda samples: time.sleep(0.02)
    inferencer = VideoInferencer(model, chunk=1)
    started = time.perf_counter()
    for _ in inferencer(slow_frames()):
        time.sleep(0.02)
    taken, stats = time.perf_counter() - started, inferencer.stats
    stages = (stats.decode_seconds, stats.model_seconds, stats.caller_seconds)
    assert min(stages) >= 20 * 0.02 - 0.021  # the first frame was decoded when the source was opened
    assert taken < 0.8 * sum(stages)


@pytest.mark.parametrize('live', [False, True])
def test_memory_does_not_grow_with_the_video(square_model: Make, frames: Make, live: bool) -> None:
    made: list[weakref.ref] = []

    def stream() -> Iterator[np.ndarray]:
        for i in range(500):
            frame = frames(1)[0] + np.uint8(i % 2)
            made.append(weakref.ref(frame))
            yield frame

    source = open_source(stream())
    source.fps = 1000.0
    most = 0
    for _ in VideoInferencer(square_model(delay=3), chunk=4, live=live)(source):
        most = max(most, sum(ref() is not None for ref in made))
    assert len(made) == 500
    assert most <= 8 + 4 + 3 + 8 + 4  # decoded, in the model, held back, finished, in between


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        pytest.param(dict(chunk=0), 'at least 1', id='no chunk'),
        pytest.param(dict(forecast=-1), 'at least 0', id='negative forecast'),
        pytest.param(dict(checkpoint='w.pth'), 'built already', id='checkpoint for a built model'),
        pytest.param(dict(pipeline=[]), r'test_dataloader\.dataset\.pipeline', id='no pipeline'),
        pytest.param(dict(pipeline=[dict(type='Resize', scale=(64, 48))]), 'PackClip', id='pipeline without an end'),
        pytest.param(dict(pipeline=[dict(type='Resise')]), 'Resize', id='misspelt transform'),
    ],
)
def test_wrong_arguments_are_explained(square_model: Make, frames: Make, arguments: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        list(VideoInferencer(square_model(), **arguments)(frames(2)))


def test_a_model_that_takes_no_video_is_refused() -> None:
    with pytest.raises(ConfigError, match='Linear takes no video'):
        VideoInferencer(torch.nn.Linear(1, 1))
