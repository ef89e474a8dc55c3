"""Collecting frames into videos, and keeping videos on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.errors import DataError
from mmdet.evaluation.video_result import FrameTracks, ResultStore, VideoResult, VideoResultCollector
from mmdet.evaluation.vis_results import to_results
from mmdet.ops.rle import encode
from mmdet.structures import FrameSample, InstanceData

SIZE = (4, 6)


def frame_sample(frame: int, ids: list[int], video: int = 7, length: int = 2, **meta: Any) -> FrameSample:
    tracks = InstanceData()
    tracks.instance_ids = torch.tensor(ids, dtype=torch.int64)
    tracks.labels = torch.tensor([i % 3 for i in ids], dtype=torch.int64)
    tracks.scores = torch.tensor([0.1 * (i + 1) for i in ids])
    tracks.bboxes = torch.tensor([[0.0, 0, i + 1, 2] for i in ids]).reshape(-1, 4)
    masks = [np.zeros(SIZE, np.uint8) for _ in ids]
    for i, mask in zip(ids, masks):
        mask[:2, : i + 1] = 1
    tracks.masks = [encode(mask) for mask in masks]
    fields: dict[str, Any] = {'video_id': video, 'frame_id': frame, 'video_length': length, 'ori_shape': SIZE}
    fields['img_path'] = f'{frame}.jpg'
    sample = FrameSample(metainfo={**fields, **meta})
    sample.pred_tracks = tracks
    return sample


def collected(video: int = 7) -> VideoResult:
    collector = VideoResultCollector()
    assert collector.add(frame_sample(0, [0, 2], video)) is None
    result = collector.add(frame_sample(1, [], video))
    assert result is not None
    return result


def test_collects_a_video() -> None:
    result = collected()
    assert (result.video_id, result.height, result.width, result.length) == (7, 4, 6, 2)
    assert result.file_names == ['0.jpg', '1.jpg']
    first, second = result.frames
    assert first.instance_ids == [0, 2]
    assert first.labels == [0, 2]
    assert first.scores == pytest.approx([0.1, 0.3])
    assert first.bboxes == [[0, 0, 1, 2], [0, 0, 3, 2]]
    assert [len(first), len(second)] == [2, 0]


def test_the_next_video_starts_afresh() -> None:
    collector = VideoResultCollector()
    results = [collector.add(frame_sample(f, [1], v)) for v in (7, 3) for f in (0, 1)]
    assert [result and result.video_id for result in results] == [None, 7, None, 3]
    assert collector.finish() is None


def test_a_stream_of_unknown_length_ends_with_finish() -> None:
    collector = VideoResultCollector()
    for frame in range(5):
        assert collector.add(frame_sample(frame, [1], length=-1)) is None
    result = collector.finish()
    assert result is not None
    assert result.length == 5


def bad_tracks(**fields: Any) -> FrameSample:
    sample = frame_sample(0, [0, 1])
    for name, value in fields.items():
        setattr(sample.pred_tracks, name, value)
    return sample


def without_tracks() -> FrameSample:
    sample = frame_sample(0, [])
    del sample.pred_tracks
    return sample


def tracked_as_none() -> FrameSample:
    sample = frame_sample(0, [])
    del sample.pred_tracks
    sample.set_field(None, 'pred_tracks')
    return sample


def half_tracks() -> FrameSample:
    sample = frame_sample(0, [1])
    del sample.pred_tracks.labels
    return sample


OUT_OF_ORDER = {
    'first frame missing': ([frame_sample(1, [])], 'video 7, frame 1 came out of order: 0 of 2 frames'),
    'same frame twice': ([frame_sample(0, []), frame_sample(0, [])], 'frame 0 came out of order: 1 of 2'),
    'frame skipped': ([frame_sample(0, [], length=3), frame_sample(2, [], length=3)], 'frame 2 came out of order'),
    'other video too early': (
        [frame_sample(0, []), frame_sample(0, [], 8)],
        'video 8, frame 0 came before the end of video 7',
    ),
    'size changes': (
        [frame_sample(0, []), frame_sample(1, [], ori_shape=(5, 6))],
        'is 5 x 6, the frames before are 4 x 6',
    ),
    'no tracks': ([without_tracks()], 'video 7, frame 0 has no pred_tracks'),
    'nothing from the tracker': ([tracked_as_none()], "frame 0: the tracker's update returned None"),
    'no labels': ([half_tracks()], 'pred_tracks needs instance_ids, labels'),
    'score not finite': ([bad_tracks(scores=torch.tensor([0.5, np.nan]))], 'frame 0, track 1: score nan'),
    'mask of another size': (
        [bad_tracks(masks=[encode(np.ones((2, 2))), encode(np.ones(SIZE))])],
        'frame 0, track 0: .*size',
    ),
}


@pytest.mark.parametrize(('samples', 'message'), OUT_OF_ORDER.values(), ids=OUT_OF_ORDER)
def test_collector_refuses(samples: list[FrameSample], message: str) -> None:
    collector = VideoResultCollector()
    with pytest.raises(DataError, match=message):
        for sample in samples:
            collector.add(sample)


def test_a_stream_must_not_end_inside_a_video() -> None:
    collector = VideoResultCollector()
    collector.add(frame_sample(0, []))
    with pytest.raises(DataError, match='inside video 7: 1 of 2 frames'):
        collector.finish()


def test_json_round_trip_gives_the_same_bytes() -> None:
    data = collected().to_json()
    assert VideoResult.from_json(data) == collected()
    assert VideoResult.from_json(data).to_json() == data


def test_rotated_boxes_and_lost() -> None:
    sample = frame_sample(0, [1], length=1)
    corners = [[[0.0, 1.0], [2.0, 0.5], [3.0, 2.0], [1.0, 3.0]]]
    sample.pred_tracks.rotated_boxes = torch.tensor(corners)
    sample.pred_tracks.lost = torch.tensor([True])
    result = VideoResultCollector().add(sample)
    assert result is not None
    assert VideoResult.from_json(result.to_json()).frames[0].rotated_boxes == corners
    assert result.frames[0].lost == [True]
    assert b'rotated' not in collected().to_json() and b'states' not in collected().to_json()


def edited(**changes: Any) -> bytes:
    return json.dumps({**json.loads(collected().to_json()), **changes}).encode()


def edited_frame(**changes: Any) -> bytes:
    content = json.loads(collected().to_json())
    content['frames'][0].update(changes)
    return json.dumps(content).encode()


DAMAGED = {
    'cut off': (collected().to_json()[:-9], 'not JSON or was cut off'),
    'a list': (b'[]', 'needs exactly the keys'),
    'further key': (edited(more=1), 'needs exactly the keys'),
    'frames is no list': (edited(frames=5), "'frames' is not a list"),
    'frame missing': (edited(length=3), '2 frames and 2 file names, length 3'),
    'id as text': (edited(video_id='7'), 'must be whole numbers'),
    'frame without masks': (edited(frames=[{}, {}]), 'frame 0: needs exactly the keys'),
    'lists of different lengths': (edited_frame(labels=[1]), "frame 0: 'labels' is not a list of 2"),
    'label as text': (edited_frame(labels=['a', 'b']), "frame 0: 'labels' holds a value of a wrong type"),
    'box of three numbers': (edited_frame(bboxes=[[1, 2, 3]] * 2), 'frame 0, track 0: score .* box'),
    'rotated box of three corners': (edited_frame(rotated_boxes=[[[1, 2]] * 3] * 2), 'rotated box .* four corners'),
    'rotated box of text': (edited_frame(rotated_boxes=[[['a', 2]] * 4] * 2), 'rotated box .* four corners'),
    'lost as a number': (edited_frame(lost=[1, 0]), "'lost' holds a value of a wrong type"),
    'state of no frame': (edited(states=['tracked']), "'states' needs one of"),
    'unknown state': (edited(states=['tracked', 'gone']), "'states' needs one of"),
    'damaged mask': (
        edited_frame(masks=[{'size': [4, 6], 'counts': 'n'}] * 2),
        'frame 0, track 0: ',
    ),
}


@pytest.mark.parametrize(('data', 'message'), DAMAGED.values(), ids=DAMAGED)
def test_damaged_json_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=rf'^v\.json.*{message}'):
        VideoResult.from_json(data, 'v.json')


def test_detectors_without_masks() -> None:
    sample = frame_sample(0, [0, 2], length=1)
    sample.pred_tracks.masks = [None, None]
    result = VideoResultCollector().add(sample)
    assert result is not None and result.frames[0].masks == [None, None]
    assert VideoResult.from_json(result.to_json()) == result
    with pytest.raises(DataError, match='result of video 7, track 0: has boxes but no masks'):
        to_results(result, (1, 2, 3))


def test_store_keeps_one_file_per_video(tmp_path: Path) -> None:
    store = ResultStore(tmp_path / 'deep' / 'results')
    for video in (7, -2, 30):
        store.write(collected(video))
    assert sorted(path.name for path in store.folder.iterdir()) == ['video_-2.json', 'video_30.json', 'video_7.json']
    assert [result.video_id for result in store.read_all([30, 7, -2])] == [30, 7, -2]
    assert store.read(7) == collected(7)
    store.write(collected(7))  # again, over the old one
    assert store.missing([7, 8, 30]) == [8]


def test_store_names_missing_videos_before_reading(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.write(collected(7))
    with pytest.raises(DataError, match=r'no results for 12 of 13 videos \(ids 10, 11, .*, 19, \.\.\.\)'):
        store.read_all([7, *range(10, 22)])
    with pytest.raises(DataError, match='no result of video 8'):
        store.read(8)


def test_store_refuses_a_renamed_file(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    os.replace(store.write(collected(7)), store.path(8))
    with pytest.raises(DataError, match='holds the result of video 7'):
        store.read(8)


def test_clear_takes_only_own_files(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.write(collected(7))
    (tmp_path / 'notes.txt').write_text('keep')
    (tmp_path / '.video_3.json.99.partial').write_text('left by a killed process')
    store.clear()
    assert [path.name for path in tmp_path.iterdir()] == ['notes.txt']


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ResultStore(tmp_path)
    before = store.write(collected(7)).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    changed = collected(7)
    changed.frames[0] = FrameTracks([], [], [], [], [])
    with pytest.raises(DataError, match=r'video_7\.json: cannot write: No space left on device'):
        store.write(changed)
    assert [path.name for path in tmp_path.iterdir()] == ['video_7.json']
    assert store.path(7).read_bytes() == before


def followed(**changes: object) -> VideoResult:
    """A result of one object that a user marked, seen in one frame."""
    mask = encode(np.ones((8, 9), bool))
    more = {'rotated_boxes': [[[0.0, 0.0], [9.0, 0.0], [9.0, 8.0], [0.0, 8.0]]], 'lost': [False], **changes}
    frame = FrameTracks([3], [0], [0.5], [[0.0, 0.0, 9.0, 8.0]], [mask], **more)  # type: ignore[arg-type]
    return VideoResult(1, 8, 9, 1, [''], [frame])


def test_rotated_boxes_and_lost_objects_are_kept() -> None:
    data = followed().to_json()
    assert VideoResult.from_json(data) == followed() and b'"lost":[false]' in data
    assert b'lost' not in followed(lost=None, rotated_boxes=None).to_json()


@pytest.mark.parametrize(
    'changes',
    [
        dict(lost=[1]),
        dict(lost=[]),
        dict(rotated_boxes=[[[0.0, 0.0]]]),
        dict(rotated_boxes=[[[0.0, 0.0], [1.0, 0.0], [1.0], [0.0, 1.0]]]),
        dict(rotated_boxes=[[[0.0, 0.0], [1.0, 0.0], [1.0, float('nan')], [0.0, 1.0]]]),
    ],
    ids=['number', 'too few', 'one corner', 'ragged', 'not finite'],
)
def test_unsound_rotated_boxes_and_flags(changes: dict) -> None:
    with pytest.raises(DataError):
        followed(**changes).to_json()
