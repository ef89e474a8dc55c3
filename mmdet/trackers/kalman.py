"""Constant-velocity Kalman filters for boxes, all tracks at once.

A state holds four measured quantities of a box and the change per frame of the first ``num_velocities`` of them. With
one frame as the unit of time the transition adds each velocity to its quantity, and the measurement picks the first
four, so both are slices here and no matrix is spelt out. Formulas: Kalman 1960, in the usual predict / update form.
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

    M tracks have ``mean`` (M, S) and ``covariance`` (M, S, S); S is 4 + ``num_velocities``.
    """

    num_velocities: int

    @property
    def size(self) -> int:
        """S, entries of a state."""
        return 4 + self.num_velocities

    @abstractmethod
    def measure(self, bboxes: FloatArray) -> FloatArray:
        """Boxes (N, 4) ``x1 y1 x2 y2`` in the filter's own four quantities (N, 4)."""

    @abstractmethod
    def to_bboxes(self, mean: FloatArray) -> FloatArray:
        """Boxes (M, 4) ``x1 y1 x2 y2`` of states (M, S)."""

    @abstractmethod
    def initial_variance(self, measurements: FloatArray) -> FloatArray:
        """Diagonal (N, S), or (S,) for all, of the covariance of tracks that start at ``measurements`` (N, 4)."""

    @abstractmethod
    def process_variance(self, mean: FloatArray) -> FloatArray:
        """Diagonal (M, S), or (S,) for all, of the noise that one frame adds to states (M, S)."""

    @abstractmethod
    def measurement_variance(self, mean: FloatArray) -> FloatArray:
        """Diagonal (M, 4), or (4,) for all, of the noise of a measurement of states (M, S)."""

    def initiate(self, measurements: FloatArray) -> tuple[FloatArray, FloatArray]:
        """States that start at ``measurements`` (N, 4), at rest: mean (N, S), covariance (N, S, S)."""
        mean = np.zeros((len(measurements), self.size))
        mean[:, :4] = measurements
        covariance = np.zeros((len(measurements), self.size, self.size))
        _add_to_diagonal(covariance, self.initial_variance(measurements))
        return mean, covariance

    def predict(self, mean: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The states one frame later: F x and F P F' + Q."""
        noise = self.process_variance(mean)
        moving = self.num_velocities
        mean, covariance = mean.copy(), covariance.copy()
        mean[:, :moving] += mean[:, 4:]
        covariance[:, :moving] += covariance[:, 4:]  # F P
        covariance[:, :, :moving] += covariance[:, :, 4:]  # (F P) F'
        _add_to_diagonal(covariance, noise)
        return mean, covariance

    def project(self, mean: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What a measurement of the states is expected to be: mean (M, 4), covariance with noise (M, 4, 4)."""
        innovation = covariance[:, :4, :4].copy()
        _add_to_diagonal(innovation, self.measurement_variance(mean))
        return mean[:, :4], innovation

    def update(
        self, mean: FloatArray, covariance: FloatArray, measurements: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """The states after track m was measured at ``measurements[m]``, (M, 4)."""
        expected, innovation = self.project(mean, covariance)
        observed = covariance[:, :4, :]  # H P, (M, 4, S)
        gain = np.linalg.solve(innovation, observed).swapaxes(1, 2)  # P H' S^-1, (M, S, 4)
        mean = mean + np.matmul(gain, (measurements - expected)[:, :, None])[:, :, 0]
        return mean, covariance - np.matmul(gain, observed)

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
        inverse = np.linalg.inv(innovation[:, :used, :used])
        return np.einsum('mni,mni->mn', np.matmul(apart, inverse), apart)


class XYAHKalman(BoxKalman):
    """DeepSORT's filter (arXiv 1703.07402): centre x, y, aspect ratio w / h, height and the velocities of all four.

    The noise of everything but the aspect ratio is proportional to the height.
    """

    num_velocities = 4
    position_weight, velocity_weight = 1 / 20, 1 / 160

    def measure(self, bboxes: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.measure`."""
        size = np.maximum(bboxes[:, 2:] - bboxes[:, :2], MIN_SIDE)
        centre = (bboxes[:, :2] + bboxes[:, 2:]) / 2
        return np.column_stack([centre, size[:, 0] / size[:, 1], size[:, 1]])

    def to_bboxes(self, mean: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.to_bboxes`; a size extrapolated below zero overlaps nothing."""
        half = np.column_stack([mean[:, 2] * mean[:, 3], mean[:, 3]]) / 2
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

    num_velocities = 3
    INITIAL = np.array([10, 10, 10, 10, 1e4, 1e4, 1e4])
    PROCESS = np.array([1, 1, 1, 1, 1e-2, 1e-2, 1e-4])
    MEASUREMENT = np.array([1.0, 1, 10, 10])

    def measure(self, bboxes: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.measure`."""
        size = np.maximum(bboxes[:, 2:] - bboxes[:, :2], MIN_SIDE)
        centre = (bboxes[:, :2] + bboxes[:, 2:]) / 2
        return np.column_stack([centre, size.prod(1), size[:, 0] / size[:, 1]])

    def to_bboxes(self, mean: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.to_bboxes`."""
        area, ratio = np.maximum(mean[:, 2], 0), np.maximum(mean[:, 3], MIN_SIDE)
        half = np.column_stack([np.sqrt(area * ratio), np.sqrt(area / ratio)]) / 2
        return np.concatenate([mean[:, :2] - half, mean[:, :2] + half], 1)

    def predict(self, mean: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See :meth:`BoxKalman.predict`; an area that would shrink to nothing stops shrinking."""
        mean = mean.copy()
        mean[mean[:, 2] + mean[:, 6] <= 0, 6] = 0
        return super().predict(mean, covariance)

    def initial_variance(self, measurements: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.initial_variance`."""
        return self.INITIAL

    def process_variance(self, mean: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.process_variance`."""
        return self.PROCESS

    def measurement_variance(self, mean: FloatArray) -> FloatArray:
        """See :meth:`BoxKalman.measurement_variance`."""
        return self.MEASUREMENT


def _add_to_diagonal(matrices: FloatArray, values: FloatArray) -> None:
    """Add (M, K) or (K,) to the diagonals of (M, K, K), in place."""
    index = np.arange(matrices.shape[-1])
    matrices[:, index, index] += values
