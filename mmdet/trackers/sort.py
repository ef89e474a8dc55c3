"""SORT (arXiv 1602.00763): Kalman-predicted boxes, IoU, one assignment."""

from __future__ import annotations

import numpy as np
import torch

from mmdet.errors import ConfigError
from mmdet.registry import TRACKERS
from mmdet.structures import FrameSample, InstanceData
from mmdet.trackers.assignment import assign, box_iou, forbid_other_classes
from mmdet.trackers.base import Tracker, with_identities
from mmdet.trackers.kalman import FloatArray, XYSRKalman
from mmdet.trackers.lifecycle import TrackTable
from mmdet.trackers.motion import BoxMotion, FrameClock
from mmdet.trackers.observation import observe


@TRACKERS.register_module()
class SORTTracker(Tracker):
    """Pairs detections with predicted boxes by IoU. Needs boxes only; identities count from 1.

    Motion is a box's, so overlap is too; :class:`IoUTracker` compares masks.

    Args:
        max_age: frames that a track outlives unseen.
        min_hits: report a track after it was found again this often in a row; 0 reports it from its first detection on.
            In the first ``min_hits`` frames of a video all tracks are reported.
        min_iou: smallest IoU of a pair.
        min_confidence: only detections with more than this score are used; None uses all.
        per_class: a track keeps its class.
        filtered_boxes: report the Kalman filter's boxes, as published, instead of the detected.
    """

    def __init__(
        self,
        max_age: int = 1,
        min_hits: int = 3,
        min_iou: float = 0.3,
        min_confidence: float | None = None,
        per_class: bool = True,
        filtered_boxes: bool = True,
    ) -> None:
        if max_age < 0 or min_hits < 0:
            raise ConfigError(f'max_age and min_hits cannot be negative, got {max_age} and {min_hits}')
        self.max_age, self.min_hits, self.min_iou = max_age, min_hits, min_iou
        self.min_confidence, self.per_class, self.filtered_boxes = min_confidence, per_class, filtered_boxes
        self.reset()

    def reset(self) -> None:
        """Forget all tracks; identities start at 1 again."""
        self.tracks = TrackTable()
        self.motion = BoxMotion(XYSRKalman())
        self._clock = FrameClock()
        self._frames = 0

    def update(self, detections: InstanceData, sample: FrameSample) -> InstanceData:
        """See :meth:`Tracker.update`."""
        found = observe(detections, sample)
        self._frames += 1
        self.tracks.advance()
        self.motion.predict(self._clock.tick(sample))
        usable = np.arange(len(found))
        if self.min_confidence is not None:
            usable = usable[found.scores > self.min_confidence]
        cost = 1 - box_iou(self.motion.bboxes(), found.bboxes)
        if self.per_class:
            cost = forbid_other_classes(cost, self.tracks.labels, found.labels)
        matches = assign(cost, 1 - self.min_iou, columns=usable)
        self.tracks.match(matches.rows, matches.columns)
        self.motion.update(matches.rows, found.bboxes[matches.columns])
        kept = self.tracks.missed <= self.max_age
        if not kept.all():
            self.tracks.keep(kept)
            self.motion.keep(kept)
        new = matches.unmatched_columns
        self.tracks.found(new, found.labels[new], confirmed=True)
        self.motion.append(found.bboxes[new])
        reported = (self.tracks.streak >= self.min_hits) | (self._frames <= self.min_hits)
        tracks = with_identities(detections, self.tracks.identities(reported, len(found)))
        if self.filtered_boxes:
            bboxes = self.motion.bboxes()[self.tracks.rows_of(tracks.instance_ids)]
            tracks.bboxes = torch.from_numpy(bboxes.astype(np.float32))
        return tracks

    def forecast(self, steps: int) -> dict[int, FloatArray]:
        """See :meth:`Tracker.forecast`."""
        return self.motion.forecast(self.tracks.ids, steps)
