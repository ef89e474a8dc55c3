"""PointTrack's association: hand-worked tables of the published constants."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch

from mmdet.errors import ConfigError, DataError
from mmdet.ops.rle import encode
from mmdet.structures import InstanceData
from mmdet.trackers import PointTrackTracker
from mmdet.trackers.assignment import assign_most

CAR = dict[str, float]()
PEDESTRIAN = dict(
    distance_scale=1.3437965549876354,
    distance_offset=9.447084376750222,
    threshold=0.47985540892434836,
    overlap_weight=0.54,
)


def place(column: int) -> dict:
    mask = np.zeros((10, 40), np.uint8)
    mask[2:6, column : column + 4] = 1
    return encode(mask)


@pytest.fixture
def found(detections: Callable) -> Callable[..., InstanceData]:
    """``found(vectors, columns, labels)``: one-number embeddings, and where each mask begins."""

    def make(vectors: list[float], columns: list[int], labels: list[int] | None = None) -> InstanceData:
        boxes = [(float(c), 2.0, c + 4.0, 6.0) for c in columns]
        instances = detections(boxes, labels=labels, vectors=[[value] for value in vectors])
        instances.masks = [place(column) for column in columns]
        return instances

    return make


def ids(tracker: PointTrackTracker, frames: list[tuple[int, InstanceData]], feed: Callable) -> list[list[int]]:
    return [feed(tracker, frame, instances).instance_ids.tolist() for frame, instances in frames]


@pytest.mark.parametrize(
    ('settings', 'distance', 'same_mask', 'linked'),
    [
        (CAR, 8.0, False, True),
        (CAR, 8.01, False, False),
        (CAR, 8.01, True, True),
        (CAR, 8.75, True, False),
        (PEDESTRIAN, 9.0, False, True),
        (PEDESTRIAN, 9.1, False, False),
        (PEDESTRIAN, 9.1, True, True),
        (PEDESTRIAN, 9.5, True, False),
    ],
)
def test_t12_gate(
    settings: dict, distance: float, same_mask: bool, linked: bool, found: Callable, feed: Callable
) -> None:
    frames = [(0, found([0.0], [0])), (1, found([distance], [0 if same_mask else 20]))]
    assert ids(PointTrackTracker(**settings), frames, feed) == [[1], [1 if linked else 2]]


def test_t11_the_best_sum_not_the_nearest_first(found: Callable, feed: Callable) -> None:
    frames = [(0, found([0.0, 3.0], [0, 10])), (1, found([2.0, 7.0], [20, 30]))]
    assert ids(PointTrackTracker(), frames, feed) == [[1, 2], [1, 2]]


def test_more_pairs_come_before_a_better_sum(found: Callable, feed: Callable) -> None:
    # 0-0 alone is worth 8.9; 0-7 and 7.9-0 together 2.7, but nobody is left over
    frames = [(0, found([0.0, 7.0], [0, 10])), (1, found([0.0, -7.9], [20, 30]))]
    assert ids(PointTrackTracker(), frames, feed) == [[1, 2], [2, 1]]


@pytest.mark.parametrize(('gap', 'expected'), [(30, [1]), (31, [2])])
def test_t13_lifetime(gap: int, expected: list[int], found: Callable, feed: Callable) -> None:
    empty = found([], [])
    tracker = PointTrackTracker()
    frames = [(0, found([0.0], [0])), *((t, empty) for t in range(1, gap)), (gap, found([0.0], [0]))]
    result = ids(tracker, frames, feed)
    assert result[-1] == expected and not any(result[1:-1])
    tracker.reset()
    assert ids(tracker, frames[:1], feed) == [[1]]


@pytest.mark.parametrize(('stale', 'expected'), [(True, [1]), (False, [2])])
def test_old_masks_count_only_where_asked(stale: bool, expected: list[int], found: Callable, feed: Callable) -> None:
    tracker = PointTrackTracker(stale_overlap=stale)
    frames = [(0, found([0.0], [0])), (1, found([], [])), (2, found([8.3], [0]))]  # passes only with the overlap
    assert ids(tracker, frames, feed)[-1] == expected


def test_classes_have_their_own_thresholds_and_share_one_counter(found: Callable, feed: Callable) -> None:
    tracker = PointTrackTracker(per_class=[CAR, PEDESTRIAN])
    frames = [
        (0, found([0.0, 0.0, 50.0], [0, 10, 20], [0, 1, 1])),
        (1, found([8.5, 8.5], [5, 15], [0, 1])),  # too far for a car, near enough for a pedestrian
        (2, found([0.0], [30], [2])),  # a class that nobody named
    ]
    assert ids(tracker, frames, feed) == [[1, 2, 3], [4, 2], [5]]


def test_classes_never_mix(found: Callable, feed: Callable) -> None:
    frames = [(0, found([0.0, 5.0], [0, 10], [0, 1])), (1, found([0.0, 5.0], [0, 10], [1, 0]))]
    assert ids(PointTrackTracker(), frames, feed) == [[1, 2], [2, 1]]


def test_weak_detections_are_left_out(found: Callable, feed: Callable) -> None:
    instances = found([0.0, 1.0], [0, 10])
    instances.scores = torch.tensor([0.25, 0.9])
    tracks = feed(PointTrackTracker(min_score=0.3), 0, instances)
    assert tracks.instance_ids.tolist() == [1] and tracks.embeddings.tolist() == [[1.0]]


def test_it_needs_masks_only_where_they_count(found: Callable, feed: Callable) -> None:
    assert PointTrackTracker(overlap_weight=0.0).requires == {'embeddings'}
    assert PointTrackTracker(overlap_weight=0.0, per_class=[dict(overlap_weight=1.0)]).requires >= {'masks'}
    instances = found([0.0], [0])
    instances.masks = [None]
    assert feed(PointTrackTracker(overlap_weight=0.0), 0, instances).instance_ids.tolist() == [1]
    with pytest.raises(DataError, match='has no mask'):
        feed(PointTrackTracker(), 0, instances)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [(dict(keep_alive=0), 'at least 1 frame'), (dict(per_class=[dict(treshold=1)]), r'per_class\[0\].*treshold')],
)
def test_bad_settings(settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PointTrackTracker(**settings)


@pytest.mark.parametrize('seed', range(20))
def test_assign_most_against_all_assignments(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 5, 2)
    cost, allowed = rng.normal(0, 1000, shape), rng.random(shape) < 0.5
    rows, columns = assign_most(cost, allowed)
    assert allowed[rows, columns].all() and (np.diff(rows) > 0).all() and len(set(columns.tolist())) == len(columns)
    best = (0, 0.0)
    wide = cost if shape[0] <= shape[1] else cost.T
    open_ = allowed if shape[0] <= shape[1] else allowed.T
    for order in itertools.permutations(range(wide.shape[1]), len(wide)):
        pairs = [(i, j) for i, j in enumerate(order) if open_[i, j]]
        best = min(best, (-len(pairs), sum(wide[i, j] for i, j in pairs)))
    assert len(rows) == -best[0] and cost[rows, columns].sum() == pytest.approx(best[1])
