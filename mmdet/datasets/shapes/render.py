"""Turn a scene into frames with exact visible masks."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdet.datasets.shapes.background import Picture, look
from mmdet.datasets.shapes.config import ShapesConfig
from mmdet.datasets.shapes.scene import Actor, ShapesScene
from mmdet.datasets.shapes.sprites import SHADOW_REACH

Patch = tuple[tuple[slice, slice], NDArray[np.float32]]  # where in the frame, and the pixels there


class Frame(NamedTuple):
    """One rendered frame with its truth; N is the number of objects of the video."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB
    ids: NDArray[np.uint8]  # (H, W), 0 where no object is seen, k + 1 where object k is in front
    full_areas: NDArray[np.int64]  # (N,) pixels inside the frame that each object would have if nothing hid it


class Pose(NamedTuple):
    """Where and how a unit outline lies in a frame."""

    centre: NDArray[np.float64]  # (2,) x y in pixels, 0 at the frame's corner
    linear: NDArray[np.float64]  # (2, 2) from the unit outline to pixels


def render_frame(scene: ShapesScene, config: ShapesConfig, t: int, rng: np.random.Generator) -> Frame:
    """Paint from back to front, then apply light, lens and sensor. ``rng`` drives the sensor noise."""
    picture = look(scene.canvas, scene.camera, t, config.size)
    for actor in scene.actors:
        _paint(picture, scene, actor, config, t)
    ids, full_areas = visible_objects(scene, config, t)
    return Frame(_develop(picture, scene, t, rng), ids, full_areas)


def visible_objects(scene: ShapesScene, config: ShapesConfig, t: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Front-most objects (H, W) and full areas (N,) of frame ``t`` as in :class:`Frame`.

    A pixel belongs to an object that covers at least half of it while the shutter is half way.
    """
    ids = np.zeros((config.height, config.width), np.uint8)
    full_areas = np.zeros(len(scene.categories), np.int64)
    number = 0
    for actor in scene.actors:
        number += actor.category is not None
        level = actor.sprite.level_for(_radius(scene, actor, t))
        placed = _warp(np.ascontiguousarray(level[..., 3]), _pose(scene, actor, config, t), config.size)
        if placed is None:
            continue
        where, alpha = placed
        covered = alpha >= 0.5
        ids[where][covered] = number if actor.category is not None else 0
        if actor.category is not None:
            full_areas[number - 1] = np.count_nonzero(covered)
    return ids, full_areas


def _radius(scene: ShapesScene, actor: Actor, t: int) -> float:
    return float(actor.motion.radius[t] * scene.camera.zoom[t])


def _pose(scene: ShapesScene, actor: Actor, config: ShapesConfig, t: int) -> Pose:
    angle = actor.motion.angle[t]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = scene.camera.project(t, actor.motion.centre[t], config.size)
    return Pose(centre, _radius(scene, actor, t) * turn @ actor.sprite.distortion)


def _warp(picture: NDArray[np.float32], pose: Pose, size: tuple[int, int], reach: float = 1.0) -> Patch | None:
    """``picture`` (S, S, ...) laid into a frame of ``size``, cut to what is inside; None if nothing is.

    ``reach`` is half the picture's side in units of the outline. Pixel i of either grid has its middle at i + 0.5.
    """
    extent = np.abs(pose.linear).sum(1) * reach + 2
    low = np.maximum(np.floor(pose.centre - extent), 0).astype(int)
    high = np.minimum(np.ceil(pose.centre + extent), size).astype(int)
    if np.any(high <= low):
        return None
    half = len(picture) / 2
    linear = pose.linear * (reach / half)
    shift = pose.centre - low - 0.5 - linear @ np.full(2, half - 0.5)
    box = (int(high[0] - low[0]), int(high[1] - low[1]))
    patch = cv2.warpAffine(picture, np.column_stack([linear, shift]), box, flags=cv2.INTER_LINEAR)
    return (slice(low[1], high[1]), slice(low[0], high[0])), patch


def _paint(picture: Picture, scene: ShapesScene, actor: Actor, config: ShapesConfig, t: int) -> None:
    """Draw the shadow and then the sprite of ``actor`` into ``picture``."""
    pose, radius = _pose(scene, actor, config, t), _radius(scene, actor, t)
    dx, dy, strength = scene.grade.shadow
    if strength:
        moved = Pose(pose.centre + radius * np.array([dx, dy]), pose.linear)
        placed = _warp(actor.sprite.shadow, moved, config.size, SHADOW_REACH)
        if placed is not None:
            where, shade = placed
            picture[where] *= 1 - strength * shade[..., None]
    placed = _warp(actor.sprite.level_for(radius), pose, config.size)
    if placed is None:
        return
    where, rgba = placed
    before = _pose(scene, actor, config, max(t - 1, 0)).centre
    rgba = _smear(rgba, (pose.centre - before) * config.motion_blur)
    picture[where] *= 1 - rgba[..., 3:]
    picture[where] += rgba[..., :3]


def _smear(rgba: NDArray[np.float32], travel: NDArray[np.float64]) -> NDArray[np.float32]:
    """Blur along ``travel`` (2,) pixels, as an open shutter does; the middle of the exposure stays in place."""
    if float(np.hypot(*travel)) < 1:
        return rgba
    reach = int(np.ceil(np.abs(travel).max() / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
    ends = [tuple(int(v) for v in np.round((reach + sign * travel / 2) * 16)) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 255, 1, cv2.LINE_AA, 4)
    weights = kernel.astype(np.float32) / max(int(kernel.sum()), 1)
    return cv2.filter2D(rgba, -1, weights, borderType=cv2.BORDER_REPLICATE)


def _develop(picture: Picture, scene: ShapesScene, t: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light, vignette, lens blur and sensor noise: (H, W, 3) uint8."""
    grade = scene.grade
    height, width = picture.shape[:2]
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)
    falloff = 1 - np.float32(grade.vignette / 2) * (y[:, None] ** 2 + x[None] ** 2)
    picture = picture * (falloff * np.float32(grade.exposure[t]))[..., None] * grade.tint
    picture = cv2.GaussianBlur(picture, (0, 0), grade.softness)
    if grade.noise:
        picture += np.float32(grade.noise) * rng.standard_normal(picture.shape, dtype=np.float32)
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)
