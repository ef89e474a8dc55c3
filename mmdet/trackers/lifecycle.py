"""Which tracks are alive, since when, and which detection each one holds: one array per quantity."""

from __future__ import annotations

import numpy as np
import torch

from mmdet.trackers.assignment import IntArray

COLUMNS = ('ids', 'labels', 'hits', 'streak', 'missed', 'age', 'confirmed', 'detection')


class TrackTable:
    """Live tracks of one video, oldest first; row m of every array is track m. Identities count from 1.

    Attributes:
        ids: (M,) identities.
        labels: (M,) class of the detection that founded the track.
        hits: (M,) frames in which it was seen, the first included.
        streak: (M,) matches in a row up to now, the founding detection not counted.
        missed: (M,) frames since it was last seen; 0 if seen in this one.
        age: (M,) frames since it was founded, that one included.
        confirmed: (M,) bool, whether it is trusted.
        detection: (M,) row of its detection in this frame, -1 without one.
    """

    def __init__(self) -> None:
        self._next_id = 1
        self.ids, self.labels, self.hits, self.streak, self.missed, self.age = np.zeros((6, 0), np.int64)
        self.confirmed = np.zeros(0, bool)
        self.detection = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def advance(self) -> None:
        """A new frame begins; every track counts as missed until it is matched."""
        self.streak = np.where(self.missed > 0, 0, self.streak)
        self.age = self.age + 1
        self.missed = self.missed + 1
        self.detection = np.full(len(self), -1)

    def match(self, rows: IntArray, columns: IntArray) -> None:
        """Track ``rows[k]`` was seen as detection ``columns[k]``."""
        self.hits[rows] += 1
        self.streak[rows] += 1
        self.missed[rows] = 0
        self.detection[rows] = columns

    def found(self, columns: IntArray, labels: IntArray, confirmed: bool) -> None:
        """Start a track at each of the detections ``columns`` (K,), of classes ``labels`` (K,)."""
        count = len(columns)
        if not count:
            return
        ones, zeros = np.ones(count, np.int64), np.zeros(count, np.int64)
        ids = np.arange(self._next_id, self._next_id + count)
        self._next_id += count
        news = (ids, labels, ones, zeros, zeros, ones, np.full(count, confirmed), columns)
        for name, new in zip(COLUMNS, news):
            setattr(self, name, np.concatenate([getattr(self, name), new]))

    def keep(self, kept: np.ndarray) -> None:
        """End the tracks that are not in the mask (M,)."""
        for name in COLUMNS:
            setattr(self, name, getattr(self, name)[kept])

    def rows_of(self, ids: torch.Tensor) -> IntArray:
        """Rows (K,) of live tracks by their identities (K,)."""
        return np.searchsorted(self.ids, ids.numpy())  # identities grow from row to row

    def identities(self, reported: np.ndarray, num_detections: int) -> torch.Tensor:
        """Identity of every detection of this frame, (N,): -1 where its track is not in the mask ``reported`` (M,)."""
        identities = np.full(num_detections, -1)
        rows = reported & (self.detection >= 0)
        identities[self.detection[rows]] = self.ids[rows]
        return torch.from_numpy(identities)
