"""Crops anywhere and around objects."""

import numpy as np
import pytest

from mmdet.datasets.transforms import CropAroundObject, RandomCrop
from mmdet.errors import ConfigError


def test_one_window_for_the_clip(make_clip, rng):
    clip = make_clip((40, 60), [[[10, 5, 50, 35]], [[10, 5, 50, 35]]])
    images = [frame.image.copy() for frame in clip.frames]
    clip = RandomCrop(min_size=(30, 20), max_size=(30, 20))(clip, rng)
    windows = []
    for frame, image in zip(clip.frames, images):
        assert frame.image.shape == (20, 30, 3)
        windows += [
            (x, y)
            for y in range(21)
            for x in range(31)
            if np.array_equal(image[y : y + 20, x : x + 30], frame.image)
        ]
    assert len(windows) == 2 and windows[0] == windows[1]
    x, y = windows[0]
    expected = [max(10 - x, 0), max(5 - y, 0), min(50 - x, 30), min(35 - y, 20)]
    objects = clip.frames[0].objects
    assert objects.bboxes.tolist() == [expected]
    rows, columns = np.flatnonzero(objects.masks[0].any(1)), np.flatnonzero(objects.masks[0].any(0))
    assert expected == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def test_vanished_objects_leave_with_mask_and_id(make_clip):
    for seed in range(30):
        clip = make_clip((40, 60), [[[0, 0, 8, 8], [50, 30, 58, 38]]])
        clip = RandomCrop((20, 20), (40, 30))(clip, np.random.default_rng(seed))
        objects = clip.frames[0].objects
        assert 1 <= len(objects) == len(objects.masks) == len(objects.ids) == len(objects.crowd)
        assert objects.masks.any((1, 2)).all()
        assert (objects.bboxes[:, 2:] > objects.bboxes[:, :2]).all()


def test_hollow_mask_vanishes_with_its_pixels(make_clip, rng):
    clip = make_clip((20, 20), [[[0, 0, 20, 20], [0, 0, 20, 20]]])
    clip.frames[0].objects.masks[0] = 0
    clip.frames[0].objects.masks[0, :2, :2] = 1  # its box fills the frame, its pixels only a corner
    clip = RandomCrop((10, 10), (10, 10))(clip, np.random.default_rng(3))
    assert clip.frames[0].objects.ids.tolist() == [101]


def test_key_frame_keeps_an_object_or_stays_whole(make_clip, rng):
    clip = RandomCrop((2, 2), (2, 2))(make_clip((40, 60), [[[0, 0, 1, 1]]]), rng)
    assert clip.frames[0].image.shape == (40, 60, 3) and len(clip.frames[0].objects) == 1
    crowd = RandomCrop((20, 20), (20, 20))(make_clip((40, 60), [[[0, 0, 60, 40]]], crowd=[1]), rng)
    assert crowd.frames[0].image.shape == (40, 60, 3)


def test_limits(make_clip, rng):
    larger = RandomCrop((100, 100), (200, 200))(make_clip((40, 60), [[[0, 0, 60, 40]]]), rng)
    assert larger.frames[0].image.shape == (40, 60, 3)
    never = RandomCrop((5, 5), (5, 5), prob=0.0)(make_clip((40, 60), [[[0, 0, 60, 40]]]), rng)
    assert never.frames[0].image.shape == (40, 60, 3)
    plain = RandomCrop((5, 5), (5, 5))(make_clip((40, 60), [None]), rng)
    assert plain.frames[0].image.shape == (5, 5, 3)


@pytest.mark.parametrize('arguments', [((5,), (5, 5)), ((0, 5), (5, 5)), ((6, 5), (5, 5)), ((5, 5), (5, 5), 2.0)])
def test_wrong_arguments(arguments):
    with pytest.raises(ConfigError):
        RandomCrop(*arguments)


def _shown(clip, image):
    """Corner x, y at which the clip's key frame was cut out of ``image``."""
    height, width = clip.frames[0].image.shape[:2]
    corners = [
        (x, y)
        for y in range(image.shape[0] - height + 1)
        for x in range(image.shape[1] - width + 1)
        if np.array_equal(image[y : y + height, x : x + width], clip.frames[0].image)
    ]
    assert len(corners) == 1
    return corners[0]


@pytest.mark.parametrize(
    ('box', 'corner'),
    [
        ([30, 20, 36, 24], (22, 16)),  # centre 32.5, 21.5 of the pixels
        ([0, 0, 4, 4], (0, 0)),
        ([59, 39, 60, 40], (40, 30)),  # one pixel, in the last row
    ],
)
def test_window_around_the_object(make_clip, rng, box, corner):
    clip = make_clip((40, 60), [[box], [box]])
    image = clip.frames[0].image
    clip = CropAroundObject((20, 10))(clip, rng)
    middle = (box[0] + box[2] - 1) / 2, (box[1] + box[3] - 1) / 2
    expected = min(max(int(middle[0] - 10), 0), 40), min(max(int(middle[1] - 5), 0), 30)
    assert _shown(clip, image) == expected
    assert expected == corner
    assert [frame.image.shape for frame in clip.frames] == [(10, 20, 3)] * 2
    assert clip.frames[1].objects.masks.any()


def test_every_object_gets_its_turn_and_crowds_none(make_clip):
    boxes = [[0, 0, 4, 4], [56, 36, 60, 40], [0, 36, 4, 40]]
    seen = []
    for seed in range(30):
        clip = make_clip((40, 60), [boxes], crowd=[0, 0, 1])
        clip = CropAroundObject((20, 10))(clip, np.random.default_rng(seed))
        seen += clip.frames[0].objects.ids.tolist()
    assert set(seen) == {100, 101} and min(seen.count(100), seen.count(101)) > 5


@pytest.mark.parametrize(('prob', 'boxes'), [(0.0, [[[0, 0, 4, 4]]]), (1.0, [[]]), (1.0, [None])])
def test_windows_anywhere(make_clip, prob, boxes):
    corners = set()
    for seed in range(40):
        clip = make_clip((40, 60), boxes)
        image = clip.frames[0].image
        clip = CropAroundObject((20, 10), prob)(clip, np.random.default_rng(seed))
        corners.add(_shown(clip, image))
    assert len(corners) > 30
    assert max(x for x, _ in corners) > 30 and max(y for _, y in corners) > 20


def test_a_frame_smaller_than_the_window_stays_whole(make_clip, rng):
    clip = CropAroundObject((640, 160))(make_clip((40, 60), [[[0, 0, 4, 4]]]), rng)
    assert clip.frames[0].image.shape == (40, 60, 3) and len(clip.frames[0].objects) == 1


@pytest.mark.parametrize('arguments', [((5,),), ((0, 5),), ((5.0, 5),), ((5, 5), 1.5)])
def test_wrong_arguments_of_windows(arguments):
    with pytest.raises(ConfigError, match='CropAroundObject'):
        CropAroundObject(*arguments)
