"""Masks as intervals against dense masks, and the tool that makes masks disjoint."""

from __future__ import annotations

import numpy as np
import pytest

from mmdet.errors import DataError
from mmdet.ops.disjoint import make_disjoint
from mmdet.ops.mask_runs import MaskProblem, MaskSet, common_pixels
from mmdet.ops.rle import area, decode, encode

SIZE = (9, 13)


def label_maps(seed: int, frames: int, objects: int) -> np.ndarray:
    """(T, H, W) maps of disjoint blobs, 0 background."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random((frames, *SIZE)) < 0.4, 0, rng.integers(0, objects + 1, (frames, *SIZE)))


def table(maps: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Frames (N,) and dense masks (N, H, W) in mixed order."""
    pairs = [(t, v) for t, frame in enumerate(maps) for v in np.unique(frame[frame > 0])]
    chosen = [pairs[i] for i in rng.permutation(len(pairs))]
    return np.array([t for t, _ in chosen]), np.array([maps[t] == v for t, v in chosen])


def mask_set(frames: np.ndarray, masks: np.ndarray) -> MaskSet:
    return MaskSet.of([encode(mask)['counts'] for mask in masks], frames, SIZE)


@pytest.mark.parametrize('seed', range(8))
def test_common_pixels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames1, masks1 = table(label_maps(seed, 3, 4), rng)
    frames2, masks2 = table(label_maps(seed + 100, 3, 5), rng)
    first, second = mask_set(frames1, masks1), mask_set(frames2, masks2)
    assert first.areas.tolist() == masks1.sum((1, 2)).tolist()
    rows, columns, common = common_pixels(first.runs, second.runs, (len(first), len(second)))
    found = np.zeros((len(first), len(second)), int)
    found[rows, columns] = common
    expected = np.einsum('nhw,mhw->nm', masks1.astype(int), masks2.astype(int))
    expected[frames1[:, None] != frames2[None]] = 0
    np.testing.assert_array_equal(found, expected)
    some = rng.permutation(len(first))[: len(first) // 2]
    part = first.take(some)
    rows, columns, common = common_pixels(part.runs, second.runs, (len(part), len(second)))
    found = np.zeros((len(part), len(second)), int)
    found[rows, columns] = common
    np.testing.assert_array_equal(found, expected[some])


def test_touching_masks_are_named() -> None:
    masks = np.zeros((3, *SIZE), bool)
    masks[0, 2, 2] = masks[1, 4, 4] = masks[2, 4, 4] = True
    found = mask_set(np.zeros(3, int), masks)
    assert found.runs is None and sorted(found.touching) == [1, 2]
    assert mask_set(np.array([0, 0, 1]), masks).touching is None


def test_masks_to_the_last_pixel_do_not_reach_the_next_frame() -> None:
    masks = np.ones((2, *SIZE), bool)
    assert mask_set(np.arange(2), masks).touching is None


def test_spelling_with_empty_runs() -> None:
    """Runs 3, 0, 2, 4, ...: the same mask as 5, 4, ...; C code stops early at such runs, so they are joined."""
    text = MaskSet.of(['3024Z3'], np.zeros(1, int), SIZE).texts
    mask = decode({'size': list(SIZE), 'counts': text[0]})
    assert mask.T.ravel()[:10].tolist() == [0] * 5 + [1] * 4 + [0]


@pytest.mark.parametrize('text', ['', '5', '~~', '0' * 5, 'o', 'é'], ids=repr)
def test_damaged(text: str) -> None:
    with pytest.raises(MaskProblem) as caught:
        MaskSet.of([encode(np.ones(SIZE))['counts'], text], np.zeros(2, int), SIZE)
    assert caught.value.row == 1


def test_no_masks() -> None:
    empty = mask_set(np.zeros(0, int), np.zeros((0, *SIZE)))
    assert len(empty) == 0 and empty.runs is not None


def test_area_of_many_masks() -> None:
    """More masks than the compiled code counts in a byte."""
    mask = encode(np.ones((3, 4)))
    assert area([mask] * 600).tolist() == [12] * 600


def test_shared_pixels_go_to_the_higher_score() -> None:
    masks = np.zeros((3, *SIZE), np.uint8)
    masks[0, :4] = 1
    masks[1, 2:6] = 1
    masks[2, 8] = 1
    encoded = [encode(mask) for mask in masks]
    found = make_disjoint(encoded, [0.8, 0.9, 0.1])
    assert (decode(found[0])[:2] == 1).all() and decode(found[0])[2:].sum() == 0
    assert found[1:] == encoded[1:]
    tie = make_disjoint(encoded, [0.5, 0.5, 0.5])
    assert tie[0] == encoded[0] and decode(tie[1])[:4].sum() == 0


def test_a_hidden_mask_ends_up_empty() -> None:
    small, large = np.zeros(SIZE), np.ones(SIZE)
    small[3, 3] = 1
    assert area(make_disjoint([encode(small), encode(large)], [0.1, 0.2])).tolist() == [0, SIZE[0] * SIZE[1]]


def test_disjoint_refuses_what_does_not_fit() -> None:
    with pytest.raises(DataError, match='1 masks, but 2 scores'):
        make_disjoint([encode(np.ones(SIZE))], [1, 2])
    with pytest.raises(DataError, match='different sizes'):
        make_disjoint([encode(np.ones(SIZE)), encode(np.ones((2, 2)))], [1, 2])
