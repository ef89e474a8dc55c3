"""DeepSORT (arXiv 1703.07402): appearance first, most recently seen tracks first, then overlap."""

from __future__ import annotations

import numpy as np
import torch

from mmdet.errors import ConfigError
from mmdet.registry import TRACKERS
from mmdet.structures import FrameSample, InstanceData
from mmdet.trackers.assignment import IntArray, Matches, assign, box_iou, forbid_other_classes
from mmdet.trackers.base import Tracker, with_identities
from mmdet.trackers.gallery import Gallery
from mmdet.trackers.kalman import CHI_SQUARE_95, FloatArray, XYAHKalman
from mmdet.trackers.lifecycle import TrackTable
from mmdet.trackers.motion import BoxMotion, FrameClock
from mmdet.trackers.observation import Observation, check_embeddings, observe
from mmdet.trackers.suppression import suppress


@TRACKERS.register_module()
class DeepSORTTracker(Tracker):
    """Tracks by appearance inside a Kalman gate, in a cascade, with box IoU as a second chance.

    A track begins as tentative, ends at its first miss while it is that, is confirmed at its ``n_init``-th detection,
    and ends when it was missed in more than ``max_age`` frames in a row. Rows of confirmed tracks are returned, with
    boxes and everything else as detected. Identities count from 1.

    Args:
        max_cosine_distance: largest appearance distance (1 - cosine to the nearest vector of the gallery) of a pair.
        max_iou_distance: largest 1 - IoU of a pair in the second stage.
        max_age: frames that a confirmed track outlives unseen.
        n_init: detections that confirm a track; 1 reports every track from its first frame on.
        gallery_size: appearance vectors kept per track.
        min_confidence: only detections with more than this score are used; None uses all.
        nms_max_overlap: detections that overlap a better one by more than this IoU are not used; 1 switches it off.
        per_class: a track keeps its class. Without it detections may join tracks of any class.
        filtered_boxes: report the Kalman filter's boxes, in whole pixels inside the frame, instead of the detected.
        ghost_frame: report a confirmed track once more in the first frame in which it was missed. This adds a row that
            is no detection of the frame: the predicted box with mask, score and embedding of the frame before.
        paper: as the published program. Those of the three switches before that are None follow it: classes ignored,
            filtered boxes, ghost frame (otherwise the opposite). Each track is reported with the class of its first
            detection, and suppression counts inclusive corners.
    """

    requires = frozenset({'embeddings'})

    def __init__(
        self,
        max_cosine_distance: float = 0.2,
        max_iou_distance: float = 0.7,
        max_age: int = 70,
        n_init: int = 3,
        gallery_size: int = 100,
        min_confidence: float | None = 0.5,
        nms_max_overlap: float = 0.5,
        per_class: bool | None = None,
        filtered_boxes: bool | None = None,
        ghost_frame: bool | None = None,
        paper: bool = False,
    ) -> None:
        if min(max_age, n_init, gallery_size) < 1:
            raise ConfigError(
                f'max_age, n_init and gallery_size must be at least 1, got {max_age}, {n_init} and {gallery_size}'
            )
        self.max_cosine_distance, self.max_iou_distance = max_cosine_distance, max_iou_distance
        self.max_age, self.n_init, self.gallery_size = max_age, n_init, gallery_size
        self.min_confidence, self.nms_max_overlap, self.paper = min_confidence, nms_max_overlap, paper
        self.per_class = not paper if per_class is None else per_class
        self.filtered_boxes = paper if filtered_boxes is None else filtered_boxes
        self.ghost_frame = paper if ghost_frame is None else ghost_frame
        self.reset()

    def reset(self) -> None:
        """Forget all tracks; identities start at 1 again."""
        self.tracks = TrackTable()
        self.motion = BoxMotion(XYAHKalman())
        self._clock = FrameClock()
        self.gallery = Gallery(self.gallery_size)
        self._last_rows: dict[int, InstanceData] = {}  # newest row of each confirmed track, for ghost frames

    def update(self, detections: InstanceData, sample: FrameSample) -> InstanceData:
        """See :meth:`Tracker.update`; with ``ghost_frame`` rows may follow that are no detections of this frame."""
        found = observe(detections, sample, self.requires)
        if found.embeddings is not None:
            check_embeddings(detections, sample, self.gallery.dim)
        self.tracks.advance()
        self.motion.predict(self._clock.tick(sample))
        matches = self._associate(found, self._usable(found))
        self._write(found, matches)
        return self._report(detections, sample)

    def forecast(self, steps: int) -> dict[int, FloatArray]:
        """See :meth:`Tracker.forecast`."""
        return self.motion.forecast(self.tracks.ids, steps)

    def _usable(self, found: Observation) -> IntArray:
        """Rows of the detections that take part, in the order in which new tracks are numbered."""
        rows, used = np.arange(len(found)), found
        if self.min_confidence is not None and not (strong := found.scores > self.min_confidence).all():
            rows = rows[strong]
            used = Observation(found.bboxes[rows], found.scores[rows], found.labels[rows])
        if self.nms_max_overlap >= 1 or not len(rows):
            return rows
        labels = used.labels if self.per_class else None
        return rows[suppress(used.bboxes, used.scores, self.nms_max_overlap, self.paper, labels)]

    def _associate(self, found: Observation, columns: IntArray) -> Matches:
        """Pairs of tracks and detections ``columns``: the cascade, then what overlaps."""
        appearance, overlap = self._costs(found)
        confirmed, missed = self.tracks.confirmed, self.tracks.missed
        left = np.ones(len(self.tracks), bool)
        pairs: list[Matches] = []
        for level in np.unique(missed[confirmed & (missed <= self.max_age)]):
            rows = np.flatnonzero(confirmed & (missed == level))
            pairs.append(assign(appearance, self.max_cosine_distance, rows, columns))
            columns = pairs[-1].unmatched_columns
            left[pairs[-1].rows] = False
        second = np.concatenate([np.flatnonzero(~confirmed), np.flatnonzero(confirmed & left & (missed == 1))])
        pairs.append(assign(overlap, self.max_iou_distance, second, columns))
        rows = np.concatenate([pair.rows for pair in pairs])
        left[rows] = False
        matched = np.concatenate([pair.columns for pair in pairs])
        return Matches(rows, matched, np.flatnonzero(left), pairs[-1].unmatched_columns)

    def _costs(self, found: Observation) -> tuple[FloatArray, FloatArray]:
        """Appearance and overlap cost (M, N); pairs outside the gate or of different classes cost ``inf``."""
        if not len(found) or not len(self.tracks):
            return (np.zeros((len(self.tracks), len(found))),) * 2
        overlap = 1 - box_iou(self.motion.bboxes(), found.bboxes)
        near = self.motion.distances(found.bboxes) <= CHI_SQUARE_95
        if self.per_class:
            overlap = forbid_other_classes(overlap, self.tracks.labels, found.labels)
            near &= self.tracks.labels[:, None] == found.labels
        near &= self.tracks.confirmed[:, None]  # tentative tracks are compared by overlap alone
        return self.gallery.distances(found.embeddings, near), overlap  # type: ignore[arg-type]

    def _write(self, found: Observation, matches: Matches) -> None:
        """Update, confirm, end and found tracks."""
        rows, columns, new = matches.rows, matches.columns, matches.unmatched_columns
        self.motion.update(rows, found.bboxes[columns])
        self.tracks.match(rows, columns)
        self.tracks.confirmed |= self.tracks.hits >= self.n_init
        if found.embeddings is not None:
            self.gallery.add(rows, found.embeddings[columns])
        missed = self.tracks.missed
        kept = np.where(self.tracks.confirmed, missed <= self.max_age, missed == 0)
        if not kept.all():
            self.tracks.keep(kept)
            self.motion.keep(kept)
            self.gallery.keep(kept)
        self.tracks.found(new, found.labels[new], confirmed=self.n_init == 1)
        self.motion.append(found.bboxes[new])
        if found.embeddings is not None:
            self.gallery.append(found.embeddings[new])

    def _report(self, detections: InstanceData, sample: FrameSample) -> InstanceData:
        ids = self.tracks.identities(self.tracks.confirmed, len(detections.bboxes))
        tracks = with_identities(detections, ids)
        rows = self.tracks.rows_of(tracks.instance_ids)
        if self.filtered_boxes:
            tracks.bboxes = self._filtered(rows, sample)
        if self.paper:
            tracks.labels = torch.from_numpy(self.tracks.labels[rows])
        if self.ghost_frame:
            tracks = self._with_ghosts(tracks, sample)
        return tracks

    def _filtered(self, rows: IntArray, sample: FrameSample) -> torch.Tensor:
        """Boxes of the filter, cut to whole pixels of the frame as the published program does."""
        height, width = sample.ori_shape
        whole = np.trunc(self.motion.bboxes()[rows])
        whole[:, :2] = np.maximum(whole[:, :2], 0)
        whole[:, 2:] = np.minimum(whole[:, 2:], [width - 1, height - 1])
        return torch.from_numpy(whole.astype(np.float32))

    def _with_ghosts(self, tracks: InstanceData, sample: FrameSample) -> InstanceData:
        """``tracks`` and behind them the confirmed tracks that were missed in this frame for the first time."""
        ghosts = []
        for row in np.flatnonzero(self.tracks.confirmed & (self.tracks.missed == 1)):
            ghost = self._last_rows[int(self.tracks.ids[row])]
            predicted = torch.from_numpy(self.motion.bboxes()[[row]].astype(np.float32))
            ghost.bboxes = self._filtered(np.array([row]), sample) if self.filtered_boxes else predicted
            ghosts.append(ghost)
        self._last_rows = {int(identity): tracks[i : i + 1] for i, identity in enumerate(tracks.instance_ids.tolist())}
        if not ghosts:
            return tracks
        return InstanceData.cat([tracks, *ghosts] if len(tracks.instance_ids) else ghosts)
