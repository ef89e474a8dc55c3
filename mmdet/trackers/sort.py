"""SORT (arXiv 1602.00763): Kalman-predicted boxes, IoU of boxes or masks, one assignment."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch

from mmdet.errors import ConfigError
from mmdet.ops.rle import shift
from mmdet.registry import TRACKERS
from mmdet.structures import RLE, FrameSample, InstanceData
from mmdet.trackers.assignment import assign, box_iou, forbid_other_classes, mask_iou
from mmdet.trackers.base import Tracker, with_identities
from mmdet.trackers.kalman import FloatArray, XYSRKalman
from mmdet.trackers.lifecycle import TrackTable
from mmdet.trackers.motion import BoxMotion, FrameClock
from mmdet.trackers.observation import Observation, observe


@TRACKERS.register_module()
class SORTTracker(Tracker):
    """Pairs detections with predicted boxes or masks by IoU. Identities count from 1.

    Args:
        max_age: frames that a track outlives unseen.
        min_hits: report a track after it was found again this often in a row; 0 reports it from its first detection on.
            In the first ``min_hits`` frames of a video all tracks are reported.
        min_iou: smallest IoU of a pair.
        min_confidence: only detections with more than this score are used; None uses all.
        per_class: a track keeps its class.
        filtered_boxes: report the Kalman filter's boxes, as published, instead of the detected.
        overlap: ``box`` compares predicted with detected boxes, as published. ``mask`` compares masks: a track's is
            the last that was seen, moved as the filter expects its box to have moved since.
    """

    def __init__(
        self,
        max_age: int = 1,
        min_hits: int = 3,
        min_iou: float = 0.3,
        min_confidence: float | None = None,
        per_class: bool = True,
        filtered_boxes: bool = True,
        overlap: Literal['box', 'mask'] = 'box',
    ) -> None:
        if max_age < 0 or min_hits < 0:
            raise ConfigError(f'max_age and min_hits cannot be negative, got {max_age} and {min_hits}')
        if overlap not in ('box', 'mask'):
            raise ConfigError(f"overlap {overlap!r} does not exist; use 'box' or 'mask'")
        self.overlap = overlap
        self.requires = frozenset({'masks'}) if overlap == 'mask' else frozenset()
        self.max_age, self.min_hits, self.min_iou = max_age, min_hits, min_iou
        self.min_confidence, self.per_class, self.filtered_boxes = min_confidence, per_class, filtered_boxes
        self.reset()

    def reset(self) -> None:
        """Forget all tracks; identities start at 1 again."""
        self.tracks = TrackTable()
        self.motion = BoxMotion(XYSRKalman())
        self._clock = FrameClock()
        self._frames = 0
        self._seen: dict[int, _Seen] = {}  # of every track by identity, where masks are compared

    def update(self, detections: InstanceData, sample: FrameSample) -> InstanceData:
        """See :meth:`Tracker.update`."""
        found = observe(detections, sample, self.requires)
        self._frames += 1
        self.tracks.advance()
        self.motion.predict(self._clock.tick(sample))
        usable = np.arange(len(found))
        if self.min_confidence is not None:
            usable = usable[found.scores > self.min_confidence]
        cost = 1 - self._overlaps(found)
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
        self._remember(found)
        reported = (self.tracks.streak >= self.min_hits) | (self._frames <= self.min_hits)
        tracks = with_identities(detections, self.tracks.identities(reported, len(found)))
        if self.filtered_boxes:
            bboxes = self.motion.bboxes()[self.tracks.rows_of(tracks.instance_ids)]
            tracks.bboxes = torch.from_numpy(bboxes.astype(np.float32))
        return tracks

    def forecast(self, steps: int) -> dict[int, FloatArray]:
        """See :meth:`Tracker.forecast`."""
        return self.motion.forecast(self.tracks.ids, steps)

    def _overlaps(self, found: Observation) -> FloatArray:
        """IoU (M, N) of the tracks, where they should be now, with the detections."""
        if self.overlap == 'box':
            return box_iou(self.motion.bboxes(), found.bboxes)
        if not len(self.tracks) or found.masks is None:
            return np.zeros((len(self.tracks), len(found)))
        seen = [self._seen[identity] for identity in self.tracks.ids.tolist()]
        moves = np.rint(self.motion.mean[:, :2] - np.stack([last.centre for last in seen])).astype(int)  # (M, 2)
        return mask_iou([shift(last.mask, *move) for last, move in zip(seen, moves.tolist())], found.masks)

    def _remember(self, found: Observation) -> None:
        """Keep what the tracks that were seen in this frame look like, and where the filter has them."""
        if self.overlap == 'box':
            return
        before, masks = self._seen, found.masks or []
        rows = zip(self.tracks.ids.tolist(), self.tracks.detection.tolist(), self.motion.mean[:, :2])
        self._seen = {
            identity: before[identity] if column < 0 else _Seen(masks[column], centre.copy())
            for identity, column, centre in rows
        }


class _Seen(NamedTuple):
    """A track when it was last seen: its mask, and the centre (2,) of the filter's box."""

    mask: RLE
    centre: FloatArray
