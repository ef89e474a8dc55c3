"""DeepSORT's Kalman filter against the original program, step by step."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmdet.trackers.kalman import XYAHKalman
from mmdet.trackers.motion import BoxMotion


def as_matrices(covariance: np.ndarray) -> np.ndarray:
    """The full covariances (M, 8, 8) that (M, 3, 4) stands for."""
    own, shared, velocity = (covariance[:, i, :, None] * np.eye(4) for i in range(3))
    return np.concatenate([np.concatenate([own, shared], 2), np.concatenate([shared, velocity], 2)], 1)


def test_double_precision(parity_dir: Path) -> None:
    given = np.load(parity_dir / 'deepsort_kalman/inputs.npz')
    expected = np.load(parity_dir / 'deepsort_kalman/expected.npz')
    kalman, measured = XYAHKalman(), given['measurements_xyah']
    mean, covariance = kalman.initiate(measured[:, 0])
    close = dict(rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(mean, expected['mean_init'], **close)
    np.testing.assert_allclose(as_matrices(covariance), expected['cov_init'], **close)
    for step in range(expected['mean_pred'].shape[1]):
        mean, covariance = kalman.predict(mean, covariance)
        found = dict(mean_pred=mean, cov_pred=as_matrices(covariance))
        found['projected_mean'], innovation = kalman.project(mean, covariance)
        found['projected_cov'] = innovation[:, :, None] * np.eye(4)
        for name, position_only in (('gating_distance_4d', False), ('gating_distance_2d', True)):
            candidates = given['gating_candidates_xyah'][:, step]
            pairs = zip(mean[:, None], covariance[:, None], candidates)
            found[name] = np.concatenate([kalman.gating_distance(*pair, position_only) for pair in pairs])
        seen = given['observed'][:, step + 1]
        state = kalman.update(mean[seen], covariance[seen], measured[seen, step + 1])
        mean, covariance = mean.copy(), covariance.copy()
        mean[seen], covariance[seen] = state
        found |= dict(mean_post=mean, cov_post=as_matrices(covariance))
        for name, value in found.items():
            np.testing.assert_allclose(value, expected[name][:, step], **close, err_msg=f'{name}, step {step}')


def test_single_precision_boxes(parity_dir: Path) -> None:
    given = np.load(parity_dir / 'deepsort_kalman/inputs.npz')
    expected = np.load(parity_dir / 'deepsort_kalman/expected.npz')
    tlwh = given['f32_tlwh'].astype(np.float64)
    bboxes = np.concatenate([tlwh[:, :2], tlwh[:, :2] + tlwh[:, 2:]], 1)
    motion = BoxMotion(XYAHKalman())
    motion.append(bboxes[:1])
    for step, seen in enumerate(given['f32_observed'][1:], start=1):
        motion.predict()
        if seen:
            motion.update(np.array([0]), bboxes[[step]])
        np.testing.assert_allclose(motion.mean[0], expected['f32_mean_post'][step], rtol=1e-5, atol=1e-5)
        covariance = as_matrices(motion.covariance)[0]
        np.testing.assert_allclose(covariance, expected['f32_cov_post'][step], rtol=1e-5, atol=1e-5)
