"""Resize and flip, with the acceptance numbers of the original program."""

import numpy as np
import pytest
import torch

from mmdet.datasets.transforms import RandomFlip, Resize, rescaled_size
from mmdet.datasets.transforms.geometric import resize_masks
from mmdet.errors import ConfigError
from mmdet.geometry import BoxConvention

SIZES = {
    # (width, height) -> factor, new size
    (1280, 720): (0.5, (640, 360)),
    (1000, 1000): (0.36, (360, 360)),
    (720, 1280): (0.5, (360, 640)),
    (320, 240): (1.5, (480, 360)),
    (432, 240): (640 / 432, (640, 356)),
    (10000, 10): (0.064, (640, 1)),
}


@pytest.mark.parametrize(('size', 'expected'), SIZES.items())
def test_rescaled_size(size, expected):
    for scale in ((640, 360), (360, 640)):
        new, factor = rescaled_size(size, scale)
        assert (pytest.approx(factor), new) == expected


@pytest.mark.parametrize(
    ('flip', 'modern', 'legacy'),
    [
        pytest.param(False, [5, 10, 20, 30], [5, 10, 19.5, 29.5], id='as it is'),
        pytest.param(True, [620, 10, 635, 30], [619.5, 10, 634, 29.5], id='mirrored'),
    ],
)
def test_boxes_in_both_conventions(make_clip, rng, flip, modern, legacy):
    """File box x, y, w, h = 10, 20, 30, 40 in 1280 x 720, at half size; the legacy numbers are inclusive corners."""
    clip = make_clip((720, 1280), [[[10, 20, 10 + 30, 20 + 40]]])
    clip = RandomFlip(1.0 if flip else 0.0)(Resize(scale=(640, 360))(clip, rng), rng)
    frame = clip.frames[0]
    assert frame.objects.bboxes.tolist() == [modern]
    assert (frame.scale_factor, frame.flip) == ((0.5, 0.5), flip)
    boxes = torch.from_numpy(frame.objects.bboxes)
    targets = BoxConvention('legacy').targets_from_resized(boxes, frame.scale_factor, frame.flip)
    assert (targets - torch.tensor([0, 0, 1, 1])).tolist() == [legacy]
    assert BoxConvention('modern').targets_from_resized(boxes, frame.scale_factor, frame.flip).tolist() == [modern]


FACTORS = {
    'per axis': ({}, (40 / 61, 26 / 39)),
    'single': ({'single_factor': True}, (40 / 61, 40 / 61)),
    'free aspect': ({'keep_ratio': False}, (40 / 61, 30 / 39)),
}


@pytest.mark.parametrize(('arguments', 'factors'), FACTORS.values(), ids=FACTORS)
def test_scale_factor_is_what_scales_the_boxes(make_clip, rng, arguments, factors):
    clip = Resize(scale=(40, 30), **arguments)(make_clip((39, 61), [[[6, 3, 30, 20]]]), rng)
    frame = clip.frames[0]
    assert frame.scale_factor == pytest.approx(factors)
    expected = np.array([6, 3, 30, 20]) * np.array(factors * 2)
    np.testing.assert_allclose(frame.objects.bboxes[0], expected, rtol=1e-6)
    assert frame.objects.masks.shape[1:] == frame.image.shape[:2]


def test_resized_frames_keep_colours_and_agree(make_clip, rng):
    clip = make_clip((40, 60), [[[6, 4, 30, 20]]] * 3)
    for frame in clip.frames:
        frame.image[:] = (10, 20, 200)
    clip = Resize(scales=[(30, 20), (60, 40), (90, 60)])(clip, rng)
    assert len({frame.image.shape for frame in clip.frames}) == 1
    assert all((frame.image == (10, 20, 200)).all() for frame in clip.frames)


def slow_nearest(mask, size):
    """One pixel at a time: floor(i * old / new)."""
    height, width = mask.shape
    rows = [int(y * (height / size[1])) for y in range(size[1])]
    columns = [int(x * (width / size[0])) for x in range(size[0])]
    return np.array([[mask[y, x] for x in columns] for y in rows])


