from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest

from mmdet.datasets.shapes import ShapesConfig, ShapesVideo
from mmdet.datasets.shapes.truth import seen_objects
from mmdet.errors import ConfigError

SMALL = ShapesConfig(size=(96, 64), num_frames=6)


def _digest(video: ShapesVideo) -> str:
    digest = hashlib.sha256()
    for frame in video:
        for array in frame:
            digest.update(array.tobytes())
    return digest.hexdigest()


def test_a_video_is_a_function_of_its_arguments() -> None:
    base = (SMALL, 3, 'train', 5)
    assert _digest(ShapesVideo(*base)) == _digest(ShapesVideo(*base))
    others = [(SMALL, 4, 'train', 5), (SMALL, 3, 'valid', 5), (SMALL, 3, 'train', 6)]
    assert len({_digest(ShapesVideo(*arguments)) for arguments in [base, *others]}) == 4


def test_frames_can_be_rendered_in_any_order() -> None:
    video = ShapesVideo(SMALL)
    in_order = list(video)
    for t in (4, 0, 4, 2):
        assert np.array_equal(video.render(t).image, in_order[t].image)


@pytest.mark.parametrize('occlusion', ['normal', 'heavy'])
def test_truth_is_consistent_in_every_frame(occlusion: str) -> None:
    config = dataclasses.replace(SMALL, occlusion=occlusion)
    for index in range(6):
        video = ShapesVideo(config, index=index)
        assert config.objects[0] <= len(video.categories) <= config.objects[1]
        for frame in video:
            assert frame.image.shape == (64, 96, 3) and frame.image.dtype == np.uint8
            assert frame.ids.shape == (64, 96) and frame.ids.max() <= len(video.categories)
            visible = np.bincount(frame.ids.ravel(), minlength=len(video.categories) + 1)[1:]
            assert np.all(visible <= frame.full_areas)
            masks = np.array([s.mask for s in seen_objects(frame, config.min_area) if s])
            assert masks.size == 0 or masks.sum(axis=0).max() == 1


def test_something_can_be_seen_in_the_first_frame() -> None:
    config = dataclasses.replace(SMALL, occlusion='heavy', objects=(1, 2))
    for index in range(20):
        frame = ShapesVideo(config, index=index).render(0)
        assert any(seen_objects(frame, config.min_area))


def test_heavy_occlusion_is_heavier() -> None:
    shares = {}
    for occlusion in ('normal', 'heavy'):
        config = dataclasses.replace(SMALL, occlusion=occlusion)
        seen = [
            s.occlusion
            for i in range(15)
            for frame in ShapesVideo(config, index=i)
            for s in seen_objects(frame, config.min_area)
            if s
        ]
        shares[occlusion] = seen.count('severe_occlusion') / len(seen)
    assert shares['normal'] < 0.12
    assert shares['heavy'] > 0.2


def test_lookalikes_share_class_and_nearly_the_picture() -> None:
    config = dataclasses.replace(SMALL, lookalike_probability=1.0, objects=(3, 3))
    video = ShapesVideo(config)
    assert len(set(video.categories)) == 1
    sprites = [actor.sprite.levels[0] for actor in video.scene.actors if actor.category]
    for other in sprites[1:]:
        difference = np.abs(other - sprites[0])
        assert 0 < difference[..., :3].mean() < 20
        assert difference[..., 3].max() == 0


def test_still_camera_and_no_change_of_light_keep_the_background() -> None:
    config = ShapesConfig(
        size=(96, 64),
        num_frames=4,
        objects=(1, 1),
        speed=(0, 0),
        scale_change=1,
        leave_probability=0,
        camera=0,
        brightness_change=0,
        noise=0,
        shadows=False,
    )
    frames = list(ShapesVideo(config, index=1))
    away = np.all([f.ids == 0 for f in frames], axis=0)
    changed = np.any(frames[0].image != frames[-1].image, axis=-1)
    assert changed[away].mean() < 0.1  # the anti-aliased rim of the turning object


def test_ids_are_unique_positive_and_unlike_positions() -> None:
    ids = [_id(index) for index in range(60)]
    assert len(set(ids)) == 60 and min(ids) >= 1
    assert ids != sorted(ids)
    assert not set(ids) & set(range(1, 61))


def _id(index: int) -> int:
    return ShapesVideo(ShapesConfig(size=(32, 32), num_frames=1, objects=(1, 1)), index=index).video_id


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [({'seed': -1}, 'seed'), ({'index': -1}, 'video -1'), ({'index': 99_991}, '99991')],
)
def test_bad_arguments(arguments: dict, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        ShapesVideo(SMALL, **arguments)


def test_objects_that_nobody_can_see_are_an_error() -> None:
    config = ShapesConfig(size=(32, 32), num_frames=1, objects=(1, 1), object_size=(0.05, 0.05), min_area=500)
    with pytest.raises(ConfigError, match='min_area'):
        ShapesVideo(config)


@pytest.mark.parametrize('size', [(32, 32), (64, 200), (641, 361)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    frame = ShapesVideo(ShapesConfig(size=size, num_frames=3)).render(2)
    assert frame.image.shape == (size[1], size[0], 3)


@pytest.mark.parametrize('occlusion', ['normal', 'heavy'])
@pytest.mark.parametrize('num_frames', [1, 2, 3])
def test_very_short_videos(num_frames: int, occlusion: str) -> None:
    config = dataclasses.replace(SMALL, num_frames=num_frames, occlusion=occlusion, objects=(4, 4))
    assert [len(list(ShapesVideo(config, index=i))) for i in range(8)] == [num_frames] * 8
