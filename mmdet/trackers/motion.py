"""Where boxes are expected next: one Kalman state per track, kept for all tracks together."""

from __future__ import annotations

import numpy as np

from mmdet.trackers.kalman import BoxKalman, FloatArray


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

    def predict(self) -> None:
        """Move all tracks on by one frame."""
        self.mean, self.covariance = self.kalman.predict(self.mean, self.covariance)

    def update(self, rows: np.ndarray, bboxes: FloatArray) -> None:
        """Tell that track ``rows[k]`` was seen at ``bboxes[k]``; (K,) distinct rows, (K, 4) boxes."""
        if len(rows):
            state = self.mean[rows], self.covariance[rows]
            self.mean[rows], self.covariance[rows] = self.kalman.update(*state, self.kalman.measure(bboxes))

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
