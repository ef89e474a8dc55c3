"""MaskTrack R-CNN's association."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmdet.errors import ConfigError
from mmdet.structures import FrameSample, InstanceData, empty_instances
from mmdet.trackers import MaskTrackTracker

EYE = torch.eye(3)


def detections(boxes: list[list[float]], scores: list[float], labels: list[int], vectors: torch.Tensor) -> InstanceData:
    """Detections from inclusive corner boxes."""
    found = InstanceData()
    found.bboxes = torch.tensor(boxes, dtype=torch.float32).view(-1, 4) + torch.tensor([0, 0, 1, 1])
    found.scores, found.labels = torch.tensor(scores), torch.tensor(labels)
    found.embeddings = vectors
    found.masks = [{'size': [1, 1], 'counts': str(i)} for i in range(len(boxes))]  # type: ignore[misc]
    return found


def frame(index: int) -> FrameSample:
    return FrameSample(metainfo=dict(frame_id=index, video_id=1))


# memory A (label 0) and B (label 3); embeddings such that the dot products are the table's logits
MEMORY = detections([[10, 10, 49, 49], [100, 100, 139, 139]], [0.9, 0.9], [0, 3], EYE[:2])
D0 = ([12, 10, 51, 49], 0.8, 0, [2.0, -1, 0])
D1 = ([10, 10, 49, 49], 0.5, 0, [3.0, 0, 0])
D2 = ([200, 10, 239, 49], 0.6, 3, [-2.0, 1, 0])


def second_frame(*rows: tuple) -> InstanceData:
    boxes, scores, labels, vectors = zip(*rows)
    return detections(list(boxes), list(scores), list(labels), torch.tensor(vectors))


def started(**settings: object) -> MaskTrackTracker:
    tracker = MaskTrackTracker(**settings)  # type: ignore[arg-type]
    assert tracker.update(MEMORY, frame(0)).instance_ids.tolist() == [0, 1]
    return tracker


def test_t8_scores() -> None:
    scores = started().match_scores(second_frame(D0, D1, D2))
    expected = [[7.607010, 11.416534, -3.392990], [6.211930, 11.211930, -3.788070], [8.140162, -3.859838, 9.140162]]
    torch.testing.assert_close(scores, torch.tensor(expected), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ('policy', 'order', 'ids', 'rows'),
    [
        ('unique', (D0, D1, D2), [0, 1], [0, 2]),
        ('unique', (D1, D0, D2), [0, 1], [1, 2]),
        ('paper', (D0, D1, D2), [0, 1], [0, 2]),
        ('paper', (D1, D0, D2), [0, 0, 1], [0, 1, 2]),
    ],
    ids=['worse comes later', 'better comes later', 'paper, worse later', 'paper, better later'],
)
def test_t8_identities(policy: str, order: tuple, ids: list[int], rows: list[int]) -> None:
    tracker = started(duplicate_policy=policy)
    tracks = tracker.update(second_frame(*order), frame(1))
    assert tracks.instance_ids.tolist() == ids
    assert [mask['counts'] for mask in tracks.masks] == [str(row) for row in rows]
    assert tracker._bboxes[0].tolist() == [12, 10, 52, 50]  # the best holder's box stays in memory


def test_frames_without_detections_keep_the_memory() -> None:
    tracker = started()
    assert len(tracker.update(empty_instances(3), frame(1)).instance_ids) == 0
    assert tracker.update(second_frame(D0), frame(2)).instance_ids.tolist() == [0]


def test_video_that_begins_without_detections() -> None:
    tracker = MaskTrackTracker()
    assert len(tracker.update(empty_instances(3), frame(0)).instance_ids) == 0
    assert tracker.update(MEMORY, frame(1)).instance_ids.tolist() == [0, 1]


@pytest.mark.parametrize(
    ('memory_frames', 'gap', 'expected'),
    [(None, 500, 0), (20, 19, 0), (20, 20, 2)],
    ids=['never forgets', 'just remembered', 'forgotten'],
)
def test_memory(memory_frames: int | None, gap: int, expected: int) -> None:
    tracker = started(memory_frames=memory_frames)
    assert tracker.update(second_frame(D0), frame(gap)).instance_ids.tolist() == [expected]


@pytest.mark.parametrize(('label', 'expected'), [('frozen', 0), ('latest', 1)])
def test_label_of_a_remembered_object(label: str, expected: int) -> None:
    tracker = started(label=label, label_weight=1.0)
    tracker.update(second_frame((D0[0], 0.9, 1, [9.0, 0, 0])), frame(1))
    assert tracker._labels[0] == expected


def test_reset_starts_over() -> None:
    tracker = started()
    tracker.reset()
    assert tracker.update(second_frame(D2), frame(0)).instance_ids.tolist() == [0]


def test_detections_are_not_changed() -> None:
    found = second_frame(D0, D2)
    before = found.bboxes.clone()
    tracker = started()
    tracker.update(found, frame(1))
    tracker.update(second_frame(D1), frame(2))
    assert found.bboxes.equal(before) and 'instance_ids' not in found


@pytest.mark.parametrize(
    'settings',
    [
        dict(label='first'),
        dict(duplicate_policy='first'),
        dict(memory_frames=0),
        dict(motion='sort'),
        dict(motion_frames=0),
    ],
    ids=str,
)
def test_wrong_settings(settings: dict) -> None:
    with pytest.raises(ConfigError):
        MaskTrackTracker(**settings)


@pytest.mark.parametrize(('motion', 'low', 'high'), [(None, 0, 0), ('kalman', 0.5, 1)])
def test_motion_predicts_the_boxes_of_the_overlap_term(motion: str | None, low: float, high: float) -> None:
    tracker = MaskTrackTracker(motion=motion, score_weight=0, label_weight=0, iou_weight=100)  # type: ignore[arg-type]
    for index in range(5):
        tracker.update(detections([[10 + 20 * index, 10, 49 + 20 * index, 49]], [0.9], [0], EYE[:1]), frame(index))
    tracker.update(empty_instances(3), frame(5))  # an object moves on while it is not seen
    logits = torch.log_softmax(torch.tensor([0.0, 1.0]), 0)
    if motion:
        tracker._kalman.predict()  # type: ignore[union-attr]
    score = tracker.match_scores(detections([[130, 10, 169, 49]], [0.9], [0], EYE[:1]))[0, 1]
    assert low <= round(float(score - logits[1]) / 100, 4) <= high


@pytest.mark.parametrize(('motion', 'expected'), [(None, 1), ('kalman', 0)])
def test_motion_finds_what_was_lost(motion: str | None, expected: int) -> None:
    tracker = MaskTrackTracker(motion=motion)  # type: ignore[arg-type]
    standing = [200, 20, 239, 59]
    for index in range(8):
        moving = [20 * index, 10, 39 + 20 * index, 49]
        tracker.update(detections([moving, standing], [0.9, 0.9], [0, 0], EYE[:2]), frame(index))
    for index in range(8, 10):
        tracker.update(empty_instances(3), frame(index))
    found = detections([[200, 10, 239, 49]], [0.9], [0], torch.tensor([[3.0, 3, 0]]))  # looks like both
    assert tracker.update(found, frame(10)).instance_ids.tolist() == [expected]


def test_motion_ends_with_objects_that_stay_away() -> None:
    tracker = MaskTrackTracker(motion='kalman', motion_frames=4)
    for index in range(5):  # goes away: smaller from frame to frame
        box = [100 + 8 * index, 20 + 8 * index, 159, 119 - 8 * index]
        tracker.update(detections([box], [0.9], [0], EYE[:1]), frame(index))
    expected, last = [], [132, 52, 160, 88]
    for index in range(5, 60):
        tracker.update(empty_instances(3), frame(index))
        expected.append(tracker._expected_bboxes()[0].tolist())
    predicted, at_rest = np.array(expected[:4]), np.array(expected[4:])
    assert (np.diff(predicted[:, 3] - predicted[:, 1]) < -4).all()  # goes on as it went
    assert abs(at_rest - last).max() < 1e-3  # then waits where it was seen
    assert abs(tracker.forecast(3)[0] - last).max() < 1e-3
    there = [40, 40, 80, 100]
    tracker.update(detections([[40, 40, 79, 99]], [0.9], [0], EYE[:1]), frame(60))
    assert abs(tracker._expected_bboxes()[0].numpy() - there).max() < 1e-3  # starts again, with no speed made up
    assert abs(tracker.forecast(1)[0] - there).max() < 1e-3


def test_motion_is_forgotten_with_reset() -> None:
    tracker, fresh = started(motion='kalman'), started(motion='kalman')
    for index in range(1, 4):
        tracker.update(second_frame(D0, D2), frame(index))
    tracker.reset()
    assert len(tracker._kalman) == 0 and tracker.forecast(3) == {}  # type: ignore[arg-type]
    tracker.update(MEMORY, frame(0))
    assert tracker.match_scores(second_frame(D0, D1, D2)).equal(fresh.match_scores(second_frame(D0, D1, D2)))


def test_motion_forgets_with_the_memory() -> None:
    tracker = started(motion='kalman', memory_frames=2)
    tracker.update(second_frame(D0), frame(1))
    tracker.update(second_frame(D0), frame(2))
    assert len(tracker._kalman) == len(tracker._ids) == 1  # type: ignore[arg-type]
    assert tracker.update(second_frame(D0, D2), frame(3)).instance_ids.tolist() == [0, 2]
    assert len(tracker._kalman) == 2  # type: ignore[arg-type]


def test_motion_follows_the_best_of_several_holders() -> None:
    tracker = started(motion='kalman', duplicate_policy='paper')
    tracker.update(second_frame(D1, D0, D2), frame(1))
    box = tracker._kalman.bboxes()[0]  # type: ignore[union-attr]
    assert 11 < box[0] < 12  # pulled from 10 to D0's 12


@pytest.mark.parametrize(('settings', 'ids'), [({}, [0]), (dict(similarity_scale=10.0, similarity_offset=0.5), [0, 2])])
def test_vectors_of_length_one_need_a_level_for_new_objects(settings: dict, ids: list[int]) -> None:
    """An object that comes late and looks a little like an old one of its class, far away from all."""
    tracker = started(**settings)
    late = torch.tensor([0.2, 0.0, 0.96**0.5])
    rows = (([10, 10, 49, 49], 0.9, 0, [1.0, 0, 0]), ([300, 10, 339, 49], 0.9, 0, late.tolist()))
    assert tracker.update(second_frame(*rows), frame(1)).instance_ids.tolist() == ids


def test_a_scale_of_similarity_is_positive() -> None:
    with pytest.raises(ConfigError, match='similarity_scale'):
        MaskTrackTracker(similarity_scale=0.0)
