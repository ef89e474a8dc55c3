"""Where boxes are expected next: one Kalman state per track, kept for all tracks together."""

from __future__ import annotations

import numpy as np

from mmdet.structures import FrameSample
from mmdet.trackers.kalman import BoxKalman, FloatArray


class FrameClock:
    """Tells how many frames of its source lie between one frame of a video and the next that a tracker gets.

    That is 1 unless frames were dropped, as live streams do when the model cannot keep up.

    Attributes:
        time: frames of the source since the first.
    """

    def __init__(self) -> None:
        self.time = 0
        self._last: int | None = None

    def tick(self, sample: FrameSample) -> int:
        """Frames since the one before, by the ``source_frame`` of the samples; 1 where they have none."""
        frame = sample.get('source_frame', None)
        steps = 1 if frame is None or self._last is None else max(int(frame) - self._last, 1)
        self._last = None if frame is None else int(frame)
        self.time += steps
        return steps


class BoxMotion:
    """Kalman states of M tracks of one video, row m for track m.

    Args:
        kalman: the filter.

    Attributes:
        mean: (M, 8) states.
        covariance: (M, 3, 4), see :class:`mmdet.trackers.kalman.BoxKalman`.
    """

    def __init__(self, kalman: BoxKalman) -> None:
        self.kalman = kalman
        self.mean: FloatArray = np.zeros((0, 8))
        self.covariance: FloatArray = np.zeros((0, 3, 4))

    def __len__(self) -> int:
        return len(self.mean)

    def predict(self, steps: int = 1) -> None:
        """Move all tracks on by some frames."""
        for _ in range(steps):
            self.mean, self.covariance = self.kalman.predict(self.mean, self.covariance)

    def update(self, rows: np.ndarray, bboxes: FloatArray) -> None:
        """Tell that track ``rows[k]`` was seen at ``bboxes[k]``; (K,) distinct rows, (K, 4) boxes."""
        if len(rows):
            state = self.mean[rows], self.covariance[rows]
            self.mean[rows], self.covariance[rows] = self.kalman.update(*state, self.kalman.measure(bboxes))

    def restart(self, rows: np.ndarray, bboxes: FloatArray) -> None:
        """Put the tracks ``rows`` (K,) at ``bboxes`` (K, 4), at rest, as if they had just been found there."""
        if len(rows):
            self.mean[rows], self.covariance[rows] = self.kalman.initiate(self.kalman.measure(bboxes))

    def append(self, bboxes: FloatArray) -> None:
        """Start tracks at ``bboxes`` (K, 4)."""
        if len(bboxes):
            mean, covariance = self.kalman.initiate(self.kalman.measure(bboxes))
            self.mean = np.concatenate([self.mean, mean])
            self.covariance = np.concatenate([self.covariance, covariance])

    def keep(self, kept: np.ndarray) -> None:
        """Forget the tracks that are not in the mask (M,)."""
        self.mean, self.covariance = self.mean[kept], self.covariance[kept]

    def bboxes(self) -> FloatArray:
        """The tracks' boxes (M, 4), ``x1 y1 x2 y2``."""
        return self.kalman.to_bboxes(self.mean)

    def forecast(self, ids: np.ndarray, steps: int) -> dict[int, FloatArray]:
        """Boxes (steps, 4) of the next frames for each of the identities ``ids`` (M,), as if no track were seen again.

        A size that would shrink below zero stays zero. States are left as they are.
        """
        mean, corners = self.mean, np.zeros((len(self.mean), steps, 4))
        for step in range(steps):
            mean = self.kalman.move(mean)
            corners[:, step] = self.kalman.to_bboxes(mean)
        centre = (corners[..., :2] + corners[..., 2:]) / 2
        half = np.maximum(corners[..., 2:] - corners[..., :2], 0) / 2
        return dict(zip(ids.tolist(), np.concatenate([centre - half, centre + half], 2)))

    def distances(self, bboxes: FloatArray) -> FloatArray:
        """Squared Mahalanobis distances (M, N) of boxes (N, 4) from the tracks."""
        return self.kalman.gating_distance(self.mean, self.covariance, self.kalman.measure(bboxes))
