"""The duties of every registered tracker, as ``mmdet/trackers/base.py`` lists them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.ops.rle import encode
from mmdet.registry import TRACKERS, register_all
from mmdet.structures import FrameSample, InstanceData
from mmdet.trackers import Tracker
from mmdet.trackers.base import with_identities

register_all()
NAMES = sorted(TRACKERS.module_dict)
ARGUMENTS: dict[str, dict[str, Any]] = {
    'SORTTracker': dict(filtered_boxes=False),  # by default its boxes are those of its motion model, as published
}  # of trackers whose constructor needs some, or whose published default does not return the detections' boxes
COUNTS = [0, 3, 1, 0, 0, 4, 4, 2, 4, 0, 4]  # detections per frame; the first frame has none
HEIGHT, WIDTH = 48, 64
FIELDS = {'bboxes', 'labels', 'scores', 'masks', 'embeddings'}


def frame(index: int) -> FrameSample:
    shape = (HEIGHT, WIDTH)
    meta = dict(video_id=1, frame_id=index, video_length=len(COUNTS), ori_shape=shape, img_shape=shape)
    return FrameSample(metainfo=dict(**meta, scale_factor=(1.0, 1.0), flip=False))


def detections(index: int, requires: frozenset[str]) -> InstanceData:
    """Squares that drift to the right; scores differ, so that they name the rows. Only what is required is there."""
    count = COUNTS[index]
    rows = torch.arange(count)
    left, top = 2 + 14.0 * rows + index, 4 + 3.0 * rows
    found = InstanceData()
    found.bboxes = torch.stack([left, top, left + 10, top + 12], 1)
    found.labels = rows % 2
    found.scores = 0.95 - 0.1 * rows - 0.001 * index
    found.masks = [None] * count
    if 'masks' in requires:
        found.masks = [encode(square(box)) for box in found.bboxes.int().tolist()]
    if 'embeddings' in requires:
        noise = torch.randn(count, 8, generator=torch.Generator().manual_seed(index))
        found.embeddings = 4 * torch.eye(8)[:count] + 0.1 * noise
    return found


def square(box: list[int]) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 1
    return mask


def build(name: str) -> Tracker:
    return TRACKERS.build(dict(type=name, **ARGUMENTS.get(name, {})))


def run(tracker: Tracker) -> list[InstanceData]:
    return [tracker.update(detections(t, tracker.requires), frame(t)) for t in range(len(COUNTS))]


@pytest.fixture(params=NAMES)
def tracker(request: pytest.FixtureRequest) -> Tracker:
    return build(request.param)


def test_there_are_trackers() -> None:
    assert 'MaskTrackTracker' in NAMES


def test_it_asks_for_words_that_exist(tracker: Tracker) -> None:
    assert isinstance(tracker, Tracker)
    assert tracker.requires <= {'embeddings', 'masks'}


def test_rows_are_rows_of_the_detections(tracker: Tracker) -> None:
    for t, tracks in enumerate(run(tracker)):
        given = detections(t, tracker.requires)
        assert set(given.keys()) | {'instance_ids'} <= set(tracks.keys()) <= FIELDS | {'instance_ids'}
        scores = given.scores.tolist()
        rows = [scores.index(score) for score in tracks.scores.tolist()]
        assert len(set(rows)) == len(rows) == len(tracks.instance_ids)
        assert tracks.bboxes.equal(given.bboxes[rows]) and tracks.labels.equal(given.labels[rows])
        assert tracks.masks == [given.masks[row] for row in rows]


def test_identities_are_whole_numbers_from_0_and_unique_in_a_frame(tracker: Tracker) -> None:
    found = run(tracker)
    for tracks in found:
        assert tracks.instance_ids.dtype == torch.int64
        ids = tracks.instance_ids.tolist()
        assert len(set(ids)) == len(ids) and all(identity >= 0 for identity in ids)
    assert sum(len(tracks.instance_ids) for tracks in found) > 0


def test_frames_without_detections_give_no_rows(tracker: Tracker) -> None:
    for t, tracks in enumerate(run(tracker)):
        if COUNTS[t] == 0:
            assert tracks.instance_ids.shape == (0,) and tracks.bboxes.shape == (0, 4) and tracks.masks == []


def test_detections_are_not_changed(tracker: Tracker) -> None:
    given = [detections(t, tracker.requires) for t in range(len(COUNTS))]
    before = copy.deepcopy(given)
    for t, instances in enumerate(given):
        tracker.update(instances, frame(t))
    for instances, old in zip(given, before):
        assert set(instances.keys()) == set(old.keys())
        for name, value in old.items():
            assert instances[name] == value if name == 'masks' else instances[name].equal(value)


def test_identities_start_again_with_reset(tracker: Tracker) -> None:
    first = [tracks.instance_ids.tolist() for tracks in run(tracker)]
    tracker.reset()
    assert [tracks.instance_ids.tolist() for tracks in run(tracker)] == first
    assert [tracks.instance_ids.tolist() for tracks in run(build(type(tracker).__name__))] == first


def test_forecasts_change_nothing_and_stay_with_known_identities(tracker: Tracker) -> None:
    assert tracker.forecast(5) == {}
    expected = [tracks.instance_ids.tolist() for tracks in run(build(type(tracker).__name__))]
    for t, ids in enumerate(expected):
        tracks = tracker.update(detections(t, tracker.requires), frame(t))
        found = tracker.forecast(5)
        assert tracks.instance_ids.tolist() == ids
        for identity, boxes in found.items():
            assert isinstance(identity, int) and boxes.shape == (5, 4) and np.isfinite(boxes).all()
            assert (boxes[:, 2:] >= boxes[:, :2]).all()
            np.testing.assert_array_equal(boxes[:2], tracker.forecast(2)[identity])
        assert not found or set(ids) <= set(found)  # a tracker with a motion model knows all rows that it gave
    tracker.reset()
    assert tracker.forecast(5) == {}


@pytest.mark.parametrize(
    'config',
    [
        dict(type='ByteTracker'),
        dict(type='DeepSORTTracker', n_init=1),
        dict(type='MaskTrackTracker', motion='kalman'),
        dict(type='OCSORTTracker', min_hits=0),
        dict(type='SORTTracker', min_hits=0),
    ],
    ids=lambda config: config['type'],
)
def test_forecasts_go_on_as_the_object_did(config: dict[str, Any]) -> None:
    tracker = TRACKERS.build(config)
    boxes = torch.tensor([[5.0, 8, 15, 20]]) + torch.arange(20)[:, None] * torch.tensor([2.0, 0, 2, 0])
    for t in range(15):
        found = InstanceData(bboxes=boxes[[t]], labels=torch.zeros(1).long(), scores=torch.tensor([0.9]))
        found.masks, found.embeddings = [None], torch.ones(1, 4)
        identity = int(tracker.update(found, frame(t)).instance_ids[0])
    np.testing.assert_allclose(tracker.forecast(5)[identity], boxes[15:], atol=1.0)


def test_identities_are_given_to_every_detection() -> None:
    """What a new tracker may get wrong; numpy serves as well as a tensor."""
    found = detections(5, frozenset())
    assert with_identities(found, np.array([3, -1, 0, 2])).instance_ids.tolist() == [3, 0, 2]
    with pytest.raises(ValueError, match='gave 3 identities for 4 detections'):
        with_identities(found, np.array([3, -1, 0]))
