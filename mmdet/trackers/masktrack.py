"""MaskTrack R-CNN's association (arXiv 1905.04804, section 4.2): appearance, overlap and class against a memory."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mmdet.errors import ConfigError
from mmdet.geometry import box_iou
from mmdet.registry import TRACKERS
from mmdet.structures import FrameSample, InstanceData
from mmdet.trackers.assignment import IntArray
from mmdet.trackers.base import Tracker, with_identities
from mmdet.trackers.kalman import FloatArray, XYAHKalman
from mmdet.trackers.motion import BoxMotion, FrameClock
from mmdet.trackers.observation import check_embeddings, observe


@TRACKERS.register_module()
class MaskTrackTracker(Tracker):
    """Each detection takes the remembered object, or 'new object', of highest score.

    The score of detection i and object j is
    ``log p(j | i) + score_weight * ln(score_i) + iou_weight * IoU(i, j) + label_weight * [same label]``
    where p is a softmax over the logits ``similarity_scale * (e_i . e_j - similarity_offset)`` of every remembered
    object and a zero for 'new', which counts as IoU 0 and same label. When several detections want one object, the
    best keeps it.

    Args:
        score_weight, iou_weight, label_weight: 1, 2, 10 as published; 0 leaves a term out.
        similarity_scale, similarity_offset: 1 and 0 as published, for the vectors of ``MaskTrackHead``. Vectors of
            length 1, such as those of ``ReIDTrackHead``, need a scale of 10 or so, and as offset the product at which
            an object is as likely a new one: with 0, a new object that looks a little like an old one becomes that.
        memory_frames: forget an object that was not seen for this many frames; None never forgets (the original
            program). mmtracking and mmdetection 3 use 20.
        label: ``frozen`` keeps an object's first class in memory (original), ``latest`` its newest (ports).
        duplicate_policy: ``unique`` gives an object to one detection per frame. ``paper`` leaves the object also to
            detections that held it before a better one came, so that one identity can appear twice in a frame.
        motion: ``kalman`` compares boxes with where DeepSORT's filter expects each object in this frame; None, as
            published, with where it was last seen.
        motion_frames: with ``motion``, most frames that a box is predicted ahead. An object unseen for longer is
            expected where it was last seen, at rest: a straight line says nothing any more, and something that came
            closer or went away would grow or shrink for ever.
    """

    requires = frozenset({'embeddings'})

    def __init__(
        self,
        score_weight: float = 1.0,
        iou_weight: float = 2.0,
        label_weight: float = 10.0,
        similarity_scale: float = 1.0,
        similarity_offset: float = 0.0,
        memory_frames: int | None = None,
        label: Literal['frozen', 'latest'] = 'frozen',
        duplicate_policy: Literal['unique', 'paper'] = 'unique',
        motion: Literal['kalman'] | None = None,
        motion_frames: int = 30,
    ) -> None:
        if label not in ('frozen', 'latest'):
            raise ConfigError(f"label {label!r} does not exist; use 'frozen' or 'latest'")
        if duplicate_policy not in ('unique', 'paper'):
            raise ConfigError(f"duplicate_policy {duplicate_policy!r} does not exist; use 'unique' or 'paper'")
        if motion not in ('kalman', None):
            raise ConfigError(f"motion {motion!r} does not exist; use 'kalman' or None")
        if similarity_scale <= 0:
            raise ConfigError(f'similarity_scale must be positive, got {similarity_scale}')
        if memory_frames is not None and memory_frames < 1:
            raise ConfigError(f'memory_frames must be at least 1 or None, got {memory_frames}')
        if motion_frames < 1:
            raise ConfigError(f'motion_frames must be at least 1, got {motion_frames}')
        self.score_weight, self.iou_weight, self.label_weight = score_weight, iou_weight, label_weight
        self.similarity_scale, self.similarity_offset = similarity_scale, similarity_offset
        self.memory_frames, self.label, self.duplicate_policy = memory_frames, label, duplicate_policy
        self.motion, self.motion_frames = motion, motion_frames
        self.reset()

    def reset(self) -> None:
        """Empty the memory; identities start at 0 again."""
        self._next_id = 0
        self._ids = torch.zeros(0, dtype=torch.int64)  # (M,) objects in memory, oldest first
        self._bboxes = torch.zeros(0, 4)
        self._labels = torch.zeros(0, dtype=torch.int64)
        self._last_seen = torch.zeros(0, dtype=torch.int64)
        self._embeddings: Tensor | None = None  # (M, D)
        self._kalman = BoxMotion(XYAHKalman()) if self.motion else None  # a state for each object in memory
        self._clock = FrameClock()
        self._lost = np.zeros(0, bool)  # (M,) objects unseen for so long that their motion is no longer believed

    def update(self, detections: InstanceData, sample: FrameSample) -> InstanceData:
        """See :meth:`Tracker.update`; rows that lost their object to a better detection are left out."""
        observe(detections, sample)  # refuses what cannot be compared
        self._forget(sample.frame_id)
        if self._kalman is not None:
            self._kalman.predict(self._clock.tick(sample))
            self._lost = sample.frame_id - self._last_seen.numpy() > self.motion_frames
            lost = np.flatnonzero(self._lost)
            self._kalman.restart(lost, self._bboxes.numpy().astype(np.float64)[lost])
        if len(detections.bboxes) == 0:
            return with_identities(detections, torch.zeros(0, dtype=torch.int64))
        check_embeddings(detections, sample, None if self._embeddings is None else self._embeddings.shape[1])
        if len(self._ids):
            slots = self._resolve(self.match_scores(detections))
        else:
            slots = torch.full((len(detections.bboxes),), -1)
        ids = self._remember(detections, slots, sample.frame_id)
        return with_identities(detections, ids)

    def forecast(self, steps: int) -> dict[int, FloatArray]:
        """See :meth:`Tracker.forecast`; {} unless ``motion`` is ``kalman``."""
        return {} if self._kalman is None else self._kalman.forecast(self._ids.numpy(), steps)

    def match_scores(self, detections: InstanceData) -> Tensor:
        """Score (N, 1 + M) of every detection with 'new object' and every remembered object."""
        products = detections.embeddings @ self._embeddings.T  # type: ignore[union-attr]
        logits = functional.pad(self.similarity_scale * (products - self.similarity_offset), (1, 0))
        overlaps = functional.pad(box_iou(detections.bboxes, self._expected_bboxes()), (1, 0))
        same = functional.pad((detections.labels[:, None] == self._labels[None]).float(), (1, 0), value=1.0)
        certainty = detections.scores.clamp(min=1e-12).log()[:, None]
        terms = self.score_weight * certainty + self.iou_weight * overlaps + self.label_weight * same
        return logits.log_softmax(1) + terms

    def _expected_bboxes(self) -> Tensor:
        """(M, 4) where the remembered objects should be in this frame."""
        return self._bboxes if self._kalman is None else torch.from_numpy(self._kalman.bboxes()).to(self._bboxes)

    def _resolve(self, scores: Tensor) -> Tensor:
        """Memory row of every detection, (N,): -1 for a new object, -2 for a detection to drop."""
        best, column = scores.max(1)
        slots = column - 1
        holder: dict[int, int] = {}
        for row, slot in enumerate(slots.tolist()):
            if slot < 0:
                continue
            if slot not in holder:
                holder[slot] = row
            elif best[row] > best[holder[slot]]:
                if self.duplicate_policy == 'unique':
                    slots[holder[slot]] = -2
                holder[slot] = row
            else:
                slots[row] = -2
        return slots

    def _remember(self, detections: InstanceData, slots: Tensor, frame_id: int) -> Tensor:
        """Write detections into their memory rows, append new objects; identities (N,), -1 for dropped rows."""
        ids = torch.full_like(slots, -1)
        for row, slot in enumerate(slots.tolist()):  # in order: a later holder of a row overwrites an earlier one
            if slot < 0:
                continue
            ids[row] = self._ids[slot]
            self._bboxes[slot] = detections.bboxes[row]
            self._embeddings[slot] = detections.embeddings[row]  # type: ignore[index]
            self._last_seen[slot] = frame_id
            if self.label == 'latest':
                self._labels[slot] = detections.labels[row]
        new = torch.nonzero(slots == -1).flatten()
        ids[new] = torch.arange(self._next_id, self._next_id + len(new))
        self._next_id += len(new)
        self._ids = torch.cat([self._ids, ids[new]])
        self._bboxes = torch.cat([self._bboxes, detections.bboxes[new]])
        self._labels = torch.cat([self._labels, detections.labels[new]])
        self._last_seen = torch.cat([self._last_seen, torch.full_like(new, frame_id)])
        own = detections.embeddings[new]
        self._embeddings = own if self._embeddings is None else torch.cat([self._embeddings, own])
        if self._kalman is not None:
            self._follow(np.unique(slots[slots >= 0].numpy()), self._kalman)
        return ids

    def _follow(self, seen: IntArray, kalman: BoxMotion) -> None:
        """Tell the filter where the objects ``seen`` and the new ones are; what was lost starts again."""
        bboxes = self._bboxes.numpy().astype(np.float64)
        back, followed = seen[self._lost[seen]], seen[~self._lost[seen]]
        kalman.restart(back, bboxes[back])
        kalman.update(followed, bboxes[followed])
        kalman.append(bboxes[len(kalman) :])

    def _forget(self, frame_id: int) -> None:
        if self.memory_frames is None or not len(self._ids):
            return
        kept = frame_id - self._last_seen < self.memory_frames
        self._ids, self._bboxes, self._labels = self._ids[kept], self._bboxes[kept], self._labels[kept]
        self._last_seen = self._last_seen[kept]
        if self._kalman is not None:
            self._kalman.keep(kept.numpy())
        self._embeddings = self._embeddings[kept]  # type: ignore[index]
