"""Scenes built by hand, so that every mask is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mmdet.datasets.shapes import ShapesConfig
from mmdet.datasets.shapes.background import Camera
from mmdet.datasets.shapes.motion import Motion
from mmdet.datasets.shapes.render import Frame, render_frame
from mmdet.datasets.shapes.scene import Actor, Grade, ShapesScene
from mmdet.datasets.shapes.sprites import Sprite
from mmdet.datasets.shapes.truth import seen_objects

CONFIG = ShapesConfig(size=(64, 48), num_frames=2, motion_blur=0.0, noise=0.0)
RED, GREEN, GREY = (200, 0, 0), (0, 200, 0), (90, 90, 90)


def _box_actor(x: float, y: float, half: float, colour: tuple[int, int, int], category: str | None) -> Actor:
    """A square of 2 * half pixels around (x, y), sharp to the pixel: the whole picture is opaque."""
    rgba = np.ones((32, 32, 4), np.float32)
    rgba[..., :3] = colour
    still = np.ones(CONFIG.num_frames)
    motion = Motion(np.tile([float(x), float(y)], (CONFIG.num_frames, 1)), half * still, 0 * still)
    return Actor(Sprite([rgba], rgba[..., 3], np.eye(2)), motion, category)


def _scene(*actors: Actor, zoom: float = 1.0, shake: tuple[float, float] = (0, 0)) -> ShapesScene:
    frames = CONFIG.num_frames
    camera = Camera(np.zeros((frames, 2)), np.tile(np.array(shake, float), (frames, 1)), np.full(frames, zoom))
    grade = Grade(np.ones(frames), np.ones(3, np.float32), 0.0, softness=0.05, noise=0.0, shadow=(0, 0, 0))
    return ShapesScene(np.full((72, 96, 3), GREY, np.float32), camera, list(actors), grade)


def _render(scene: ShapesScene) -> Frame:
    return render_frame(scene, CONFIG, 0, np.random.default_rng(0))


def _levels(frame: Frame, min_area: int = 16) -> list[str | None]:
    return [seen.occlusion if seen else None for seen in seen_objects(frame, min_area)]


def test_one_box_lies_where_it_should() -> None:
    frame = _render(_scene(_box_actor(20, 16, 8, RED, 'square')))
    expected = np.zeros((48, 64), np.uint8)
    expected[8:24, 12:28] = 1
    assert np.array_equal(frame.ids, expected)
    assert frame.full_areas.tolist() == [256]
    assert np.all(frame.image[9:23, 13:27] == RED)
    assert np.all(frame.image[expected == 0][:100] == GREY)


@pytest.mark.parametrize(
    ('front_x', 'visible', 'level'),
    [
        pytest.param(50, 256, 'no_occlusion', id='apart'),
        pytest.param(36, 256, 'no_occlusion', id='touching'),
        pytest.param(35, 240, 'slight_occlusion', id='one column hidden'),
        pytest.param(28, 128, 'slight_occlusion', id='exactly half hidden'),
        pytest.param(27, 112, 'severe_occlusion', id='just over half hidden'),
        pytest.param(21, 16, 'severe_occlusion', id='a column left'),
        pytest.param(20, 0, None, id='gone'),
    ],
)
def test_front_box_hides_the_back_box(front_x: float, visible: int, level: str | None) -> None:
    frame = _render(_scene(_box_actor(20, 16, 8, RED, 'square'), _box_actor(front_x, 16, 8, GREEN, 'disc')))
    assert np.bincount(frame.ids.ravel(), minlength=3)[1:].tolist() == [visible, 256]
    assert frame.full_areas.tolist() == [256, 256]
    assert _levels(frame) == [level, 'no_occlusion']


def test_unlabelled_occluder_hides_but_is_not_annotated() -> None:
    hidden = _box_actor(20, 16, 8, RED, 'square')
    frame = _render(_scene(hidden, _box_actor(24, 16, 8, GREY, None), _box_actor(50, 16, 8, GREEN, 'disc')))
    assert np.bincount(frame.ids.ravel(), minlength=3)[1:].tolist() == [64, 256]
    assert _levels(frame) == ['severe_occlusion', 'no_occlusion']


def test_being_cut_by_the_frame_is_not_occlusion() -> None:
    frame = _render(_scene(_box_actor(0, 16, 8, RED, 'square'), _box_actor(-30, 16, 8, GREEN, 'disc')))
    assert frame.full_areas.tolist() == [128, 0]
    assert _levels(frame) == ['no_occlusion', None]


@pytest.mark.parametrize(('min_area', 'levels'), [(16, ['severe_occlusion']), (17, [None])])
def test_too_few_visible_pixels_are_not_annotated(min_area: int, levels: list[str | None]) -> None:
    frame = _render(_scene(_box_actor(20, 16, 8, RED, 'square'), _box_actor(21, 16, 8, GREY, None)))
    assert _levels(frame, min_area) == levels


@pytest.mark.parametrize(
    ('zoom', 'shake', 'rows', 'columns'),
    [
        pytest.param(1.0, (3, -2), slice(14, 30), slice(27, 43), id='shake moves things'),
        pytest.param(1.5, (0, 0), slice(12, 36), slice(20, 44), id='zoom grows about the middle'),
    ],
)
def test_camera_moves_the_objects(zoom: float, shake: tuple[float, float], rows: slice, columns: slice) -> None:
    frame = _render(_scene(_box_actor(32, 24, 8, RED, 'square'), zoom=zoom, shake=shake))
    expected = np.zeros((48, 64), np.uint8)
    expected[rows, columns] = 1
    assert np.array_equal(frame.ids, expected)


def test_motion_blur_smears_the_picture_but_not_the_mask() -> None:
    actor = _box_actor(20, 16, 8, RED, 'square')
    moving = dataclasses.replace(actor.motion, centre=np.array([[10.0, 16.0], [20.0, 16.0]]))
    scene = _scene(dataclasses.replace(actor, motion=moving))
    frames = [
        render_frame(scene, dataclasses.replace(CONFIG, motion_blur=b), 1, np.random.default_rng(0)) for b in (0, 0.6)
    ]
    assert np.array_equal(frames[0].ids, frames[1].ids)
    sharp, smeared = (f.image[16, 8:32, 0].astype(int) for f in frames)
    assert set(sharp) == {GREY[0], RED[0]}
    assert len(set(smeared)) > 4
    assert np.array_equal(sharp[8:12], smeared[8:12])


def test_shadow_darkens_the_ground() -> None:
    scene = _scene(_box_actor(20, 16, 8, RED, 'square'))
    shaded = dataclasses.replace(scene, grade=dataclasses.replace(scene.grade, shadow=(0.5, 0.5, 0.5)))
    plain, dark = _render(scene), _render(shaded)
    assert np.array_equal(plain.ids, dark.ids)
    assert dark.image[26, 26, 0] < plain.image[26, 26, 0]
    assert np.all(dark.image[9:23, 13:27] == RED)


def test_exposure_and_noise_change_the_picture_only() -> None:
    scene = _scene(_box_actor(20, 16, 8, RED, 'square'))
    bright = dataclasses.replace(scene, grade=dataclasses.replace(scene.grade, exposure=np.full(2, 1.2)))
    noisy = dataclasses.replace(scene, grade=dataclasses.replace(scene.grade, noise=6.0))
    assert np.all(_render(bright).image[40:, 40:] == 108)
    grain = _render(noisy).image[30:, 40:].astype(float)
    assert grain.mean() == pytest.approx(90, abs=1) and 5 < grain.std() < 7
    assert np.array_equal(_render(noisy).ids, _render(scene).ids)
