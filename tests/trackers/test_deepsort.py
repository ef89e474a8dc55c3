"""DeepSORT: life cycle, switches, and the original program frame by frame."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mmdet.errors import ConfigError
from mmdet.structures import FrameSample, InstanceData
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


def test_fifty_objects_are_quick(detections: Callable, feed: Callable) -> None:
    rng, tracker, times = np.random.default_rng(0), DeepSORTTracker(n_init=1), []
    corner = np.column_stack([np.arange(50) % 10 * 100, np.arange(50) // 10 * 100])
    vectors = rng.normal(size=(50, 128))
    for frame in range(40):
        moved = corner + frame + rng.normal(0, 1, (50, 2))
        found = detections(np.concatenate([moved, moved + 60], 1).tolist(), vectors=vectors.tolist())
        start = time.perf_counter()
        tracks = feed(tracker, frame, found)
        times.append(time.perf_counter() - start)
        assert tracks.instance_ids.tolist() == list(range(1, 51))
    assert np.median(times) < 0.02  # takes 2 to 3 ms; track by track in Python it was 40


class Scenario:
    """The original program's run of one variant."""

    def __init__(self, folder: Path) -> None:
        self.given, self.expected = dict(np.load(folder / 'inputs.npz')), dict(np.load(folder / 'expected.npz'))
        self.config = json.loads((folder / 'meta.json').read_text())['config']
        self.ends = np.cumsum(self.given['detections_per_frame'])

    def tracker(self, variant: str) -> DeepSORTTracker:
        settings = self.config[variant]
        return DeepSORTTracker(
            max_cosine_distance=settings['max_cosine_distance'],
            gallery_size=settings['nn_budget'],
            max_iou_distance=settings['max_iou_distance'],
            max_age=settings['max_age'],
            n_init=settings['n_init'],
            min_confidence=settings.get('min_confidence'),
            nms_max_overlap=settings.get('nms_max_overlap', 1.0),
            paper=True,
        )

    def frame(self, frame: int, centred: bool) -> tuple[InstanceData, FrameSample]:
        rows = slice(self.ends[frame] - self.given['detections_per_frame'][frame], self.ends[frame])
        where = self.given['xywh_for_wrapper' if centred else 'tlwh'][rows]
        corner = where[:, :2] - where[:, 2:] / 2 if centred else where[:, :2]
        found = InstanceData()
        found.bboxes = torch.from_numpy(np.concatenate([corner, corner + where[:, 2:]], 1))
        found.scores = torch.from_numpy(self.given['confidence'][rows])
        found.labels = torch.zeros(len(where), dtype=torch.int64)
        found.embeddings = torch.from_numpy(self.given['feature'][rows])
        shape = self.config['image_height'], self.config['image_width']
        return found, FrameSample(metainfo=dict(frame_id=frame, video_id=1, ori_shape=shape))


@pytest.fixture
def scenario(parity_dir: Path) -> Scenario:
    return Scenario(parity_dir / 'deepsort_tracker')


@pytest.mark.parametrize('variant', ['direct', 'tight'])
def test_every_track_equals_the_original_programs(scenario: Scenario, variant: str) -> None:
    tracker = scenario.tracker(variant)
    expected, tlwh = scenario.expected[f'{variant}_tracks'], scenario.expected[f'{variant}_tlwh']
    for frame in range(len(scenario.ends)):
        tracker.update(*scenario.frame(frame, centred=False))
        t, rows = tracker.tracks, expected[:, 0] == frame
        found = np.column_stack([t.ids, t.confirmed, t.missed, t.hits, t.age, t.detection])
        np.testing.assert_array_equal(found, expected[rows, 1:], err_msg=f'frame {frame}')
        boxes = tracker.motion.bboxes()
        boxes[:, 2:] -= boxes[:, :2]
        np.testing.assert_allclose(boxes, tlwh[rows], atol=1e-3, err_msg=f'frame {frame}')


def test_output_equals_the_original_programs(scenario: Scenario) -> None:
    tracker = scenario.tracker('wrapper')
    expected, exact = scenario.expected['wrapper_output'], scenario.expected['wrapper_tlwh']
    kept = scenario.expected['wrapper_kept_detections']
    exact = np.concatenate([exact[:, :2], exact[:, :2] + exact[:, 2:]], 1)
    borderline = abs(exact - np.rint(exact)) < 1e-3
    for frame in range(len(scenario.ends)):
        found, sample = scenario.frame(frame, centred=True)
        tracks = tracker.update(found, sample)
        rows = np.flatnonzero(expected[:, 0] == frame)
        ids, order = tracks.instance_ids.sort()
        rows = rows[np.argsort(expected[rows, 1])]
        assert ids.tolist() == expected[rows, 1].tolist(), f'frame {frame}'
        apart = abs(tracks.bboxes[order].numpy() - expected[rows, 2:])
        assert (apart <= borderline[rows]).all(), f'frame {frame}'
        used = tracker.tracks.detection[tracker.tracks.detection >= 0]
        assert sorted(used) == sorted(kept[kept[:, 0] == frame, 1]), f'frame {frame}'
