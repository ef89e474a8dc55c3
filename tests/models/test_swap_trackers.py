"""Another track head or tracker in the config changes who is who, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from mmdet.errors import IncompatibleSlotsError

TRACKERS = [
    dict(type='MaskTrackTracker', motion='kalman'),
    dict(type='DeepSORTTracker', n_init=1, min_confidence=None, nms_max_overlap=1.0),
    dict(type='ByteTracker', high_threshold=0.1, low_threshold=0.0, new_threshold=0.1),
    dict(type='OCSORTTracker', min_confidence=0.0, min_hits=0),
    dict(type='SORTTracker', min_hits=0, filtered_boxes=False),
    dict(type='IoUTracker', overlap='mask'),
]


def _needs_embeddings(tracker: dict) -> bool:
    return tracker['type'] in ('MaskTrackTracker', 'DeepSORTTracker')


@pytest.mark.parametrize('tracker', TRACKERS, ids=lambda tracker: tracker['type'])
@pytest.mark.parametrize('head', [True, False], ids=['with track head', 'without'])
def test_detections_stay_the_same(build: Callable, annotated_clip: Callable, tracker: dict, head: bool) -> None:
    if _needs_embeddings(tracker) and not head:
        with pytest.raises(IncompatibleSlotsError, match='needs one embedding per detection'):
            build(lambda config: config.update(tracker=tracker, track_head=None))
        return
    clip = annotated_clip([2, 1, 2])
    first = build().eval()
    expected = first([clip[0]], [clip[1]], mode='predict')

    def change(config: dict) -> None:
        config['tracker'] = tracker
        if not head:
            config['track_head'] = None

    second = build(change).eval()
    missing, unused = second.load_state_dict(first.state_dict(), strict=False)
    assert not missing and all(name.startswith('track_head.') for name in unused)
    found = second([clip[0]], [clip[1]], mode='predict')
    reported = 0
    for old, new in zip(expected, found, strict=True):
        for name in ('bboxes', 'scores', 'labels'):
            assert new.pred_instances[name].equal(old.pred_instances[name])
        assert new.pred_instances.masks == old.pred_instances.masks
        rows = {tuple(box) for box in old.pred_instances.bboxes.tolist()}
        assert all(tuple(box) in rows for box in new.pred_tracks.bboxes.tolist())
        ids = new.pred_tracks.instance_ids
        assert len(ids.unique()) == len(ids) == len(new.pred_tracks.masks)
        assert ids.dtype == torch.int64
        reported += len(ids)
    assert reported > 0
