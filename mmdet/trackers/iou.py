"""The simplest tracker: what overlaps the last box or mask of a track is the same object."""

from __future__ import annotations

from typing import Literal

import numpy as np

from mmdet.errors import ConfigError
from mmdet.registry import TRACKERS
from mmdet.structures import RLE, FrameSample, InstanceData
from mmdet.trackers.assignment import assign, box_iou, forbid_other_classes, mask_iou
from mmdet.trackers.base import Tracker, with_identities
from mmdet.trackers.kalman import FloatArray
from mmdet.trackers.lifecycle import TrackTable
from mmdet.trackers.observation import Observation, observe


@TRACKERS.register_module()
class IoUTracker(Tracker):
    """Pairs detections with the last detections of the tracks by IoU. Identities count from 1.

    Args:
        overlap: ``box`` or ``mask`` IoU.
        min_iou: smallest IoU of a pair.
        max_age: frames that a track outlives unseen.
        min_confidence: only detections with more than this score are used and returned; None uses all.
        per_class: a track keeps its class.
    """

    def __init__(
        self,
        overlap: Literal['box', 'mask'] = 'box',
        min_iou: float = 0.3,
        max_age: int = 10,
        min_confidence: float | None = None,
        per_class: bool = True,
    ) -> None:
        if overlap not in ('box', 'mask'):
            raise ConfigError(f"overlap {overlap!r} does not exist; use 'box' or 'mask'")
        if max_age < 0:
            raise ConfigError(f'max_age cannot be negative, got {max_age}')
        self.overlap, self.min_iou, self.max_age = overlap, min_iou, max_age
        self.min_confidence, self.per_class = min_confidence, per_class
        self.requires = frozenset({'masks'}) if overlap == 'mask' else frozenset()
        self.reset()

    def reset(self) -> None:
        """Forget all tracks; identities start at 1 again."""
        self.tracks = TrackTable()
        self._bboxes: FloatArray = np.zeros((0, 4))  # (M, 4) where each track was last seen
        self._masks: list[RLE] = []  # M masks where they are compared

    def update(self, detections: InstanceData, sample: FrameSample) -> InstanceData:
        """See :meth:`Tracker.update`."""
        found = observe(detections, sample, self.requires)
        self.tracks.advance()
        usable = np.arange(len(found))
        if self.min_confidence is not None:
            usable = usable[found.scores > self.min_confidence]
        cost = 1 - self._overlaps(found)
        if self.per_class:
            cost = forbid_other_classes(cost, self.tracks.labels, found.labels)
        matches = assign(cost, 1 - self.min_iou, columns=usable)
        self.tracks.match(matches.rows, matches.columns)
        new = matches.unmatched_columns
        kept = self.tracks.missed <= self.max_age
        self._remember(found, matches.rows, matches.columns, kept, new)
        self.tracks.keep(kept)
        self.tracks.found(new, found.labels[new], confirmed=True)
        return with_identities(detections, self.tracks.identities(self.tracks.confirmed, len(found)))

    def _overlaps(self, found: Observation) -> FloatArray:
        if self.overlap == 'mask':
            return mask_iou(self._masks, found.masks or [])
        return box_iou(self._bboxes, found.bboxes)

    def _remember(
        self, found: Observation, rows: np.ndarray, columns: np.ndarray, kept: np.ndarray, new: np.ndarray
    ) -> None:
        """Replace what matched tracks looked like, drop tracks that are not ``kept``, add new ones."""
        self._bboxes[rows] = found.bboxes[columns]
        self._bboxes = np.concatenate([self._bboxes[kept], found.bboxes[new]])
        if self.overlap == 'mask':
            masks = found.masks or []
            for row, column in zip(rows.tolist(), columns.tolist()):
                self._masks[row] = masks[column]
            self._masks = [mask for mask, stays in zip(self._masks, kept) if stays]
            self._masks += [masks[column] for column in new.tolist()]
