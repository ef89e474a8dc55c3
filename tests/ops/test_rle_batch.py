"""Masks from files are read without trust, and compared exactly."""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmdet.errors import DataError
from mmdet.ops import rle_counts
from mmdet.ops.rle import decode, encode
from mmdet.ops.rle_batch import check_masks, inspect_masks, intersections

H, W = 6, 5


def random_masks(count: int, height: int, width: int, seed: int, block: int = 1) -> np.ndarray:
    """(count, height, width) masks of random density, in blocks; the first is empty and the second full."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((count, -(-height // block), -(-width // block))) < rng.random((count, 1, 1))
    masks = coarse.repeat(block, 1).repeat(block, 2)[:, :height, :width].astype(np.uint8)
    masks[0], masks[1] = 0, 1
    return masks


def run_lengths(mask: np.ndarray) -> list[int]:
    """Uncompressed counts by walking over the pixels."""
    counts, value = [0], 0
    for pixel in mask.T.ravel():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


@pytest.mark.parametrize(('height', 'width', 'block'), [(6, 5, 1), (37, 53, 5), (1, 90, 1), (90, 1, 3), (1, 1, 1)])
def test_batch_statistics_equal_walking(height: int, width: int, block: int) -> None:
    masks = random_masks(40, height, width, seed=height, block=block)
    texts = [rle['counts'].encode() for rle in map(encode, masks)]
    statistics = rle_counts.run_statistics(texts)
    assert statistics.totals.tolist() == [height * width] * 40
    assert statistics.areas.tolist() == masks.sum((1, 2)).tolist()
    assert not statistics.negative.any()
    assert not statistics.split.any()
    for text, mask in zip(texts, masks):
        assert rle_counts.is_well_formed(text)
        assert rle_counts.decode_counts(text).tolist() == run_lengths(mask)


@pytest.mark.parametrize(
    'spelling',
    [
        pytest.param(lambda mask: encode(mask), id='compressed text'),
        pytest.param(lambda mask: {**encode(mask), 'counts': encode(mask)['counts'].encode()}, id='compressed bytes'),
        pytest.param(lambda mask: {'size': list(mask.shape), 'counts': run_lengths(mask)}, id='list of runs'),
        pytest.param(lambda mask: {'size': mask.shape, 'counts': run_lengths(mask)}, id='size as tuple'),
    ],
)
def test_every_spelling_gives_the_same_mask(spelling) -> None:
    masks = random_masks(6, H, W, seed=1)
    batch = inspect_masks([None, *(spelling(mask) for mask in masks)], H, W)
    assert batch.problems == {}
    assert batch.masks[0] is None
    assert batch.areas.tolist() == [0, *masks.sum((1, 2)).tolist()]
    for found, mask in zip(batch.masks[1:], masks):
        assert found == encode(mask)


BAD = {
    'not a mask': (5, 'mask must be'),
    'no counts': ({'size': [H, W]}, 'counts'),
    'other size': ({'size': [W, H], 'counts': [30]}, 'size'),
    'size no list': ({'size': 30, 'counts': [30]}, 'size'),
    'sum too small': ({'size': [H, W], 'counts': [29]}, '29'),
    'sum too large': ({'size': [H, W], 'counts': [20, 11]}, '31'),
    'negative run': ({'size': [H, W], 'counts': [40, -10]}, 'negative'),
    'fraction': ({'size': [H, W], 'counts': [0.5, 29.5]}, 'whole'),
    'text in list': ({'size': [H, W], 'counts': ['a', 'b']}, 'whole'),
    'nested list': ({'size': [H, W], 'counts': [[1], [2, 3]]}, 'whole'),
    'empty list': ({'size': [H, W], 'counts': []}, '0'),
    'empty text': ({'size': [H, W], 'counts': ''}, '0'),
    'text cut off inside a number': ({'size': [H, W], 'counts': 'n'}, 'cut off'),
    'long text without end': ({'size': [H, W], 'counts': 'o' * 10000}, 'cut off'),
    'characters outside the code': ({'size': [H, W], 'counts': 'zz~0'}, 'characters'),
    'control character': ({'size': [H, W], 'counts': '\x00n0'}, 'characters'),
    'not ASCII': ({'size': [H, W], 'counts': 'n0é'}, ''),
    'number too long': ({'size': [H, W], 'counts': 'ooooooooooooooooo0'}, 'longer'),
    'text with a wrong sum': ({'size': [H, W], 'counts': '50'}, '5'),
    'text with a negative run': ({'size': [H, W], 'counts': 'X1j>'}, ''),
}


@pytest.mark.parametrize(('mask', 'words'), BAD.values(), ids=BAD)
def test_bad_masks_are_described_and_never_reach_c(mask: object, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('frPyObjects', 'decode', 'area', 'iou'):
        monkeypatch.setattr(coco_mask, name, lambda *args: pytest.fail('unchecked text reached the C code'))
    good = {'size': [H, W], 'counts': 'n0'}  # one run of 30
    batch = inspect_masks([good, mask, None, good], H, W)
    assert list(batch.problems) == [1]
    assert words in batch.problems[1]
    assert batch.masks == [good, None, None, good]
    with pytest.raises(DataError, match=r'^a\.json: result 3, frame 1: '):
        check_masks([good, mask], H, W, 'a.json: result 3')


def test_every_damaged_text_is_refused_or_read_as_a_whole_mask() -> None:
    """One character changed, removed or added, in every place."""
    text = encode(random_masks(3, H, W, seed=4)[2])['counts']
    rng = np.random.default_rng(0)
    for position in range(len(text)):
        letter = chr(rng.integers(33, 127))
        for damaged in (text[:position] + letter + text[position + 1 :], text[:position] + text[position + 1 :]):
            batch = inspect_masks([{'size': [H, W], 'counts': damaged}], H, W)
            found = batch.masks[0]
            if found is None:
                assert batch.problems
            else:
                assert decode(found).sum() == batch.areas[0]


@pytest.mark.parametrize(
    ('counts', 'pixels'),
    [([0, 3, 0, 4, 23], 7), ([2, 0, 5, 3, 20], 3), ([0, 0, 30], 0), ([30, 0], 0), ([0, 30, 0], 30), ([10, 20], 20)],
)
def test_empty_runs_are_joined(counts: list[int], pixels: int) -> None:
    """The C code's IoU of two masks stops where both have an empty run, as both copies here do."""
    first = inspect_masks([{'size': [H, W], 'counts': counts}], H, W)
    assert first.areas.tolist() == [pixels]
    mask = first.masks[0]
    assert mask == encode(decode(mask))
    raw = coco_mask.frPyObjects({'size': [H, W], 'counts': counts}, H, W)
    assert inspect_masks([{'size': [H, W], 'counts': raw['counts'].decode()}], H, W).masks == [mask]
    assert intersections([mask], [mask]).tolist() == [[pixels]]


