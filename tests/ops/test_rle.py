"""Mask codec: every spelling gives the same mask, and no damaged one reaches compiled code."""

import contextlib

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmdet.errors import DataError
from mmdet.ops import rle

MASK = np.array(
    [
        [0, 1, 1, 0, 0],
        [0, 1, 1, 0, 1],
        [0, 0, 0, 0, 1],
    ],
    dtype=np.uint8,
)
RUNS = [3, 2, 1, 2, 5, 2]  # column by column, background first


def slow_runs(mask):
    """Run lengths by walking over every pixel."""
    runs, value, count = [], 0, 0
    for pixel in mask.flatten(order='F'):
        if pixel != value:
            runs.append(count)
            value, count = pixel, 0
        count += 1
    return [*runs, count]


@pytest.mark.parametrize(
    'segmentation',
    [
        pytest.param({'size': [3, 5], 'counts': RUNS}, id='uncompressed'),
        pytest.param({'size': (3, 5), 'counts': tuple(RUNS)}, id='tuples'),
        pytest.param({'size': [3, 5], 'counts': [float(r) for r in RUNS]}, id='whole floats'),
        pytest.param(rle.encode(MASK), id='compressed text'),
        pytest.param({**rle.encode(MASK), 'counts': rle.encode(MASK)['counts'].encode()}, id='compressed bytes'),
    ],
)
def test_spellings_of_one_mask(segmentation):
    normal = rle.normalise_rle(segmentation, 3, 5)
    assert normal == rle.encode(MASK)
    assert isinstance(normal['counts'], str)
    np.testing.assert_array_equal(rle.decode(normal), MASK)


def test_empty_runs_are_joined():
    """IoU and union in C stop at an empty run."""
    whole = rle.encode(np.ones((10, 10)))
    text = coco_mask.frPyObjects({'size': [10, 10], 'counts': [0, 4, 0, 96]}, 10, 10)
    for segmentation in ({'size': [10, 10], 'counts': [0, 4, 0, 96]}, {**text, 'counts': text['counts'].decode()}):
        assert rle.normalise_rle(segmentation, 10, 10) == whole
    nothing = {'size': [10, 10], 'counts': [50, 0, 50]}
    assert rle.normalise_rle(nothing, 10, 10) == rle.encode(np.zeros((10, 10)))


def test_polygon():
    square = [1, 1, 4, 1, 4, 3, 1, 3]
    expected = np.zeros((4, 6), np.uint8)
    expected[1:3, 1:4] = 1
    for polygons in ([square], square, [square, square]):
        np.testing.assert_array_equal(rle.decode(rle.normalise_rle(polygons, 4, 6)), expected)


DAMAGED = {
    'too few pixels': ({'size': [3, 5], 'counts': [3, 2]}, 'cover 5 pixels'),
    'too many pixels': ({'size': [3, 5], 'counts': [3, 20]}, 'cover 23 pixels'),
    'huge run': ({'size': [3, 5], 'counts': [2**40, 2]}, 'cover'),
    'negative run': ({'size': [3, 5], 'counts': [20, -5]}, 'negative run'),
    'fraction': ({'size': [3, 5], 'counts': [14.5, 0.5]}, 'whole numbers'),
    'ragged': ({'size': [3, 5], 'counts': [[1, 2], 3]}, 'whole numbers'),
    'no runs': ({'size': [3, 5], 'counts': []}, 'cover 0 pixels'),
    'empty text': ({'size': [3, 5], 'counts': ''}, 'cover 0 pixels'),
    'other size': ({'size': [5, 3], 'counts': RUNS}, r'\[5, 3\] but the frame is \[3, 5\]'),
    'size is a number': ({'size': 15, 'counts': RUNS}, 'mask size'),
    'no size': ({'counts': RUNS}, "'size' and 'counts'"),
    'no counts': ({'size': [3, 5]}, "'size' and 'counts'"),
    'alien characters': ({'size': [3, 5], 'counts': '3 2!'}, 'characters'),
    'not ascii': ({'size': [3, 5], 'counts': '3\u00e9'}, 'characters'),
    'cut off': ({'size': [3, 5], 'counts': 'o'}, 'cut off'),
    'endless run': ({'size': [3, 5], 'counts': 'o' * 30 + '0'}, 'longer than any mask'),
    'text of another size': ({'size': [3, 5], 'counts': rle.encode(np.ones((9, 9)))['counts']}, 'cover 81 pixels'),
    'text with a negative run': ({'size': [3, 5], 'counts': 'N'}, 'negative run'),
    'polygon of two corners': ([[1, 1, 2, 2]], 'polygon 0'),
    'odd polygon': ([[1, 1, 2, 2, 3, 3, 4]], 'polygon 0'),
    'polygon of words': ([['a'] * 6], 'polygon 0'),
    'polygon far away': ([[0, 0, 1e9, 0, 1e9, 1e9]], 'far outside'),
    'polygon with NaN': ([[0, 0, float('nan'), 0, 2, 2]], 'far outside'),
    'no polygons': ([], 'empty'),
    'text': ('abc', 'RLE dict or a list'),
    'null': (None, 'RLE dict or a list'),
}


