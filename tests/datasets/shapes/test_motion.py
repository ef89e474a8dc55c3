from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mmdet.datasets.shapes import ShapesConfig
from mmdet.datasets.shapes.motion import Path, cross, draw_motion, draw_path, orbit

CONFIG = ShapesConfig(num_frames=40, enter_probability=0.0, leave_probability=0.0)
RADIUS = 25.0
MIDDLE = np.array([128.0, 72.0])


def _path(**changes: object) -> Path:
    path = Path(
        start=np.array([10.0, 10.0]),
        velocity=np.array([2.0, 0.0]),
        turn=0.0,
        pulse=(0.0, 0.0, 0.0),
        box=(0.0, 0.0, 20.0, 20.0),
        begin=0,
        leave=99,
    )
    return dataclasses.replace(path, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ('changes', 'expected_x'),
    [
        pytest.param({}, [10, 12, 14, 16, 18, 20], id='straight'),
        pytest.param({'velocity': np.array([5.0, 0.0])}, [10, 15, 20, 25, 20, 15], id='bounces past the side'),
        pytest.param({'start': np.array([-4.0, 10.0]), 'begin': 2}, [-8, -6, -4, -2, 0, 2], id='waits outside'),
    ],
)
def test_path_by_hand(changes: dict, expected_x: list[float]) -> None:
    positions = _path(**changes).follow(6)
    assert positions[:, 0].tolist() == expected_x
    assert set(positions[:, 1]) == {10.0}


def test_leaving_object_goes_out_and_stays_out() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        config = dataclasses.replace(CONFIG, leave_probability=1.0, num_frames=80)
        x, y = draw_path(rng, config, RADIUS, MIDDLE, enters=False).follow(80).T
        outside = (x < 0) | (x > config.width) | (y < 0) | (y > config.height)
        assert not outside[0] and outside[-1]
        assert outside[int(np.argmax(outside)) :].all()


def test_entering_object_starts_wholly_outside_and_comes_in() -> None:
    for seed in range(20):
        positions = draw_path(np.random.default_rng(seed), CONFIG, RADIUS, MIDDLE, enters=True).follow(40)
        outside = np.maximum(-positions, positions - np.array(CONFIG.size)).max(axis=1)
        assert outside[0] > RADIUS
        assert outside.min() < 0


def test_staying_object_never_leaves_and_moves_smoothly() -> None:
    for seed in range(20):
        positions = draw_path(np.random.default_rng(seed), CONFIG, RADIUS, MIDDLE, enters=False).follow(40)
        assert np.all(positions > -RADIUS) and np.all(positions < np.array(CONFIG.size) + RADIUS)
        steps = np.hypot(*np.diff(positions, axis=0).T)
        assert steps.max() < 1.6 * CONFIG.speed[1] * CONFIG.width


@pytest.mark.parametrize('limit', [1.0, 1.2, 2.0])
def test_size_starts_as_drawn_and_stays_within_scale_change(limit: float) -> None:
    config = dataclasses.replace(CONFIG, scale_change=limit, num_frames=300)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        motion = draw_motion(rng, config, RADIUS, draw_path(rng, config, RADIUS, MIDDLE, enters=False))
        assert motion.radius[0] == pytest.approx(RADIUS)
        assert motion.radius.max() <= RADIUS * limit + 1e-9
        assert motion.radius.min() >= RADIUS / limit - 1e-9


def test_orbiting_objects_touch_all_the_time() -> None:
    rng = np.random.default_rng(3)
    leader, follower = (
        draw_motion(rng, CONFIG, RADIUS, draw_path(rng, CONFIG, RADIUS, MIDDLE, enters=False)) for _ in range(2)
    )
    moved = orbit(rng, CONFIG, leader, follower)
    distance = np.hypot(*(moved.centre - leader.centre).T)
    assert np.all(distance < leader.radius + moved.radius)
    assert distance.std() > 1


def test_crossing_object_meets_its_partner() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        leader = draw_motion(rng, CONFIG, RADIUS, draw_path(rng, CONFIG, RADIUS, MIDDLE, enters=False))
        path = draw_path(rng, CONFIG, RADIUS, np.array([30.0, 30.0]), enters=False)
        meeting = np.hypot(*(cross(rng, CONFIG, leader, path).follow(40) - leader.centre).T)
        assert meeting.min() < 1e-6
