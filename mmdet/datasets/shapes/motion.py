"""How things move: smooth paths that turn, speed up, bounce off the frame's sides, come in and go out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmdet.datasets.shapes.config import ShapesConfig

Generator = np.random.Generator
Vectors = NDArray[np.float64]  # (T, 2) or (2,), x y in pixels of the frame


@dataclass(frozen=True)
class Motion:
    """Where a thing is in each of T frames, before the camera moves.

    Attributes:
        centre: (T, 2) position in pixels.
        radius: (T,) radius of the circle around the outline in pixels.
        angle: (T,) rotation in radians.
    """

    centre: Vectors
    radius: NDArray[np.float64]
    angle: NDArray[np.float64]


@dataclass(frozen=True)
class Path:
    """What is drawn once for a path and then followed frame by frame.

    Attributes:
        start: (2,) position at frame ``begin``; before that the path runs straight, so an entering thing waits outside.
        velocity: (2,) pixels per frame at ``begin``.
        turn: change of direction per frame in radians.
        pulse: (strength, frequency, phase) of the speed's slow rise and fall.
        box: x1 y1 x2 y2 in which the centre bounces.
        begin: first frame at which the path turns and bounces.
        leave: frame from which it heads outwards; the number of frames or more for never.
    """

    start: Vectors
    velocity: Vectors
    turn: float
    pulse: tuple[float, float, float]
    box: tuple[float, float, float, float]
    begin: int
    leave: int

    def follow(self, frames: int) -> Vectors:
        """Centre of the thing in each frame: (T, 2)."""
        positions = np.empty((frames, 2))
        position, velocity = self.start.copy(), self.velocity.copy()
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        strength, frequency, phase = self.pulse
        for t in range(frames):
            if t < self.begin:
                positions[t] = self.start + self.velocity * (t - self.begin)
                continue
            positions[t] = position
            if t >= self.leave:
                velocity = self._outwards(position, velocity)
            else:
                velocity = self._bounce(position, np.array([[cos, -sin], [sin, cos]]) @ velocity)
            position = position + velocity * (1 + strength * math.sin(frequency * t + phase))
        return positions

    def _bounce(self, position: Vectors, velocity: Vectors) -> Vectors:
        low, high = np.array(self.box[:2]), np.array(self.box[2:])
        outwards = ((position < low) & (velocity < 0)) | ((position > high) & (velocity > 0))
        return np.where(outwards, -velocity, velocity)

    def _outwards(self, position: Vectors, velocity: Vectors) -> Vectors:
        """Pull towards the nearest side, so that the path curves out of the frame and does not come back."""
        low, high = np.array(self.box[:2]), np.array(self.box[2:])
        gaps = np.concatenate([position - low, high - position])
        side = int(np.argmin(gaps))
        pull = np.zeros(2)
        pull[side % 2] = -1.0 if side < 2 else 1.0
        speed = max(float(np.hypot(*self.velocity)), 0.01 * (self.box[2] - self.box[0]))
        return velocity + 0.3 * speed * pull


def draw_path(rng: Generator, config: ShapesConfig, radius: float, start: Vectors, enters: bool) -> Path:
    """A random path from ``start``, or from outside the frame towards ``start``."""
    width, height = config.size
    speed = width * rng.uniform(*config.speed)
    heading = rng.uniform(0, 2 * np.pi)
    begin = 0
    if enters:
        outside = _outside(rng, config, radius, start)
        heading = math.atan2(*(start - outside)[::-1])
        start, speed = outside, max(speed, 0.015 * width)
        begin = int(rng.integers(0, max(config.num_frames // 2, 1)))
    leaves = rng.random() < config.leave_probability
    leave = int(config.num_frames * rng.uniform(0.3, 0.65)) if leaves else config.num_frames
    margin = 0.45 * radius
    return Path(
        start=start,
        velocity=speed * np.array([math.cos(heading), math.sin(heading)]),
        turn=float(rng.normal(0, 0.07)),
        pulse=(rng.uniform(0, 0.5), rng.uniform(0.1, 0.5), rng.uniform(0, 2 * np.pi)),
        box=(margin, margin, width - margin, height - margin),
        begin=begin,
        leave=max(leave, begin + 4),
    )


def draw_motion(rng: Generator, config: ShapesConfig, radius: float, path: Path) -> Motion:
    """Follow ``path`` while growing or shrinking and rotating smoothly."""
    frames = np.arange(config.num_frames)
    spin = rng.normal(0, 0.05) * frames
    sway = rng.uniform(0, 0.35) * np.sin(rng.uniform(0.1, 0.4) * frames + rng.uniform(0, 2 * np.pi))
    angle = rng.uniform(0, 2 * np.pi) + spin + sway
    return Motion(path.follow(config.num_frames), radius * _breathing(rng, config), angle)


def orbit(rng: Generator, config: ShapesConfig, leader: Motion, motion: Motion) -> Motion:
    """``motion`` moved onto an orbit around ``leader`` that keeps both overlapping for most of the video."""
    frames = np.arange(config.num_frames)
    phase = rng.uniform(0, 2 * np.pi) + rng.choice([-1, 1]) * rng.uniform(0.05, 0.22) * frames
    wave = np.sin(rng.uniform(0.15, 0.4) * frames + rng.uniform(0, 2 * np.pi))
    distance = (leader.radius + motion.radius) * (rng.uniform(0.3, 0.5) + 0.2 * wave)
    offset = distance[:, None] * np.stack([np.cos(phase), np.sin(phase)], axis=1)
    return replace(motion, centre=leader.centre + offset)


def cross(rng: Generator, config: ShapesConfig, leader: Motion, path: Path) -> Path:
    """``path`` aimed so that it meets ``leader`` near the middle of the video."""
    meeting = max(int(config.num_frames * rng.uniform(0.35, 0.65)), 1)
    target = leader.centre[min(meeting, config.num_frames - 1)]
    velocity = (target - path.start) / meeting
    return replace(path, velocity=velocity, turn=0.0, pulse=(0.0, 0.0, 0.0), begin=0, leave=config.num_frames)


def _outside(rng: Generator, config: ShapesConfig, radius: float, inside: Vectors) -> Vectors:
    """A point just outside the left or right side (three times in four) or the top or bottom."""
    width, height = config.size
    gap = 1.1 * radius
    if rng.random() < 0.75:
        return np.array([-gap if rng.random() < 0.5 else width + gap, rng.uniform(0.2, 0.8) * height])
    return np.array([inside[0], -gap if rng.random() < 0.5 else height + gap])


def _breathing(rng: Generator, config: ShapesConfig) -> NDArray[np.float64]:
    """Relative size (T,), 1 at the first frame: a slow trend and a slower wave, within ``scale_change``."""
    frames = np.arange(config.num_frames)
    limit = math.log(config.scale_change)
    trend = rng.normal(0, 0.018) * frames
    wave = rng.uniform(0, 0.15) * np.sin(rng.uniform(0.1, 0.35) * frames + rng.uniform(0, 2 * np.pi))
    change = trend + wave - wave[0]
    return np.exp(limit * np.tanh(change / max(limit, 1e-6))) if limit > 0 else np.ones(config.num_frames)
