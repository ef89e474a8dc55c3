"""ByteTrack (arXiv 2110.06864): sure detections first, then the unsure ones for the tracks that are left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmdet.errors import ConfigError
from mmdet.registry import TRACKERS
from mmdet.structures import FrameSample, InstanceData
from mmdet.trackers.assignment import IntArray, assign, box_iou, forbid_other_classes
from mmdet.trackers.base import Tracker, with_identities
from mmdet.trackers.kalman import FloatArray, XYAHKalman
from mmdet.trackers.lifecycle import TrackTable
from mmdet.trackers.motion import BoxMotion, FrameClock
from mmdet.trackers.observation import Observation, observe


@TRACKERS.register_module()
class ByteTracker(Tracker):
    """Pairs detections with predicted boxes by IoU in three rounds. Needs boxes only; identities count from 1.

    Round one pairs confirmed tracks, lost ones too, with detections of high score; round two the confirmed tracks seen
    in the frame before that are left with detections of low score; round three tentative tracks with what is left of
    the high ones. A track is tentative until its second detection, except in a video's first frame, and ends at its
    first miss while it is that. Of a track that is seen and a lost one whose boxes cover each other, the one that was
    followed for fewer frames ends: an object must not come back under two identities.

    Args:
        high_threshold: scores from here on are high.
        low_threshold: scores above this, up to the high ones, are low; the rest is not used.
        new_threshold: a track begins with a score from here on.
        min_iou, min_iou_low, min_iou_tentative: smallest IoU of a pair in the three rounds.
        weigh_by_score: multiply the IoU by the detection's score in rounds one and three.
        max_age: frames that a confirmed track outlives unseen.
        per_class: a track keeps its class.
        duplicate_iou: a seen and a lost track, of one class if ``per_class``, are duplicates above this IoU; 1 keeps
            all.
    """

    def __init__(
        self,
        high_threshold: float = 0.6,
        low_threshold: float = 0.1,
        new_threshold: float = 0.7,
        min_iou: float = 0.2,
        min_iou_low: float = 0.5,
        min_iou_tentative: float = 0.3,
        weigh_by_score: bool = True,
        max_age: int = 30,
        per_class: bool = True,
        duplicate_iou: float = 0.85,
    ) -> None:
        if not low_threshold <= high_threshold <= new_threshold:
            raise ConfigError(
                'low_threshold, high_threshold and new_threshold must not fall in this order, got '
                f'{low_threshold}, {high_threshold} and {new_threshold}'
            )
        if max_age < 0:
            raise ConfigError(f'max_age cannot be negative, got {max_age}')
        self.high_threshold, self.low_threshold, self.new_threshold = high_threshold, low_threshold, new_threshold
        self.min_iou, self.min_iou_low, self.min_iou_tentative = min_iou, min_iou_low, min_iou_tentative
        self.weigh_by_score, self.max_age, self.per_class = weigh_by_score, max_age, per_class
        self.duplicate_iou = duplicate_iou
        self.reset()

    def reset(self) -> None:
        """Forget all tracks; identities start at 1 again."""
        self.tracks = TrackTable()
        self.motion = BoxMotion(XYAHKalman())
        self._clock = FrameClock()
        self._frames = 0

    def update(self, detections: InstanceData, sample: FrameSample) -> InstanceData:
        """See :meth:`Tracker.update`."""
        found = observe(detections, sample)
        self._frames += 1
        self.tracks.advance()
        self.motion.predict(self._clock.tick(sample))
        rows, columns, unclaimed = self._associate(found)
        self.tracks.match(rows, columns)
        self.motion.update(rows, found.bboxes[columns])
        missed = self.tracks.missed
        kept = np.where(self.tracks.confirmed, missed <= self.max_age, missed == 0)
        self.tracks.confirmed |= missed == 0
        self._keep(kept)
        new = np.sort(unclaimed[found.scores[unclaimed] >= self.new_threshold])
        self.tracks.found(new, found.labels[new], confirmed=self._frames == 1)
        self.motion.append(found.bboxes[new])
        self._keep(~self._duplicates())
        self.motion.mean[self.tracks.missed > 0, 7] = 0  # a lost track keeps its height
        return with_identities(detections, self.tracks.identities(self.tracks.confirmed, len(found)))

    def forecast(self, steps: int) -> dict[int, FloatArray]:
        """See :meth:`Tracker.forecast`."""
        return self.motion.forecast(self.tracks.ids, steps)

    def _keep(self, kept: NDArray[np.bool_]) -> None:
        if not kept.all():
            self.tracks.keep(kept)
            self.motion.keep(kept)

    def _duplicates(self) -> NDArray[np.bool_]:
        """Tracks (M,) that another one, seen where it is lost or lost where it is seen, makes superfluous."""
        tracks, found = self.tracks, np.zeros(len(self.tracks), bool)
        seen, lost = np.flatnonzero(tracks.missed == 0), np.flatnonzero(tracks.missed > 0)
        if not len(seen) or not len(lost) or self.duplicate_iou >= 1:
            return found
        bboxes = self.motion.bboxes()
        same = box_iou(bboxes[seen], bboxes[lost]) > self.duplicate_iou
        if self.per_class:
            same &= tracks.labels[seen, None] == tracks.labels[lost]
        row, column = np.nonzero(same)
        row, column = seen[row], lost[column]
        followed = tracks.age - tracks.missed  # frames from the first detection to the last
        found[np.where(followed[row] > followed[column], column, row)] = True
        return found

    def _associate(self, found: Observation) -> tuple[IntArray, IntArray, IntArray]:
        """Tracks, their detections, and the high detections that nobody claimed."""
        high = np.flatnonzero(found.scores >= self.high_threshold)
        low = np.flatnonzero((found.scores > self.low_threshold) & (found.scores < self.high_threshold))
        overlap = box_iou(self.motion.bboxes(), found.bboxes)  # (M, N)
        weighed, plain = 1 - (overlap * found.scores if self.weigh_by_score else overlap), 1 - overlap
        if self.per_class:  # last: a forbidden pair costs inf, which times a score of 0 is no number
            weighed = forbid_other_classes(weighed, self.tracks.labels, found.labels)
            plain = forbid_other_classes(plain, self.tracks.labels, found.labels)
        confirmed = self.tracks.confirmed
        first = assign(weighed, 1 - self.min_iou, np.flatnonzero(confirmed), high)
        rest = first.unmatched_rows[self.tracks.missed[first.unmatched_rows] == 1]
        second = assign(plain, 1 - self.min_iou_low, rest, low)
        tentative = np.flatnonzero(~confirmed)
        third = assign(weighed, 1 - self.min_iou_tentative, tentative, first.unmatched_columns)
        rows = np.concatenate([first.rows, second.rows, third.rows])
        columns = np.concatenate([first.columns, second.columns, third.columns])
        return rows, columns, third.unmatched_columns
