"""Constant-velocity Kalman filters for boxes, all tracks at once.

A state holds four measured quantities of a box and the change of each per frame. With one frame as the unit of time
the transition adds each velocity to its quantity, and the measurement picks the first four. Initial covariance, process
noise and measurement noise are diagonal, so a quantity and its velocity never become correlated with another quantity:
the filter of eight numbers is exactly four filters of two, and the covariance of each is three numbers. No matrix is
spelt out or solved. Formulas: Kalman 1960, in the usual predict / update form.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

CHI_SQUARE_95 = 9.4877  # 95 % of a chi-square distribution with four degrees of freedom, as DeepSORT rounds it
MIN_SIDE = 1e-3  # pixels; a box without area has no aspect ratio


class BoxKalman(ABC):
    """Filter of boxes in some parametrisation. All methods are pure functions of their arguments.

    M tracks have ``mean`` (M, 8), four quantities and their four velocities, and ``covariance`` (M, 3, 4): for each
    quantity its variance, its covariance with its velocity, and the velocity's variance. A quantity without velocity
    has a velocity of 0 with variance 0.
    """

    @abstractmethod
    def measure(self, bboxes: FloatArray) -> FloatArray:
        """Boxes (N, 4) ``x1 y1 x2 y2`` in the filter's own four quantities (N, 4)."""

    @abstractmethod
    def to_bboxes(self, mean: FloatArray) -> FloatArray:
        """Boxes (M, 4) ``x1 y1 x2 y2`` of states (M, 8); velocities are not looked at."""

    @abstractmethod
    def initial_variance(self, measurements: FloatArray) -> FloatArray:
        """Variances (N, 8), or (8,) for all, of tracks that start at ``measurements`` (N, 4)."""

    @abstractmethod
    def process_variance(self, mean: FloatArray) -> FloatArray:
        """Variances (M, 8), or (8,) for all, of the noise that one frame adds to states (M, 8)."""

    @abstractmethod
    def measurement_variance(self, mean: FloatArray) -> FloatArray:
        """Variances (M, 4), or (4,) for all, of the noise of a measurement of states (M, 8)."""

    def initiate(self, measurements: FloatArray) -> tuple[FloatArray, FloatArray]:
        """States that start at ``measurements`` (N, 4), at rest: mean (N, 8), covariance (N, 3, 4)."""
        mean = np.zeros((len(measurements), 8))
        mean[:, :4] = measurements
        variance = self.initial_variance(measurements)
        covariance = np.zeros((len(measurements), 3, 4))
        covariance[:, 0], covariance[:, 2] = variance[..., :4], variance[..., 4:]
        return mean, covariance

    def move(self, mean: FloatArray) -> FloatArray:
        """The expected states (M, 8) one frame later: F x."""
        mean = mean.copy()
        mean[:, :4] += mean[:, 4:]
        return mean

    def predict(self, mean: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The states one frame later: F x and F P F' + Q."""
        noise = self.process_variance(mean)
        own, shared, velocity = covariance[:, 0], covariance[:, 1], covariance[:, 2]  # (M, 4) each
        later = np.empty_like(covariance)
        np.add(shared, velocity, out=later[:, 1])
        np.add(own + shared + later[:, 1], noise[..., :4], out=later[:, 0])
        np.add(velocity, noise[..., 4:], out=later[:, 2])
        return self.move(mean), later

    def project(self, mean: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What a measurement of the states is expected to be: mean (M, 4), variances with noise (M, 4)."""
        return mean[:, :4], covariance[:, 0] + self.measurement_variance(mean)

    def update(
        self, mean: FloatArray, covariance: FloatArray, measurements: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """The states after track m was measured at ``measurements[m]``, (M, 4)."""
        expected, innovation = self.project(mean, covariance)
        gain = covariance[:, :2] / innovation[:, None]  # P H' S^-1 of quantities and velocities, (M, 2, 4)
        moved = mean + (gain * (measurements - expected)[:, None]).reshape(mean.shape)
        reduced = covariance.copy()
        reduced[:, :2] -= gain[:, :1] * covariance[:, :2]
        reduced[:, 2] -= gain[:, 1] * covariance[:, 1]
        return moved, reduced

    def gating_distance(
        self, mean: FloatArray, covariance: FloatArray, measurements: FloatArray, position_only: bool = False
    ) -> FloatArray:
        """Squared Mahalanobis distance (M, N) of measurements (N, 4) from states, in measurement space.

        Args:
            position_only: look at the first two quantities alone.
        """
        used = 2 if position_only else 4
        expected, innovation = self.project(mean, covariance)
        apart = measurements[None, :, :used] - expected[:, None, :used]  # (M, N, used)
        return np.matmul(apart**2, 1 / innovation[:, :used, None])[:, :, 0]


class XYAHKalman(BoxKalman):
    """DeepSORT's filter (arXiv 1703.07402): centre x, y, aspect ratio w / h, height and the velocities of all four.

    The noise of everything but the aspect ratio is proportional to the height.
    """

    position_weight, velocity_weight = 1 / 20, 1 / 160

    def measure(self, bboxes: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.measure`."""
        size = np.maximum(bboxes[:, 2:] - bboxes[:, :2], MIN_SIDE)
        centre = (bboxes[:, :2] + bboxes[:, 2:]) / 2
        return np.concatenate([centre, size[:, :1] / size[:, 1:], size[:, 1:]], 1)

    def to_bboxes(self, mean: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.to_bboxes`; a size extrapolated below zero overlaps nothing."""
        half = np.concatenate([mean[:, 2:3] * mean[:, 3:4], mean[:, 3:4]], 1) / 2
        return np.concatenate([mean[:, :2] - half, mean[:, :2] + half], 1)

    def initial_variance(self, measurements: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.initial_variance`."""
        return self._variance(measurements[:, 3], 2.0, 10.0)

    def process_variance(self, mean: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.process_variance`."""
        return self._variance(mean[:, 3], 1.0, 1.0)

    def measurement_variance(self, mean: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.measurement_variance`."""
        std = np.repeat(self.position_weight * mean[:, 3:4], 4, 1)
        std[:, 2] = 1e-1
        return std**2

    def _variance(self, heights: FloatArray, position: float, velocity: float) -> FloatArray:
        factors = np.repeat([position * self.position_weight, velocity * self.velocity_weight], 4)
        std = heights[:, None] * factors[None]
        std[:, 2], std[:, 6] = 1e-2, 1e-5
        return std**2


class XYSRKalman(BoxKalman):
    """SORT's filter (arXiv 1602.00763): centre x, y, area s and aspect ratio r = w / h, which has no velocity.

    Noise is constant.
    """

    INITIAL = np.array([10, 10, 10, 10, 1e4, 1e4, 1e4, 0])
    PROCESS = np.array([1, 1, 1, 1, 1e-2, 1e-2, 1e-4, 0])
    MEASUREMENT = np.array([1.0, 1, 10, 10])

    def measure(self, bboxes: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.measure`."""
        size = np.maximum(bboxes[:, 2:] - bboxes[:, :2], MIN_SIDE)
        centre = (bboxes[:, :2] + bboxes[:, 2:]) / 2
        return np.concatenate([centre, size[:, :1] * size[:, 1:], size[:, :1] / size[:, 1:]], 1)

    def to_bboxes(self, mean: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.to_bboxes`."""
        area, ratio = np.maximum(mean[:, 2:3], 0), np.maximum(mean[:, 3:4], MIN_SIDE)
        half = np.sqrt(np.concatenate([area * ratio, area / ratio], 1)) / 2
        return np.concatenate([mean[:, :2] - half, mean[:, :2] + half], 1)

    def move(self, mean: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.move`; an area that would shrink to nothing stops shrinking."""
        mean = mean.copy()
        mean[mean[:, 2] + mean[:, 6] <= 0, 6] = 0
        mean[:, :4] += mean[:, 4:]
        return mean

    def initial_variance(self, measurements: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.initial_variance`."""
        return self.INITIAL

    def process_variance(self, mean: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.process_variance`."""
        return self.PROCESS

    def measurement_variance(self, mean: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.measurement_variance`."""
        return self.MEASUREMENT
