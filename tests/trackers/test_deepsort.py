"""DeepSORT: life cycle and switches; ``tests/parity`` has the original program frame by frame."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmdet.errors import ConfigError
from mmdet.trackers import DeepSORTTracker

BOX = (10.0, 10, 30, 50)
X, Y = (1.0, 0.0), (0.0, 1.0)


@pytest.fixture
def run(detections: Callable, feed: Callable) -> Callable:
    """``run(tracker, plan)``: one frame per entry, 1 = BOX seen; identities reported in each frame."""

    def frames(tracker: DeepSORTTracker, plan: list[int], start: int = 0) -> list[list[int]]:
        found = [detections([BOX] if seen else []) for seen in plan]
        return [feed(tracker, start + i, f).instance_ids.tolist() for i, f in enumerate(found)]

    return frames


def test_t21_confirmed_at_the_third_hit(run: Callable) -> None:
    assert run(DeepSORTTracker(), [1, 1, 1, 1]) == [[], [], [1], [1]]


def test_reported_from_the_first_frame_on(run: Callable) -> None:
    assert run(DeepSORTTracker(n_init=1), [1, 1, 0, 1]) == [[1], [1], [], [1]]


def test_t21_tentative_tracks_end_at_their_first_miss(run: Callable) -> None:
    tracker = DeepSORTTracker()
    run(tracker, [1, 0])
    assert len(tracker.tracks) == 0
    run(tracker, [1], 2)
    assert tracker.tracks.ids.tolist() == [2]


@pytest.mark.parametrize(('misses', 'expected'), [(69, [1]), (70, [])], ids=['remembered', 'forgotten'])
def test_t21_memory(run: Callable, misses: int, expected: list[int]) -> None:
    tracker = DeepSORTTracker()
    assert run(tracker, [1, 1, 1] + [0] * misses + [1])[-1] == expected
    assert tracker.tracks.ids[-1] == (1 if expected else 2)


def test_t21_track_ends_with_its_71st_miss(run: Callable) -> None:
    tracker = DeepSORTTracker()
    run(tracker, [1, 1, 1] + [0] * 70)
    assert len(tracker.tracks) == 1
    run(tracker, [0], 73)
    assert len(tracker.tracks) == len(tracker.motion) == 0


@pytest.mark.parametrize(('gap', 'expected'), [(0, [1]), (1, [1, 2])], ids=['overlap keeps it', 'gone for a frame'])
def test_t21_orthogonal_looks(
    run: Callable, detections: Callable, feed: Callable, gap: int, expected: list[int]
) -> None:
    tracker = DeepSORTTracker()
    run(tracker, [1, 1, 1] + [0] * gap)
    feed(tracker, 3 + gap, detections([BOX], vectors=[Y]))
    assert tracker.tracks.ids.tolist() == expected


@pytest.mark.parametrize(
    ('case', 'left', 'expected'),
    [('IoU 0.333, cost 0.667', 20.0, [1]), ('IoU 0.176, cost 0.824', 24.0, [2])],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_t21_overlap_of_two_frames(
    detections: Callable, feed: Callable, case: str, left: float, expected: list[int]
) -> None:
    tracker = DeepSORTTracker()  # costs up to 0.7 are a match
    feed(tracker, 0, detections([(10.0, 10, 30, 50)]))
    feed(tracker, 1, detections([(left, 10, left + 20, 50)]))
    assert tracker.tracks.ids.tolist() == expected


def test_looks_tell_crossing_objects_apart(detections: Callable, feed: Callable) -> None:
    tracker = DeepSORTTracker(n_init=1, nms_max_overlap=1.0)
    there = (14.0, 10, 34, 50)
    feed(tracker, 0, detections([BOX, there], vectors=[X, Y]))
    tracks = feed(tracker, 1, detections([BOX, there], vectors=[Y, X]))
    assert tracks.instance_ids.tolist() == [2, 1]


def test_gate_forbids_jumps(detections: Callable, feed: Callable) -> None:
    tracker = DeepSORTTracker(n_init=1)
    feed(tracker, 0, detections([BOX]))
    assert feed(tracker, 1, detections([(200.0, 10, 220, 50)])).instance_ids.tolist() == [2]


@pytest.mark.parametrize(('per_class', 'expected'), [(True, [2]), (False, [1])])
def test_classes(detections: Callable, feed: Callable, per_class: bool, expected: list[int]) -> None:
    tracker = DeepSORTTracker(n_init=1, per_class=per_class)
    feed(tracker, 0, detections([BOX], labels=[3]))
    tracks = feed(tracker, 1, detections([BOX], labels=[5]))
    assert tracks.instance_ids.tolist() == expected and tracks.labels.tolist() == [5]


def test_weak_and_doubled_detections_are_not_used(detections: Callable, feed: Callable) -> None:
    near = (11.0, 10, 31, 50)
    found = detections([BOX, near, near, (100.0, 10, 120, 50)], scores=[0.6, 0.9, 0.8, 0.5], labels=[0, 0, 1, 0])
    tracks = feed(DeepSORTTracker(n_init=1), 0, found)
    assert [mask['counts'] for mask in tracks.masks] == ['1', '2']  # the other class is not a double


def test_rows_are_those_of_the_frame(detections: Callable, feed: Callable) -> None:
    found = detections([BOX, (100.0, 10, 120, 50)], labels=[4, 2])
    tracks = feed(DeepSORTTracker(n_init=1), 0, found)
    for name in ('bboxes', 'scores', 'labels', 'embeddings'):
        assert tracks[name].equal(found[name])
    assert tracks.masks == found.masks and 'instance_ids' not in found


@pytest.mark.parametrize('ghost', [False, True])
def test_ghost_frame(detections: Callable, feed: Callable, ghost: bool) -> None:
    tracker, frames = DeepSORTTracker(ghost_frame=ghost), []
    for frame in range(4):
        frames.append(feed(tracker, frame, detections([(10.0 + 6 * frame, 10, 30 + 6 * frame, 50)], labels=[3])))
    missed, gone = feed(tracker, 4, detections([])), feed(tracker, 5, detections([]))
    assert missed.instance_ids.tolist() == ([1] if ghost else []) and len(gone.instance_ids) == 0
    if ghost:
        assert missed.masks == frames[-1].masks and missed.labels.tolist() == [3]
        assert 28 < missed.bboxes[0, 0] <= 34  # moved on from 28


def test_paper_switch_sets_what_is_not_set_otherwise() -> None:
    tracker = DeepSORTTracker(paper=True, ghost_frame=False)
    assert (tracker.per_class, tracker.filtered_boxes, tracker.ghost_frame) == (False, True, False)
    tracker = DeepSORTTracker()
    assert (tracker.per_class, tracker.filtered_boxes, tracker.ghost_frame) == (True, False, False)


@pytest.mark.parametrize('settings', [dict(max_age=0), dict(n_init=0), dict(gallery_size=0)])
def test_wrong_settings(settings: dict) -> None:
    with pytest.raises(ConfigError, match='at least 1'):
        DeepSORTTracker(**settings)
