"""What holds for every tracker: bad input, empty frames, determinism, and which models it fits into."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch

from mmdet.errors import DataError, IncompatibleSlotsError
from mmdet.models.video.slots import check_slots
from mmdet.registry import TRACKERS, register_all
from mmdet.structures import InstanceData
from mmdet.trackers import Tracker

register_all()
CONFIGS = [
    dict(type='MaskTrackTracker'),
    dict(type='MaskTrackTracker', motion='kalman', memory_frames=5),
    dict(type='DeepSORTTracker', n_init=1),
    dict(type='DeepSORTTracker', paper=True),
    dict(type='ByteTracker'),
    dict(type='OCSORTTracker'),
    dict(type='SORTTracker'),
    dict(type='SORTTracker', overlap='mask'),
    dict(type='PointTrackTracker', overlap_weight=0.0),
    dict(type='IoUTracker'),
    dict(type='IoUTracker', overlap='mask'),
]
NAMES = ['-'.join(str(value) for value in config.values()) for config in CONFIGS]
BOX = (10.0, 10, 30, 50)


@pytest.fixture(params=CONFIGS, ids=NAMES)
def tracker(request: pytest.FixtureRequest) -> Tracker:
    return TRACKERS.build(request.param)


def _crowd(frames: int, seed: int, make: Callable) -> list[InstanceData]:
    """Five objects that drift apart; some are missing, sometimes all."""
    generator = torch.Generator().manual_seed(seed)
    looks, speed = torch.randn(5, 4, generator=generator), torch.randn(5, 2, generator=generator) * 3
    found = []
    for frame in range(frames):
        rows = [i for i in torch.randperm(5, generator=generator).tolist() if torch.rand(1, generator=generator) > 0.2]
        corner = torch.arange(5)[:, None] * 40 + frame * speed
        boxes = torch.cat([corner, corner + torch.tensor([20.0, 40])], 1)
        rows = [] if frame == 5 else rows
        scores = (0.75 + 0.25 * torch.rand(len(rows), generator=generator)).tolist()
        found.append(make(boxes[rows].tolist(), scores, [i % 2 for i in rows], looks[rows].tolist()))
        found[-1].masks = [{'size': [9, 1], 'counts': f'{i}{9 - i}'} for i in rows]
    return found


def _ids(tracker: Tracker, frames: list[InstanceData], feed: Callable) -> list[list[int]]:
    return [feed(tracker, i, found).instance_ids.tolist() for i, found in enumerate(frames)]


def test_videos_do_not_influence_each_other(tracker: Tracker, detections: Callable, feed: Callable) -> None:
    first, second = _crowd(12, 0, detections), _crowd(12, 1, detections)
    fresh = copy.deepcopy(tracker)
    alone = _ids(fresh, second, feed)
    _ids(tracker, first, feed)
    tracker.reset()
    assert _ids(tracker, second, feed) == alone
    assert any(alone)


def test_two_trackers_side_by_side(tracker: Tracker, detections: Callable, feed: Callable) -> None:
    other, frames = copy.deepcopy(tracker), _crowd(8, 2, detections)
    for index, found in enumerate(frames):
        mine, others = feed(tracker, index, found), feed(other, index, found)
        assert mine.instance_ids.equal(others.instance_ids) and mine.bboxes.equal(others.bboxes)


def test_no_identity_twice_in_a_frame(tracker: Tracker, detections: Callable, feed: Callable) -> None:
    for ids in _ids(tracker, _crowd(20, 3, detections), feed):
        assert len(set(ids)) == len(ids)


def test_frames_without_detections(tracker: Tracker, detections: Callable, feed: Callable) -> None:
    for frame in range(3):
        tracks = feed(tracker, frame, detections([]))
        assert tracks.instance_ids.shape == (0,) and tracks.instance_ids.dtype == torch.int64
        assert tracks.masks == [] and tracks.bboxes.shape == (0, 4)


def _broken(found: InstanceData, name: str, value: object) -> InstanceData:
    setattr(found, name, value)
    return found


@pytest.mark.parametrize(
    ('case', 'name', 'value', 'message'),
    [
        ('NaN box', 'bboxes', [[10.0, 10, 30, 50], [1.0, float('nan'), 3, 4]], 'of detection 1 is not finite'),
        ('infinite box', 'bboxes', [[10.0, 10, 30, float('inf')], [1, 2, 3, 4]], 'of detection 0 is not finite'),
        ('inside out', 'bboxes', [[30.0, 10, 10, 50], [1, 2, 3, 4]], 'ends before it begins'),
        ('five columns', 'bboxes', [[30.0, 10, 40, 50, 1], [1, 2, 3, 4, 1]], r'must be \(N, 4\) boxes'),
        ('NaN score', 'scores', [0.5, float('nan')], 'score nan of detection 1 is not finite'),
    ],
    ids=lambda value: value if isinstance(value, str) and ' ' in value else '',
)
def test_bad_numbers(
    tracker: Tracker, detections: Callable, feed: Callable, case: str, name: str, value: list, message: str
) -> None:
    found = _broken(detections([BOX, (100.0, 10, 120, 50)]), name, torch.tensor(value))
    with pytest.raises(DataError, match=f'video 7, frame 3: .*{message}'):
        feed(tracker, 3, found)


@pytest.mark.parametrize('config', [c for c in CONFIGS if 'embeddings' in TRACKERS.build(c).requires])
@pytest.mark.parametrize(
    ('case', 'vectors', 'message'),
    [
        ('other length', [[1.0, 0, 0]], 'embeddings have length 3, but 2 in earlier frames'),
        ('NaN', [[1.0, float('nan')]], 'embedding.* of detection 0 is not finite'),
    ],
)
def test_bad_embeddings(
    config: dict, detections: Callable, feed: Callable, case: str, vectors: list, message: str
) -> None:
    tracker = TRACKERS.build(config)
    feed(tracker, 0, detections([BOX]))
    with pytest.raises(DataError, match=message):
        feed(tracker, 1, detections([BOX], vectors=vectors))
    found = detections([BOX])
    del found.embeddings
    with pytest.raises(DataError, match='carry no embeddings'):
        feed(tracker, 1, found)


def test_missing_masks(detections: Callable, feed: Callable) -> None:
    with pytest.raises(DataError, match='has no mask'):
        feed(TRACKERS.build(CONFIGS[-1]), 0, _broken(detections([BOX]), 'masks', [None]))


@pytest.mark.parametrize(
    ('config', 'provides', 'head', 'message'),
    [
        (dict(type='DeepSORTTracker'), {'pyramid', 'masks'}, False, 'DeepSORTTracker needs one embedding'),
        (dict(type='DeepSORTTracker'), {'pyramid', 'masks'}, True, None),
        (dict(type='IoUTracker', overlap='mask'), {'pyramid'}, False, 'IoUTracker needs instance masks'),
        (dict(type='IoUTracker', overlap='mask'), {'pyramid', 'masks'}, False, None),
        (dict(type='IoUTracker'), set(), False, None),
        (dict(type='SORTTracker'), set(), False, None),
        (dict(type='SORTTracker', overlap='mask'), {'pyramid'}, False, 'SORTTracker needs instance masks'),
        (dict(type='ByteTracker'), {'pyramid'}, False, None),
        (dict(type='OCSORTTracker'), {'pyramid'}, False, None),
    ],
)
def test_slots(config: dict, provides: set[str], head: bool, message: str | None) -> None:
    detector = SimpleNamespace(provides=provides)
    track_head = SimpleNamespace(requires=frozenset({'pyramid'})) if head else None
    if message is None:
        check_slots(detector, None, track_head, TRACKERS.build(config))
    else:
        with pytest.raises(IncompatibleSlotsError, match=message):
            check_slots(detector, None, track_head, TRACKERS.build(config))
