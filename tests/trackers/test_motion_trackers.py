"""SORT, ByteTrack, OC-SORT and IoU: what each pairs, keeps and reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from mmdet.errors import ConfigError
from mmdet.ops.rle import encode
from mmdet.structures import FrameSample, InstanceData
from mmdet.trackers import ByteTracker, DeepSORTTracker, IoUTracker, OCSORTTracker, SORTTracker, Tracker
from mmdet.trackers.assignment import box_iou


def moving(frame: int, speed: float = 8.0) -> tuple[float, float, float, float]:
    """A box of 20 x 40 pixels that moves to the right."""
    return (10 + speed * frame, 10, 30 + speed * frame, 50)


@pytest.fixture
def follow(detections: Callable, feed: Callable) -> Callable:
    """``follow(tracker, seen, ...)``: the identities reported for one moving box, seen where ``seen`` says."""

    def run(tracker: Tracker, seen: list[int], speed: float = 8.0, scores: list[float] | None = None) -> list:
        ids = []
        for frame, visible in enumerate(seen):
            score = [scores[frame]] if scores else [0.9]
            found = detections([moving(frame, speed)], scores=score) if visible else detections([])
            ids.append(feed(tracker, frame, found).instance_ids.tolist())
        return ids

    return run


@pytest.mark.parametrize(
    ('case', 'tracker', 'seen', 'expected'),
    [
        ('IoU forgets', IoUTracker(max_age=1), [1, 0, 0, 1], [[1], [], [], [2]]),
        ('IoU remembers', IoUTracker(max_age=2, min_iou=0.01), [1, 0, 1], [[1], [], [1]]),
        ('SORT reports all in the first frames', SORTTracker(), [1, 1, 1, 1], [[1]] * 4),
        ('SORT waits afterwards', SORTTracker(min_hits=2), [0, 0, 1, 1, 1], [[], [], [], [], [1]]),
        ('SORT survives one miss', SORTTracker(min_hits=0), [1, 1, 1, 0, 1], [[1], [1], [1], [], [1]]),
        ('SORT ends after two', SORTTracker(min_hits=0), [1, 1, 1, 0, 0, 1], [[1], [1], [1], [], [], [2]]),
        ('a miss breaks the streak', SORTTracker(min_hits=1), [1, 1, 0, 1, 1], [[1], [1], [], [1], [1]]),
        ('Byte trusts the first frame', ByteTracker(), [1, 1], [[1], [1]]),
        ('Byte waits for the second', ByteTracker(), [0, 1, 1], [[], [], [1]]),
        ('Byte ends tentative tracks', ByteTracker(), [0, 1, 0, 1, 1], [[], [], [], [], [2]]),
        ('Byte finds lost tracks', ByteTracker(), [1, 1, 1, 0, 0, 1], [[1], [1], [1], [], [], [1]]),
        ('Byte forgets', ByteTracker(max_age=1), [1, 1, 1, 0, 0, 1, 1], [[1], [1], [1], [], [], [], [2]]),
        ('OC-SORT finds lost tracks', OCSORTTracker(min_hits=0), [1, 1, 1, 0, 0, 1], [[1]] * 3 + [[], [], [1]]),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_life_cycle(follow: Callable, case: str, tracker: Tracker, seen: list[int], expected: list) -> None:
    assert follow(tracker, seen, 4.0) == expected
    tracker.reset()
    assert follow(tracker, seen, 4.0) == expected  # nothing is left of the video before


@pytest.mark.parametrize(
    ('tracker', 'expected'),
    [(IoUTracker(), [2]), (SORTTracker(min_hits=0), [1]), (ByteTracker(), [1]), (OCSORTTracker(min_hits=0), [1])],
    ids=['IoU', 'SORT', 'Byte', 'OC-SORT'],
)
def test_motion_bridges_what_overlap_cannot(
    follow: Callable, detections: Callable, feed: Callable, tracker: Tracker, expected: list[int]
) -> None:
    follow(tracker, [1] * 8)
    # 16 pixels further: an IoU of 0.11 with where the box was, of 0.43 with where it should be now
    assert feed(tracker, 8, detections([moving(9)])).instance_ids.tolist() == expected


@pytest.mark.parametrize('known', [True, False], ids=['dropped frames known', 'not known'])
@pytest.mark.parametrize(
    'make',
    [
        lambda: SORTTracker(min_hits=0),
        lambda: ByteTracker(new_threshold=0.8),
        lambda: OCSORTTracker(min_hits=0),
        lambda: DeepSORTTracker(n_init=1),
    ],
    ids=['SORT', 'Byte', 'OC-SORT', 'DeepSORT'],
)
def test_dropped_frames_are_predicted(detections: Callable, make: Callable, known: bool) -> None:
    tracker = make()
    frames = [*range(8), 11, 12, 15]  # a live stream went on while the model was busy
    for index, source in enumerate(frames):
        meta = dict(frame_id=index, video_id=7, ori_shape=(240, 320)) | (dict(source_frame=source) if known else {})
        found = detections([moving(source)])
        tracker.update(found, FrameSample(metainfo=meta))
    assert (tracker.tracks.ids.tolist() == [1] and tracker.tracks.hits[0] == len(frames)) == known


def test_oc_sort_replays_dropped_frames_too(detections: Callable) -> None:
    with_gap, without = OCSORTTracker(min_hits=0), OCSORTTracker(min_hits=0)
    for source in range(12):
        sample = FrameSample(metainfo=dict(frame_id=source, video_id=7, ori_shape=(240, 320), source_frame=source))
        without.update(detections([moving(source)]), sample)
        if source not in (4, 6):  # dropped
            with_gap.update(detections([moving(source)] if source not in (3, 5, 7) else []), sample)
    np.testing.assert_allclose(with_gap.motion.mean, without.motion.mean, rtol=1e-9)
    np.testing.assert_allclose(with_gap.motion.covariance, without.motion.covariance, rtol=1e-9)


def test_byte_keeps_a_track_through_low_scores(follow: Callable) -> None:
    assert follow(ByteTracker(), [1] * 4, 2.0, scores=[0.9, 0.9, 0.2, 0.9]) == [[1]] * 4
    assert follow(ByteTracker(), [1] * 4, 2.0, scores=[0.9, 0.9, 0.05, 0.9]) == [[1], [1], [], [1]]


def test_byte_gives_low_scores_to_tracks_of_the_frame_before_only(follow: Callable) -> None:
    ids = follow(ByteTracker(), [1, 1, 0, 1, 1], 0.0, scores=[0.9, 0.9, 0.9, 0.2, 0.9])
    assert ids == [[1], [1], [], [], [1]]


@pytest.mark.parametrize(('weigh', 'expected'), [(True, []), (False, [1])])
def test_byte_weighs_overlap_by_score(detections: Callable, feed: Callable, weigh: bool, expected: list[int]) -> None:
    tracker = ByteTracker(weigh_by_score=weigh)
    feed(tracker, 0, detections([moving(0)]))
    found = detections([(23.0, 10, 43, 50)], scores=[0.6])  # IoU 7 / 33 = 0.212, times 0.6 = 0.127
    assert feed(tracker, 1, found).instance_ids.tolist() == expected


def test_byte_pairs_no_other_class_at_score_0(detections: Callable, feed: Callable) -> None:
    tracker = ByteTracker(high_threshold=0, low_threshold=0, new_threshold=0)
    feed(tracker, 0, detections([moving(0)], labels=[1]))
    tracks = feed(tracker, 1, detections([moving(0)] * 2, scores=[0.0, 0.9], labels=[2, 1]))
    assert tracks.instance_ids.tolist() == [1]
    assert tracks.labels.tolist() == [1]


ONE, OTHER = (10.0, 10, 50, 50), (12.0, 10, 52, 50)  # IoU 38 / 42 = 0.905, times a score of 0.95 = 0.86


@pytest.mark.parametrize(
    ('case', 'settings', 'label', 'expected'),
    [
        ('the one followed for longer stays', {}, 0, [1]),
        ('switched off', dict(duplicate_iou=1.0), 0, [1, 2]),
        ('not a duplicate', dict(duplicate_iou=0.91), 0, [1, 2]),
        ('of other classes', {}, 5, [1, 2]),
        ('classes do not matter', dict(per_class=False), 5, [1]),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
@pytest.mark.parametrize('lost_first', [True, False])
def test_byte_ends_duplicates(
    detections: Callable, feed: Callable, case: str, settings: dict, label: int, expected: list, lost_first: bool
) -> None:
    tracker = ByteTracker(min_iou=0.9, **settings)  # so that neither takes the other's detections
    both, one, other = ([ONE, OTHER], [0, label]), ([ONE], [0]), ([OTHER], [label])
    frames = [one, one, other, other] if lost_first else [one, both, both, one]
    for frame, (boxes, labels) in enumerate(frames):
        feed(tracker, frame, detections(boxes, scores=[0.95] * len(boxes), labels=labels))
    assert tracker.tracks.ids.tolist() == expected


def test_byte_lost_track_keeps_its_height(detections: Callable, feed: Callable) -> None:
    tracker, heights = ByteTracker(), []
    for frame in range(8):
        feed(tracker, frame, detections([(10.0, 10, 50, 50 + 4 * frame)] if frame < 5 else []))
        heights.append(tracker.motion.mean[0, 3])
    assert heights[5] > heights[4] + 1  # predicted once, then known to be lost
    assert heights[7] == heights[6] == heights[5]


@pytest.mark.parametrize('score', [0.3, 0.65], ids=['low', 'high but not enough'])
def test_byte_starts_no_track_with_it(follow: Callable, score: float) -> None:
    assert follow(ByteTracker(), [1] * 3, scores=[score] * 3) == [[]] * 3


@pytest.mark.parametrize('tracker', [IoUTracker(), SORTTracker(min_hits=0), OCSORTTracker(min_hits=0), ByteTracker()])
@pytest.mark.parametrize('per_class', [True, False])
def test_classes(detections: Callable, feed: Callable, tracker: Tracker, per_class: bool) -> None:
    tracker.per_class = per_class  # type: ignore[attr-defined]
    tracker.reset()
    feed(tracker, 0, detections([moving(0)], labels=[1]))
    feed(tracker, 1, detections([moving(0)], labels=[2]))
    assert feed(tracker, 2, detections([moving(0)], labels=[2])).instance_ids.tolist() == [2 if per_class else 1]


def test_oc_sort_prefers_what_lies_ahead(detections: Callable, feed: Callable) -> None:
    ids = []
    for weight in (0.0, 1.0):
        tracker = OCSORTTracker(min_hits=0, momentum_weight=weight)
        for frame in range(5):
            feed(tracker, frame, detections([moving(frame, 2.0)]))
        behind, ahead = (13.0, 10, 33, 50), (28.0, 10, 48, 50)  # the box is expected at x = 20
        ids.append(feed(tracker, 5, detections([behind, ahead])).instance_ids.tolist())
    assert ids == [[1, 2], [2, 1]]


def test_oc_sort_recovers_what_stood_still(detections: Callable, feed: Callable) -> None:
    tracker = OCSORTTracker(min_hits=0)
    for frame in range(6):
        feed(tracker, frame, detections([moving(frame)]))
    for frame in range(6, 12):  # stops behind something; the prediction moves on
        feed(tracker, frame, detections([]))
    assert box_iou(tracker.motion.bboxes(), np.array([moving(5)])).max() == 0
    assert feed(tracker, 12, detections([moving(5)])).instance_ids.tolist() == [1]


def test_oc_sort_replay_is_the_filter_on_a_straight_line(detections: Callable, feed: Callable) -> None:
    with_gap, without = OCSORTTracker(min_hits=0), OCSORTTracker(min_hits=0)
    for frame in range(9):
        feed(without, frame, detections([moving(frame)]))
        feed(with_gap, frame, detections([moving(frame)] if frame not in (4, 5, 6) else []))
    np.testing.assert_allclose(with_gap.motion.mean, without.motion.mean, rtol=1e-9)
    np.testing.assert_allclose(with_gap.motion.covariance, without.motion.covariance, rtol=1e-9)


def test_mask_overlap_tells_apart_what_boxes_do_not(detections: Callable, feed: Callable) -> None:
    lower, upper = np.tri(40, dtype=np.uint8), 1 - np.tri(40, dtype=np.uint8)  # two triangles in one box
    first, second = detections([(0, 0, 40, 40)] * 2), detections([(0, 0, 40, 40)] * 2)
    first.masks, second.masks = [encode(lower), encode(upper)], [encode(upper), encode(lower)]
    tracker = IoUTracker('mask')
    assert feed(tracker, 0, first).instance_ids.tolist() == [1, 2]
    assert feed(tracker, 1, second).instance_ids.tolist() == [2, 1]


def corners(frame: int, detections: Callable) -> InstanceData:
    """Two L-shapes in one box of 40 pixels, opened to different sides, that moves right by up to 12 pixels a frame."""
    left = [0, 3, 9, 18, 30, 42, 54, 66][frame]
    found = detections([(float(left), 20, 40 + left, 60)] * 2)
    for row, thick in enumerate((slice(0, 8), slice(32, 40))):
        mask, own = np.zeros((240, 320), np.uint8), np.zeros((40, 40), np.uint8)
        own[thick], own[:, thick] = 1, 1
        mask[20:60, left : left + 40] = own
        found.masks[row] = encode(mask)
    return found


@pytest.mark.parametrize(
    ('case', 'settings', 'expected'),
    [
        ('masks', dict(overlap='mask'), [2, 1]),
        ('boxes, which are equal', dict(overlap='box'), [1, 2]),
        ('masks, after a frame unseen', dict(overlap='mask', max_age=3), [2, 1]),
    ],
)
def test_sort_compares_masks_that_move_with_their_boxes(
    detections: Callable, feed: Callable, case: str, settings: dict, expected: list[int]
) -> None:
    tracker = SORTTracker(min_hits=0, **settings)
    assert tracker.requires == ({'masks'} if settings['overlap'] == 'mask' else set())
    for frame in range(6):
        feed(tracker, frame, corners(frame, detections))
    last = 7 if 'max_age' in settings else 6
    if last == 7:
        feed(tracker, 6, detections([]))
    swapped = corners(last, detections)
    swapped.masks.reverse()  # 12 pixels aside, where they were last seen, their IoU is 0.24
    assert feed(tracker, last, swapped).instance_ids.tolist() == expected


@pytest.mark.parametrize(
    'tracker', [IoUTracker(), SORTTracker(filtered_boxes=False), OCSORTTracker(), ByteTracker()]
)
def test_rows_are_those_of_the_frame(detections: Callable, feed: Callable, tracker: Tracker) -> None:
    found = detections([moving(0), moving(9)], scores=[0.05, 0.95], labels=[4, 2])
    tracks = feed(tracker, 0, found)
    row = slice(len(found.bboxes) - len(tracks.bboxes), None)  # some trackers leave out the weak one
    for name in ('bboxes', 'scores', 'labels', 'embeddings'):
        assert tracks[name].equal(found[name][row])
    assert tracks.masks == found.masks[row] and 'instance_ids' not in found


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: IoUTracker(overlap='masks'), "use 'box' or 'mask'"),  # type: ignore[arg-type]
        (lambda: IoUTracker(max_age=-1), 'max_age'),
        (lambda: SORTTracker(min_hits=-1), 'min_hits'),
        (lambda: SORTTracker(overlap='masks'), "use 'box' or 'mask'"),  # type: ignore[arg-type]
        (lambda: ByteTracker(low_threshold=0.8), 'must not fall'),
        (lambda: OCSORTTracker(momentum_frames=0), 'momentum_frames'),
    ],
)
def test_wrong_settings(make: Callable, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def clear_mota(truth: np.ndarray, found: np.ndarray) -> float:
    """MOTA of rows frame, id, x1, y1, x2, y2 (CLEAR metrics, IoU 0.5): pairs of the frame before are kept first."""
    held: dict[float, float] = {}
    errors = 0
    for frame in np.unique(np.concatenate([truth[:, 0], found[:, 0]])):
        true, own = truth[truth[:, 0] == frame], found[found[:, 0] == frame]
        overlap = box_iou(true[:, 2:], own[:, 2:])
        kept = np.array([held.get(i) for i in true[:, 1]], float)[:, None] == own[None, :, 1]
        rows, columns = linear_sum_assignment(np.where(overlap >= 0.5, overlap + 1000 * kept, 0), maximize=True)
        paired = overlap[rows, columns] >= 0.5
        rows, columns = rows[paired], columns[paired]
        errors += len(true) + len(own) - 2 * len(rows)
        for a, b in zip(true[rows, 1], own[columns, 1]):
            errors += held.get(a, b) != b
            held[a] = b
    return 1 - errors / len(truth)


def read_mot(path: Path) -> np.ndarray:
    """Rows frame, id, x1, y1, x2, y2, score of a MOTChallenge file."""
    rows = np.loadtxt(path, delimiter=',')[:, :7]
    rows[:, 4:6] += rows[:, 2:4]
    return rows


@pytest.mark.parametrize(('sequence', 'published'), [('TUD-Campus', 0.626741), ('TUD-Stadtmitte', 0.717128)])
def test_sort_reaches_its_published_score(data_dir: Path, sequence: str, published: float) -> None:
    folder = data_dir / 'real/mot/MOT15'
    truth = read_mot(folder / f'train/{sequence}/gt/gt.txt')[:, :6]
    program = read_mot(folder / f'results/sort/{sequence}.txt')[:, :6]
    assert clear_mota(truth, program) == pytest.approx(published, abs=1e-6)  # the counter counts as TrackEval does
    detected, tracker, rows = read_mot(folder / f'train/{sequence}/det/det.txt'), SORTTracker(), []
    for frame in range(1, int(truth[:, 0].max()) + 1):
        own = torch.from_numpy(detected[detected[:, 0] == frame]).float()
        found = InstanceData(bboxes=own[:, 2:6], scores=own[:, 6], labels=torch.zeros(len(own), dtype=torch.int64))
        tracks = tracker.update(found, FrameSample(metainfo=dict(frame_id=frame - 1, video_id=1)))
        ids = tracks.instance_ids.numpy()
        rows.append(np.column_stack([np.full(len(ids), frame), ids, tracks.bboxes.numpy()]))
    assert clear_mota(truth, np.concatenate(rows)) >= published - 1e-6
