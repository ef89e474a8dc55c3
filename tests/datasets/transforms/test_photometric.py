"""Colour changes."""

import colorsys

import numpy as np
import pytest

from mmdet.datasets.transforms import PhotometricDistortion
from mmdet.datasets.transforms.photometric import _apply, _Change
from mmdet.errors import ConfigError

NONE = dict(brightness=0.0, contrast=1.0, contrast_last=False, saturation=1.0, hue=0.0)


def slow(pixel, change):
    """One pixel with Python's own colour conversion."""
    rgb = [v + change.brightness for v in pixel]
    if not change.contrast_last:
        rgb = [v * change.contrast for v in rgb]
    if change.saturation != 1 or change.hue != 0:
        hue, saturation, value = colorsys.rgb_to_hsv(*(min(max(v, 0), 255) / 255 for v in rgb))
        rgb = colorsys.hsv_to_rgb((hue + change.hue / 360) % 1, min(saturation * change.saturation, 1), value)
        rgb = [v * 255 for v in rgb]
    if change.contrast_last:
        rgb = [v * change.contrast for v in rgb]
    return [int(min(max(v + 0.5, 0), 255)) for v in rgb]


CHANGES = {
    'none': {},
    'brighter': {'brightness': 20.0},
    'contrast': {'contrast': 1.4},
    'contrast last': {'contrast': 0.6, 'contrast_last': True, 'saturation': 1.3},
    'saturation': {'saturation': 0.5},
    'hue': {'hue': 18.0},
    'all': {'brightness': -30.0, 'contrast': 1.2, 'saturation': 1.5, 'hue': -18.0},
}


@pytest.mark.parametrize('change', CHANGES.values(), ids=CHANGES)
def test_against_one_pixel_at_a_time(change):
    image = np.random.default_rng(0).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    full = _Change(**{**NONE, **change})
    expected = [[slow([int(v) for v in pixel], full) for pixel in row] for row in image]
    assert np.abs(_apply(image, full).astype(int) - np.array(expected)).max() <= 1


def test_clip_changes_as_one(make_clip):
    clip = make_clip((4, 4), [(), ()])
    clip.frames[1].image = clip.frames[0].image.copy()
    before = clip.frames[0].image.copy()
    clip = PhotometricDistortion()(clip, np.random.default_rng(1))
    np.testing.assert_array_equal(clip.frames[0].image, clip.frames[1].image)
    assert clip.frames[0].image.dtype == np.uint8 and (clip.frames[0].image != before).any()


def test_never(make_clip, rng):
    clip = make_clip((4, 4))
    before = clip.frames[0].image.copy()
    np.testing.assert_array_equal(PhotometricDistortion(prob=0.0)(clip, rng).frames[0].image, before)


@pytest.mark.parametrize('arguments', [{'contrast': (1.5, 0.5)}, {'saturation': (-1, 1)}, {'prob': 2}])
def test_wrong_arguments(arguments):
    with pytest.raises(ConfigError):
        PhotometricDistortion(**arguments)