@pytest.mark.parametrize(('segmentation', 'message'), DAMAGED.values(), ids=DAMAGED)
def test_damaged_masks_are_refused(segmentation, message):
    with pytest.raises(DataError, match=message) as error:
        rle.normalise_rle(segmentation, 3, 5, 'f.json, video 1')
    assert str(error.value).startswith('f.json, video 1: ')


def test_runs_of_random_masks():
    rng = np.random.default_rng(0)
    for _ in range(200):
        mask = (rng.random(rng.integers(1, 60, 2)) < rng.random()).astype(np.uint8)
        height, width = mask.shape
        expected = rle.encode(mask)
        assert rle._parse_runs(expected['counts'], '').tolist() == slow_runs(mask)
        assert rle.normalise_rle({'size': [height, width], 'counts': slow_runs(mask)}, height, width) == expected


def test_random_text_never_crashes():
    """What passes the check can be decoded; all else is a DataError."""
    rng = np.random.default_rng(1)
    for _ in range(2000):
        text = ''.join(chr(c) for c in rng.integers(48, 112, rng.integers(0, 12)))
        with contextlib.suppress(DataError):
            assert rle.decode(rle.normalise_rle({'size': [4, 4], 'counts': text}, 4, 4)).shape == (4, 4)


@pytest.mark.parametrize('shape', [(0, 3, 4), (1, 1, 7), (1, 7, 1), (5, 6, 4)])
def test_many_masks(shape):
    masks = (np.random.default_rng(2).random(shape) < 0.5).astype(np.uint8)
    codes = [rle.encode(mask) for mask in masks]
    decoded = rle.decode_all(codes, *shape[1:])
    assert decoded.flags.c_contiguous and decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, masks)
    np.testing.assert_array_equal(rle.area(codes), masks.sum((1, 2)))


def test_boxes():
    empty = rle.encode(np.zeros((3, 5)))
    np.testing.assert_array_equal(rle.to_bbox([rle.encode(MASK), empty]), [[1, 0, 4, 3], [0, 0, 0, 0]])
    assert rle.to_bbox([]).shape == (0, 4)


@pytest.mark.parametrize('values', [True, 255, 0.5], ids=['bool', 'byte', 'float'])
def test_encode_takes_any_number_type(values):
    mask = np.where(MASK, values, type(values)(0))
    assert rle.encode(mask) == rle.encode(MASK)


@pytest.mark.parametrize('name', ['too many pixels', 'negative run', 'fraction', 'ragged', 'no size', 'no runs'])
def test_compact_leaves_damage_to_the_check(name):
    segmentation, message = DAMAGED[name]
    with pytest.raises(DataError, match=message):
        rle.normalise_rle(rle.compact(segmentation), 3, 5)


def test_compact_shortens_uncompressed():
    assert rle.compact({'size': [3, 5], 'counts': RUNS}) == rle.encode(MASK)


def test_area_of_more_masks_than_pycocotools_counts_at_once() -> None:
    one, two = rle.encode(np.eye(4)), rle.encode(np.ones((4, 4)))
    assert rle.area([one, two] * 300).tolist() == [4, 16] * 300
    assert rle.area([]).tolist() == []


RECTANGLES = {
    'whole pixels': ((1, 2, 4, 5), (slice(2, 5), slice(1, 4))),
    'edges are rounded': ((0.6, 1.4, 3.4, 3.6), (slice(1, 4), slice(1, 3))),
    'cut at the border': ((-5, -1, 2, 99), (slice(0, 6), slice(0, 2))),
    'the whole frame': ((0, 0, 8, 6), (slice(0, 6), slice(0, 8))),
    'outside': ((20, 1, 30, 4), (slice(0, 0), slice(0, 0))),
}


@pytest.mark.parametrize(('bbox', 'region'), RECTANGLES.values(), ids=RECTANGLES)
def test_rectangles_of_boxes(bbox: tuple, region: tuple) -> None:
    expected = np.zeros((6, 8), np.uint8)
    expected[region] = 1
    (mask,) = rle.from_bboxes(np.array([bbox], np.float32), 6, 8)
    np.testing.assert_array_equal(rle.decode(mask), expected)
    assert rle.from_bboxes(np.zeros((0, 4)), 6, 8) == []


@pytest.mark.parametrize('right', [-7, -2, 0, 1, 4, 5])
@pytest.mark.parametrize('down', [-3, -1, 0, 2, 3])
def test_shift(right, down):
    expected = np.zeros_like(MASK)
    for y, x in np.argwhere(MASK):
        if 0 <= y + down < MASK.shape[0] and 0 <= x + right < MASK.shape[1]:
            expected[y + down, x + right] = 1
    np.testing.assert_array_equal(rle.decode(rle.shift(rle.encode(MASK), right, down)), expected)