@pytest.mark.parametrize('size', [(7, 5), (30, 21), (13, 11), (1, 1)])
def test_masks_are_resized_to_the_nearest(size):
    masks = (np.random.default_rng(0).random((3, 11, 13)) < 0.5).astype(np.uint8)
    resized = resize_masks(masks, size)
    assert resized.dtype == np.uint8
    np.testing.assert_array_equal(resized, [slow_nearest(mask, size) for mask in masks])
    assert resize_masks(masks[:0], size).shape == (0, size[1], size[0])


def test_value_mode_draws_every_scale(rng):
    resize = Resize(scales=[(640, 360), (320, 180)])
    assert {resize.draw(rng) for _ in range(50)} == {(640, 360), (320, 180)}


def test_range_mode_draws_edges_independently(rng):
    resize = Resize(scales=[(104, 60), (100, 63)], mode='range')
    drawn = {resize.draw(rng) for _ in range(500)}
    assert drawn == {(long, short) for long in range(100, 105) for short in range(60, 64)}


def test_two_resizes_multiply(make_clip, rng):
    clip = Resize(scale=(40, 40))(Resize(scale=(80, 80))(make_clip((20, 20), [[[2, 2, 8, 8]]]), rng), rng)
    assert clip.frames[0].scale_factor == (2.0, 2.0)
    assert clip.frames[0].objects.bboxes.tolist() == [[4, 4, 16, 16]]


def test_flip_is_exact_and_of_the_whole_clip(make_clip, rng):
    clip = make_clip((6, 10), [[[1, 2, 4, 5]], [[0, 0, 10, 6]]])
    before = [(frame.image.copy(), frame.objects.masks.copy()) for frame in clip.frames]
    clip = RandomFlip(1.0)(clip, rng)
    assert [frame.objects.bboxes.tolist() for frame in clip.frames] == [[[6, 2, 9, 5]], [[0, 0, 10, 6]]]
    for frame, (image, masks) in zip(clip.frames, before):
        np.testing.assert_array_equal(frame.image, image[:, ::-1])
        np.testing.assert_array_equal(frame.objects.masks, masks[:, :, ::-1])
    clip = RandomFlip(1.0)(clip, rng)
    assert not clip.frames[0].flip and clip.frames[0].objects.bboxes.tolist() == [[1, 2, 4, 5]]


def test_flip_probability(make_clip, rng):
    flips = [RandomFlip(0.3)(make_clip((2, 2), [(), ()]), rng).frames for _ in range(400)]
    assert all(first.flip == second.flip for first, second in flips)
    assert 0.2 < np.mean([first.flip for first, _ in flips]) < 0.4


def test_frames_without_annotations(make_clip, rng):
    clip = RandomFlip(1.0)(Resize(scale=(20, 20))(make_clip((10, 10), [None]), rng), rng)
    assert clip.frames[0].objects is None and clip.frames[0].image.shape == (20, 20, 3)


def test_boxes_are_clipped_and_the_vanished_removed(make_clip, rng):
    boxes = [[-4, 2, 6, 30], [5, 5, 9, 9], [12, 3, 15, 8]]  # the last is outside
    clip = Resize(scale=(20, 20))(make_clip((10, 10), [boxes]), rng)
    objects = clip.frames[0].objects
    assert objects.bboxes.tolist() == [[0, 4, 12, 20], [10, 10, 18, 18]]
    assert objects.ids.tolist() == [100, 101] and objects.masks.shape == (2, 20, 20)


WRONG = {
    'nothing': {},
    'both': {'scale': (1, 1), 'scales': [(1, 1)]},
    'no scales': {'scales': []},
    'one number': {'scale': (5,)},
    'negative': {'scale': (5, -5)},
    'fraction': {'scale': (5.5, 5)},
    'mode': {'scale': (5, 5), 'mode': 'choice'},
    'range of three': {'scales': [(1, 1)] * 3, 'mode': 'range'},
    'one factor for two axes': {'scale': (5, 5), 'keep_ratio': False, 'single_factor': True},
}


@pytest.mark.parametrize('arguments', WRONG.values(), ids=WRONG)
def test_wrong_arguments(arguments):
    with pytest.raises(ConfigError):
        Resize(**arguments)


def test_wrong_probability():
    with pytest.raises(ConfigError):
        RandomFlip(1.5)
