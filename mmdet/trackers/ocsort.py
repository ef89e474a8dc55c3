"""OC-SORT (arXiv 2203.14360): SORT that trusts what it saw more than what it predicted."""

from __future__ import annotations

import numpy as np

from mmdet.errors import ConfigError
from mmdet.registry import TRACKERS
from mmdet.structures import FrameSample, InstanceData
from mmdet.trackers.assignment import IntArray, assign, box_iou, forbid_other_classes
from mmdet.trackers.base import Tracker, with_identities
from mmdet.trackers.kalman import FloatArray, XYSRKalman
from mmdet.trackers.lifecycle import TrackTable
from mmdet.trackers.motion import BoxMotion, FrameClock
from mmdet.trackers.observation import Observation, observe


@TRACKERS.register_module()
class OCSORTTracker(Tracker):
    """SORT with the three corrections of the paper. Needs boxes only; identities count from 1.

    Momentum: a detection that lies in the direction in which a track was moving costs less. Recovery: tracks that are
    left are compared once more, at the box where they were last seen. Re-update: a track that comes back is filtered
    again along the straight line between its two observations, which undoes the errors piled up while it was unseen.

    Args:
        min_confidence: only detections with more than this score are used.
        max_age: frames that a track outlives unseen.
        min_hits: report a track after it was found again this often in a row; 0 reports it from its first detection on.
            In the first ``min_hits`` frames of a video all tracks are reported.
        min_iou: smallest IoU of a pair.
        momentum_frames: directions of motion are measured over this many frames.
        momentum_weight: how much direction counts beside IoU.
        per_class: a track keeps its class.
    """

    def __init__(
        self,
        min_confidence: float = 0.6,
        max_age: int = 30,
        min_hits: int = 3,
        min_iou: float = 0.3,
        momentum_frames: int = 3,
        momentum_weight: float = 0.2,
        per_class: bool = True,
    ) -> None:
        if max_age < 0 or min_hits < 0 or momentum_frames < 1 or momentum_weight < 0:
            raise ConfigError(
                'max_age, min_hits and momentum_weight cannot be negative and momentum_frames must be at least 1, got '
                f'{max_age}, {min_hits}, {momentum_weight} and {momentum_frames}'
            )
        self.min_confidence, self.max_age, self.min_hits, self.min_iou = min_confidence, max_age, min_hits, min_iou
        self.momentum_frames, self.momentum_weight, self.per_class = momentum_frames, momentum_weight, per_class
        self.reset()

    def reset(self) -> None:
        """Forget all tracks; identities start at 1 again."""
        self.tracks = TrackTable()
        self.motion = BoxMotion(XYSRKalman())
        self._clock = FrameClock()
        self._frames = 0
        self._seen: FloatArray = np.zeros((0, 4))  # (M, 4) where each track was last seen
        self._seen_at: IntArray = np.zeros(0, np.int64)  # (M,) when, by the clock
        self._history: FloatArray = np.zeros((0, self.momentum_frames, 4))  # boxes of the last frames, NaN if unseen
        self._direction: FloatArray = np.zeros((0, 2))  # (M, 2) unit vector of motion, zero while unknown
        # states of lost tracks in the frame in which they were last seen; of others, nothing to rely on
        self._anchor_mean, self._anchor_covariance = self.motion.mean, self.motion.covariance

    def update(self, detections: InstanceData, sample: FrameSample) -> InstanceData:
        """See :meth:`Tracker.update`."""
        found = observe(detections, sample)
        self._frames += 1
        self.tracks.advance()
        before = self.motion.mean, self.motion.covariance
        self.motion.predict(self._clock.tick(sample))
        earlier = self._earlier_boxes()
        rows, columns, new = self._associate(found, earlier)
        self._observe_again(rows, found.bboxes[columns], earlier)
        self.tracks.match(rows, columns)
        lost = np.flatnonzero(self.tracks.missed == 1)
        self._anchor_mean[lost], self._anchor_covariance[lost] = before[0][lost], before[1][lost]
        kept = self.tracks.missed <= self.max_age
        if not kept.all():
            self._keep(kept)
        self._found(found, np.sort(new))
        reported = (self.tracks.streak >= self.min_hits) | (self._frames <= self.min_hits)
        return with_identities(detections, self.tracks.identities(reported, len(found)))

    def forecast(self, steps: int) -> dict[int, FloatArray]:
        """See :meth:`Tracker.forecast`."""
        return self.motion.forecast(self.tracks.ids, steps)

    def _earlier_boxes(self) -> FloatArray:
        """(M, 4) each track's oldest box of the last ``momentum_frames`` frames, else the last that was seen."""
        unseen = np.isnan(self._history[:, :, 0])  # (M, F)
        oldest = self._history[np.arange(len(unseen)), np.argmin(unseen, 1)]
        return np.where(np.isnan(oldest), self._seen, oldest)

    def _associate(self, found: Observation, earlier: FloatArray) -> tuple[IntArray, IntArray, IntArray]:
        """Tracks, their detections, and the detections that nobody claimed."""
        usable = np.flatnonzero(found.scores > self.min_confidence)
        cost = self._gated(1 - box_iou(self.motion.bboxes(), found.bboxes), self.tracks.labels, found.labels)
        row, column = np.divmod(np.flatnonzero(np.isfinite(cost)), max(len(found), 1))  # as nonzero, but faster
        cost[row, column] -= self._momentum(row, earlier[row], found.bboxes[column]) * found.scores[column]
        first = assign(cost, 1 - self.min_iou + self.momentum_weight / 2, columns=usable)
        left, free = first.unmatched_rows, first.unmatched_columns
        if not len(left) or not len(free):
            return first.rows, first.columns, free
        cost = 1 - box_iou(self._seen[left], found.bboxes[free])
        second = assign(self._gated(cost, self.tracks.labels[left], found.labels[free]), 1 - self.min_iou)
        rows = np.concatenate([first.rows, left[second.rows]])
        columns = np.concatenate([first.columns, free[second.columns]])
        return rows, columns, free[second.unmatched_columns]

    def _gated(self, cost: FloatArray, labels: IntArray, other_labels: IntArray) -> FloatArray:
        """1 - IoU with ``inf`` where boxes overlap too little or, if that matters, have different classes."""
        cost[cost > 1 - self.min_iou] = np.inf
        return forbid_other_classes(cost, labels, other_labels) if self.per_class else cost

    def _momentum(self, rows: IntArray, earlier: FloatArray, bboxes: FloatArray) -> FloatArray:
        """Bonus (K,) in ±momentum_weight / 2 for box k (K, 4) by how straight ahead of track ``rows[k]`` it lies."""
        cosine = (_directions(earlier, bboxes) * self._direction[rows]).sum(1)
        angle = np.arccos(np.clip(cosine, -1, 1))  # a track of unknown direction has pi / 2 to everything
        return self.momentum_weight * (0.5 - angle / np.pi)

    def _observe_again(self, rows: IntArray, bboxes: FloatArray, earlier: FloatArray) -> None:
        """Write the boxes (K, 4) of the tracks ``rows`` into filter, directions and history."""
        back = self.tracks.missed[rows] > 1
        if back.any():
            self._replay(rows[back], bboxes[back], self._clock.time - self._seen_at[rows[back]])
        self.motion.update(rows, bboxes)
        self._direction[rows] = _directions(earlier[rows], bboxes)
        self._seen[rows], self._seen_at[rows] = bboxes, self._clock.time
        self._history[:, :-1] = self._history[:, 1:]
        self._history[:, -1] = np.nan
        self._history[rows, -1] = bboxes

    def _replay(self, rows: IntArray, bboxes: FloatArray, gaps: IntArray) -> None:
        """Predict tracks last seen ``gaps`` (K,) frames ago as if they had been seen on the way to ``bboxes``."""
        kalman = self.motion.kalman
        mean, covariance, start = self._anchor_mean[rows], self._anchor_covariance[rows], self._seen[rows]
        for step in range(1, int(gaps.max())):
            on = np.flatnonzero(gaps > step)
            state = kalman.predict(mean[on], covariance[on])
            between = start[on] + (bboxes - start)[on] * (step / gaps[on])[:, None]
            mean[on], covariance[on] = kalman.update(*state, kalman.measure(between))
        self.motion.mean[rows], self.motion.covariance[rows] = kalman.predict(mean, covariance)

    def _keep(self, kept: np.ndarray) -> None:
        self.tracks.keep(kept)
        self.motion.keep(kept)
        self._seen, self._seen_at = self._seen[kept], self._seen_at[kept]
        self._history, self._direction = self._history[kept], self._direction[kept]
        self._anchor_mean, self._anchor_covariance = self._anchor_mean[kept], self._anchor_covariance[kept]

    def _found(self, found: Observation, new: IntArray) -> None:
        """Start a track at each of the detections ``new`` (K,)."""
        if not len(new):
            return
        count = len(new)
        self.tracks.found(new, found.labels[new], confirmed=True)
        self.motion.append(found.bboxes[new])
        self._seen = np.concatenate([self._seen, found.bboxes[new]])
        self._seen_at = np.concatenate([self._seen_at, np.full(count, self._clock.time)])
        history = np.full((count, self.momentum_frames, 4), np.nan)
        history[:, -1] = found.bboxes[new]
        self._history = np.concatenate([self._history, history])
        self._direction = np.concatenate([self._direction, np.zeros((count, 2))])
        self._anchor_mean = np.concatenate([self._anchor_mean, self.motion.mean[-count:]])
        self._anchor_covariance = np.concatenate([self._anchor_covariance, self.motion.covariance[-count:]])


def _directions(start: FloatArray, end: FloatArray) -> FloatArray:
    """Unit vectors (..., 2) between the centres of boxes (..., 4); zero where the centres agree."""
    move = (end[..., :2] + end[..., 2:] - start[..., :2] - start[..., 2:]) / 2
    length = np.sqrt(move[..., :1] ** 2 + move[..., 1:] ** 2)
    return move / np.maximum(length, 1e-6)
