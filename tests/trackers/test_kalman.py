"""Kalman filters of boxes against numbers worked out by hand and the textbook with matrices."""

from __future__ import annotations

import numpy as np
import pytest

from mmdet.trackers.kalman import CHI_SQUARE_95, BoxKalman, XYAHKalman, XYSRKalman
from mmdet.trackers.motion import BoxMotion

START = np.array([[100, 200, 0.5, 80]])


def as_matrices(covariance: np.ndarray) -> np.ndarray:
    """The full covariances (M, 8, 8) that (M, 3, 4) stands for."""
    own, shared, velocity = (covariance[:, i, :, None] * np.eye(4) for i in range(3))
    return np.concatenate([np.concatenate([own, shared], 2), np.concatenate([shared, velocity], 2)], 1)


def test_t20_table() -> None:
    kalman = XYAHKalman()
    mean, covariance = kalman.initiate(START)
    np.testing.assert_allclose(as_matrices(covariance)[0].diagonal(), [64, 64, 1e-4, 64, 25, 25, 1e-10, 25])
    mean, covariance = kalman.predict(mean, covariance)
    variances = [105, 105, 2e-4, 105, 25.25, 25.25, 2e-10, 25.25]
    np.testing.assert_allclose(as_matrices(covariance)[0].diagonal(), variances, rtol=1e-6)
    _, innovation = kalman.project(mean, covariance)
    np.testing.assert_allclose(innovation[0], [121, 121, 0.0102, 121], rtol=1e-6)
    candidates = np.array([[104, 202, 0.5, 80], [130, 200, 0.5, 80], [140, 200, 0.5, 80]])
    distance = kalman.gating_distance(mean, covariance, candidates)
    np.testing.assert_allclose(distance, [[0.165289, 7.438017, 13.223140]], atol=1e-6)
    assert (distance > CHI_SQUARE_95).tolist() == [[False, False, True]]
    mean, covariance = kalman.update(mean, covariance, candidates[:1])
    np.testing.assert_allclose(mean[0, [0, 1, 4, 5]], [103.471074, 201.735537, 0.826446, 0.413223], atol=1e-6)
    np.testing.assert_allclose(covariance[0, 0, 0], 13.884298, atol=1e-6)


@pytest.mark.parametrize('kalman', [XYAHKalman(), XYSRKalman()], ids=['xyah', 'xysr'])
def test_is_the_textbook_filter(kalman: BoxKalman) -> None:
    rng = np.random.default_rng(0)
    transition, observation = np.eye(8) + np.eye(8, k=4), np.eye(4, 8)
    corner = rng.uniform(0, 50, (5, 2))
    bboxes = np.concatenate([corner, corner + rng.uniform(20, 40, (5, 2))], 1)
    mean, covariance = kalman.initiate(kalman.measure(bboxes))
    for _ in range(4):
        bboxes = bboxes + rng.normal(0, 2, bboxes.shape)
        measured = kalman.measure(bboxes)
        noise = np.broadcast_to(kalman.process_variance(mean), mean.shape)
        expected = []
        for track in range(5):
            x = transition @ mean[track]
            p = transition @ as_matrices(covariance)[track] @ transition.T + np.diag(noise[track])
            blur = np.diag(np.broadcast_to(kalman.measurement_variance(x[None]), (1, 4))[0])
            gain = p @ observation.T @ np.linalg.inv(observation @ p @ observation.T + blur)
            x, p = x + gain @ (measured[track] - observation @ x), p - gain @ observation @ p
            expected.append((x, p))
        mean, covariance = kalman.update(*kalman.predict(mean, covariance), measured)
        for track, (x, p) in enumerate(expected):
            np.testing.assert_allclose(mean[track], x, rtol=1e-9)
            np.testing.assert_allclose(as_matrices(covariance)[track], p, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize('kalman', [XYAHKalman(), XYSRKalman()], ids=['xyah', 'xysr'])
def test_boxes_survive_the_round_trip(kalman: BoxKalman) -> None:
    bboxes = np.array([[3.0, 4, 13, 34], [0, 0, 50, 5]])
    np.testing.assert_allclose(kalman.to_bboxes(kalman.initiate(kalman.measure(bboxes))[0]), bboxes)


@pytest.mark.parametrize('kalman', [XYAHKalman(), XYSRKalman()], ids=['xyah', 'xysr'])
def test_boxes_without_area_stay_finite(kalman: BoxKalman) -> None:
    motion = BoxMotion(kalman)
    motion.append(np.array([[5.0, 5, 5, 5], [5, 5, 9, 5]]))
    for _ in range(3):
        motion.predict()
        motion.update(np.arange(2), np.array([[5.0, 5, 5, 5], [5, 5, 9, 5]]))
    assert np.isfinite(motion.bboxes()).all() and np.isfinite(motion.covariance).all()


@pytest.mark.parametrize('kalman', [XYAHKalman(), XYSRKalman()], ids=['xyah', 'xysr'])
def test_a_forecast_is_the_filter_without_measurements(kalman: BoxKalman) -> None:
    motion = BoxMotion(kalman)
    motion.append(np.array([[0.0, 0, 20, 40], [100, 100, 150, 120]]))
    for step in range(1, 6):
        motion.predict()
        motion.update(np.arange(2), np.array([[8.0 * step, 0, 20 + 8 * step, 40], [100, 100 - 3 * step, 150, 120]]))
    state = motion.mean.copy(), motion.covariance.copy()
    found = motion.forecast(np.array([7, 3]), 12)
    np.testing.assert_array_equal(motion.mean, state[0])
    np.testing.assert_array_equal(motion.covariance, state[1])
    assert list(found) == [7, 3]
    for step in range(12):
        motion.predict()
        np.testing.assert_allclose(np.stack([found[7][step], found[3][step]]), motion.bboxes(), rtol=1e-12)


def test_a_forecast_never_turns_a_box_inside_out() -> None:
    motion = BoxMotion(XYAHKalman())
    motion.append(np.array([[100.0, 100, 120, 140]]))
    motion.mean[0, 7] = -10
    found = motion.forecast(np.array([1]), 6)[1]
    assert (found[:, 2:] >= found[:, :2]).all() and found[5].tolist() == [110, 120, 110, 120]


def test_area_does_not_shrink_below_nothing() -> None:
    kalman = XYSRKalman()
    mean, covariance = kalman.initiate(np.array([[10, 10, 100, 1.0]]))
    mean[:, 6] = -150
    assert kalman.predict(mean, covariance)[0][0, 2] == 100


def test_no_tracks() -> None:
    motion = BoxMotion(XYAHKalman())
    motion.predict()
    motion.update(np.zeros(0, np.int64), np.zeros((0, 4)))
    assert motion.bboxes().shape == (0, 4)
    assert motion.distances(np.zeros((3, 4))).shape == (0, 3)