@pytest.mark.parametrize(('height', 'width', 'block'), [(6, 5, 1), (40, 70, 7), (1000, 1500, 100)])
def test_intersections_are_exact(height: int, width: int, block: int) -> None:
    first, second = (random_masks(9, height, width, seed, block) for seed in (2, 3))
    expected = np.einsum('nhw,mhw->nm', first.astype(np.int64), second.astype(np.int64), optimize=True)
    assert np.array_equal(intersections([*map(encode, first)], [*map(encode, second)]), expected)


def test_intersections_of_the_largest_frames_are_exact() -> None:
    """Areas near 2^29 pixels with intersections that differ by one."""
    size, total = [2**14, 2**15 - 1], 2**14 * (2**15 - 1)
    starts = [0, 1, 2, 12345, total // 2, total // 2 + 1, total - 1]
    first = [{'size': size, 'counts': [start, total - start]} for start in starts]  # ones from start to the end
    second = [{'size': size, 'counts': [0, stop, total - stop]} for stop in starts[1:]]  # ones before stop
    batches = [inspect_masks(masks, *size) for masks in (first, second)]
    expected = [[max(stop - start, 0) for stop in starts[1:]] for start in starts]
    assert intersections(batches[0].masks, batches[1].masks).tolist() == expected


def test_masks_of_different_sizes_do_not_compare() -> None:
    with pytest.raises(DataError, match='different sizes'):
        intersections([encode(np.ones((3, 4)))], [encode(np.ones((4, 3)))])


@pytest.mark.parametrize(('n', 'm'), [(0, 0), (0, 2), (2, 0)])
def test_no_masks_give_empty_tables(n: int, m: int) -> None:
    masks = [encode(np.ones((3, 4)))] * 2
    assert intersections(masks[:n], masks[:m]).shape == (n, m)
