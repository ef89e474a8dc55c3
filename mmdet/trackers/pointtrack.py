"""PointTrack's association (arXiv 2007.01550, section 3.3): distance of embeddings and overlap of masks, by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist

from mmdet.errors import ConfigError
from mmdet.registry import TRACKERS
from mmdet.structures import RLE, FrameSample, InstanceData
from mmdet.trackers.assignment import IntArray, assign_most, forbid_other_classes, mask_iou
from mmdet.trackers.base import Tracker, with_identities
from mmdet.trackers.kalman import FloatArray
from mmdet.trackers.observation import Observation, check_embeddings, observe

FACTORS = ('distance_scale', 'distance_offset', 'threshold', 'overlap_weight')


@TRACKERS.register_module()
class PointTrackTracker(Tracker):
    """Pairs as many detections with tracks as pass the threshold, and those so that the sum of scores is greatest.

    The score of a detection and a track of its class is
    ``distance_scale * (distance_offset - |e_detection - e_track|) + overlap_weight * IoU(masks)``, with the
    track's last embedding and mask. Identities count from 1 over all classes, so no two objects of a video share one.

    Args:
        distance_scale, distance_offset, threshold, overlap_weight: of every class that ``per_class`` does not name. The
            published values for cars.
        per_class: by label, those of the four values that differ from these: ``[dict(), dict(overlap_weight=0.54)]``.
            Published values for pedestrians differ in all four; ``docs/point_association.md`` lists them.
        keep_alive: a track that was last seen this many frames ago can still be found again; one frame more ends it.
        stale_overlap: compare with the last mask however old it is, as published. By default masks overlap only where
            the track was seen in the previous frame, because an object moves on.
        min_score: only detections with more than this score are used and returned; None uses all.
    """

    def __init__(
        self,
        distance_scale: float = 1.0090931467228708,
        distance_offset: float = 8.810218833503743,
        threshold: float = 0.8165986526897969,
        overlap_weight: float = 0.74,
        per_class: Sequence[Mapping[str, float]] = (),
        keep_alive: int = 30,
        stale_overlap: bool = False,
        min_score: float | None = None,
    ) -> None:
        if keep_alive < 1:
            raise ConfigError(f'keep_alive must be at least 1 frame, got {keep_alive}')
        common = dict(zip(FACTORS, (distance_scale, distance_offset, threshold, overlap_weight)))
        self._rows = [common, *(_checked(label, row, common) for label, row in enumerate(per_class))]
        self.keep_alive, self.stale_overlap, self.min_score = keep_alive, stale_overlap, min_score
        overlaps = any(row['overlap_weight'] for row in self._rows)
        self.requires = frozenset({'embeddings', 'masks'} if overlaps else {'embeddings'})
        self.reset()

    def reset(self) -> None:
        """Forget all tracks; identities start at 1 again."""
        self._next_id = 1
        self._ids: IntArray = np.zeros(0, np.int64)  # (M,) tracks, oldest first
        self._labels: IntArray = np.zeros(0, np.int64)
        self._last_seen: IntArray = np.zeros(0, np.int64)
        self._embeddings: np.ndarray | None = None  # (M, D)
        self._masks: list[RLE] = []

    def update(self, detections: InstanceData, sample: FrameSample) -> InstanceData:
        """See :meth:`Tracker.update`; detections of no more than ``min_score`` are left out."""
        found = observe(detections, sample, self.requires)
        self._forget(sample.frame_id)
        ids = np.full(len(found), -1)
        usable = np.arange(len(found))
        if self.min_score is not None:
            usable = usable[found.scores > self.min_score]
        if len(usable):
            check_embeddings(detections, sample, None if self._embeddings is None else self._embeddings.shape[1])
            scores = self.scores(found, sample.frame_id)[usable]
            limits = self.factors(found.labels[usable])[2]
            rows, columns = assign_most(-scores, scores > limits[:, None])
            self._see(found, usable[rows], columns, sample.frame_id)
            ids[usable[rows]] = self._ids[columns]
            new = np.setdiff1d(usable, usable[rows])
            ids[new] = self._found(found, new, sample.frame_id)
        return with_identities(detections, torch.from_numpy(ids))

    def scores(self, found: Observation, frame_id: int) -> FloatArray:
        """Score (N, M) of every detection with every track; minus infinity where the classes differ."""
        if not len(self._ids) or found.embeddings is None:
            return np.zeros((len(found), len(self._ids)))
        scale, offset, _, weight = self.factors(found.labels)
        distance = cdist(found.embeddings.astype(np.float64), self._embeddings.astype(np.float64))  # type: ignore[union-attr]
        scores = scale[:, None] * (offset[:, None] - distance)
        if 'masks' in self.requires:
            overlap = mask_iou(found.masks or [], self._masks)
            if not self.stale_overlap:
                overlap = overlap * (self._last_seen == frame_id - 1)
            scores = scores + weight[:, None] * overlap
        return -forbid_other_classes(-scores, found.labels, self._labels)

    def factors(self, labels: IntArray) -> FloatArray:
        """(4, N): scale, offset, threshold and weight of each label."""
        table = np.array([[row[name] for name in FACTORS] for row in self._rows])
        return table[np.where(labels + 1 < len(table), labels + 1, 0)].T

    def _forget(self, frame_id: int) -> None:
        kept = self._last_seen >= frame_id - self.keep_alive
        if kept.all():
            return
        self._ids, self._labels, self._last_seen = self._ids[kept], self._labels[kept], self._last_seen[kept]
        self._embeddings = self._embeddings[kept]  # type: ignore[index]
        self._masks = [mask for mask, stays in zip(self._masks, kept) if stays]

    def _see(self, found: Observation, rows: IntArray, columns: IntArray, frame_id: int) -> None:
        """Tracks ``columns`` now look like detections ``rows``."""
        if not len(rows):
            return
        self._last_seen[columns] = frame_id
        self._embeddings[columns] = found.embeddings[rows]  # type: ignore[index]
        if found.masks is not None:
            for row, column in zip(rows.tolist(), columns.tolist()):
                self._masks[column] = found.masks[row]

    def _found(self, found: Observation, rows: IntArray, frame_id: int) -> IntArray:
        """Start a track at each of the detections ``rows``; their identities."""
        ids = np.arange(self._next_id, self._next_id + len(rows))
        self._next_id += len(rows)
        self._ids = np.concatenate([self._ids, ids])
        self._labels = np.concatenate([self._labels, found.labels[rows]])
        self._last_seen = np.concatenate([self._last_seen, np.full(len(rows), frame_id)])
        own = found.embeddings[rows]  # type: ignore[index]
        self._embeddings = own.copy() if self._embeddings is None else np.concatenate([self._embeddings, own])
        if found.masks is not None:
            self._masks += [found.masks[row] for row in rows.tolist()]
        return ids


def _checked(label: int, row: Mapping[str, Any], common: Mapping[str, float]) -> dict[str, float]:
    unknown = sorted(set(row) - set(FACTORS))
    if unknown:
        raise ConfigError(
            f'per_class[{label}] of PointTrackTracker has {", ".join(unknown)}; it takes {", ".join(FACTORS)}'
        )
    return {**common, **row}
