"""DeepSORT's tracker against the original program: the same tracks, identities and boxes in every frame."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mmdet.structures import FrameSample, InstanceData
from mmdet.trackers import DeepSORTTracker

TLWH_TOLERANCE = 1e-3  # pixels, as stated with the expected values


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

    def reported_boxes(self, variant: str) -> np.ndarray:
        """Boxes (K, 4) x1 y1 x2 y2 of what is reported, before they become whole pixels."""
        tlwh = self.expected['wrapper_tlwh' if variant == 'wrapper' else f'{variant}_confirmed_tlwh'].astype(np.float64)
        return np.concatenate([tlwh[:, :2], tlwh[:, :2] + tlwh[:, 2:]], 1)

    def whole(self, bboxes: np.ndarray) -> np.ndarray:
        """Boxes (K, 4) truncated and cut to pixels of the frame, as the original program reports them."""
        limit = np.array([self.config['image_width'] - 1, self.config['image_height'] - 1])
        cut = np.trunc(bboxes)
        return np.concatenate([np.maximum(cut[:, :2], 0), np.minimum(cut[:, 2:], limit)], 1)

    @staticmethod
    def borderline(bboxes: np.ndarray) -> np.ndarray:
        """Whether each number (K, 4) is so near a whole one that truncation may go either way."""
        return np.abs(bboxes - np.rint(bboxes)) < TLWH_TOLERANCE


@pytest.fixture
def scenario(parity_dir: Path) -> Scenario:
    return Scenario(parity_dir / 'deepsort_tracker')


@pytest.mark.parametrize('variant', ['direct', 'tight'])
def test_every_track(scenario: Scenario, variant: str) -> None:
    tracker = scenario.tracker(variant)
    expected, tlwh = scenario.expected[f'{variant}_tracks'], scenario.expected[f'{variant}_tlwh']
    for frame in range(len(scenario.ends)):
        tracker.update(*scenario.frame(frame, centred=False))
        t, rows = tracker.tracks, expected[:, 0] == frame
        found = np.column_stack([t.ids, t.confirmed, t.missed, t.hits, t.age, t.detection])
        np.testing.assert_array_equal(found, expected[rows, 1:], err_msg=f'frame {frame}')
        boxes = tracker.motion.bboxes()
        boxes[:, 2:] -= boxes[:, :2]
        np.testing.assert_allclose(boxes, tlwh[rows], atol=TLWH_TOLERANCE, err_msg=f'frame {frame}')


@pytest.mark.parametrize('variant', ['direct', 'tight', 'wrapper'])
def test_output_with_the_paper_switch(scenario: Scenario, variant: str) -> None:
    """Confirmed tracks missed at most once, ghosts among them: identities equal, boxes to the whole pixel."""
    tracker, exact = scenario.tracker(variant), scenario.reported_boxes(variant)
    reported = scenario.expected['wrapper_output' if variant == 'wrapper' else f'{variant}_confirmed'][:, :2]
    whole, ghosts = scenario.whole(exact), 0
    if variant == 'wrapper':
        apart = np.abs(whole - scenario.expected['wrapper_output'][:, 2:])
        assert (apart <= scenario.borderline(exact)).all()  # what the original made of them is what is stated here
    for frame in range(len(scenario.ends)):
        found, sample = scenario.frame(frame, centred=variant == 'wrapper')
        tracks = tracker.update(found, sample)
        rows = np.flatnonzero(reported[:, 0] == frame)
        rows = rows[np.argsort(reported[rows, 1])]
        ids, order = tracks.instance_ids.sort()
        assert ids.tolist() == reported[rows, 1].tolist(), f'frame {frame}'
        apart = np.abs(tracks.bboxes[order].numpy() - whole[rows])
        assert (apart <= scenario.borderline(exact[rows])).all(), f'frame {frame}'
        ghosts += int((tracker.tracks.confirmed & (tracker.tracks.missed == 1)).sum())
    assert ghosts > 10


def test_detections_that_reach_the_tracker(scenario: Scenario) -> None:
    tracker, kept = scenario.tracker('wrapper'), scenario.expected['wrapper_kept_detections']
    for frame in range(len(scenario.ends)):
        tracker.update(*scenario.frame(frame, centred=True))
        used = tracker.tracks.detection[tracker.tracks.detection >= 0]
        assert sorted(used) == sorted(kept[kept[:, 0] == frame, 1]), f'frame {frame}'
