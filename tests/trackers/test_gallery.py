"""Appearance memory and suppression against the slow obvious version."""

from __future__ import annotations

import numpy as np
import pytest

from mmdet.trackers.assignment import box_iou
from mmdet.trackers.gallery import Gallery, unit
from mmdet.trackers.suppression import suppress


def test_equals_lists_of_vectors() -> None:
    rng = np.random.default_rng(0)
    gallery, lists = Gallery(3), []
    for _ in range(40):
        if lists:
            rows = rng.permutation(len(lists))[: rng.integers(0, len(lists) + 1)]
            vectors = rng.normal(size=(len(rows), 6)).astype(np.float32)
            gallery.add(rows, vectors)
            for row, vector in zip(rows, vectors):
                lists[row] = [*lists[row], vector][-3:]
            kept = rng.random(len(lists)) > 0.1
            gallery.keep(kept)
            lists = [vectors for vectors, stays in zip(lists, kept) if stays]
        new = rng.normal(size=(rng.integers(0, 3), 6)).astype(np.float32)
        gallery.append(new)
        lists += [[vector] for vector in new]
        probes = rng.normal(size=(4, 6)).astype(np.float32)
        expected = [[min(1 - unit(np.array(v)) @ unit(probe[None])[0]) for probe in probes] for v in lists]
        wanted = rng.random((len(lists), 4)) < rng.choice([0.0, 0.3, 1.0])
        expected = np.where(wanted, np.array(expected).reshape(-1, 4), np.inf)
        np.testing.assert_allclose(gallery.distances(probes, wanted), expected, atol=1e-6)


def test_vector_of_zeros_is_near_to_nothing() -> None:
    gallery = Gallery(2)
    gallery.append(np.zeros((1, 2), np.float32))
    assert gallery.distances(np.ones((1, 2), np.float32), np.ones((1, 1), bool)).tolist() == [[1.0]]


@pytest.mark.parametrize(
    ('case', 'overlap', 'inclusive', 'expected'),
    [('strict', 0.4, False, [1, 2]), ('just allowed', 0.5, False, [1, 0, 2]), ('inclusive corners', 0.5, True, [1, 2])],
)
def test_suppress(case: str, overlap: float, inclusive: bool, expected: list[int]) -> None:
    bboxes = np.array([[0.0, 0, 10, 10], [0, 0, 10, 5], [50, 50, 60, 60]])  # IoU .5, .545 with inclusive corners
    assert suppress(bboxes, np.array([0.8, 0.9, 0.1]), overlap, inclusive).tolist() == expected, case


def one_after_the_other(
    bboxes: np.ndarray, scores: np.ndarray, max_overlap: float, inclusive: bool, labels: np.ndarray | None
) -> list[int]:
    """The slow obvious version: best first, each against those that are kept."""
    bboxes = bboxes + [0, 0, int(inclusive), int(inclusive)]
    overlap, kept = box_iou(bboxes, bboxes), []
    for row in np.argsort(-scores, kind='stable').tolist():
        rivals = [other for other in kept if labels is None or labels[other] == labels[row]]
        if all(overlap[row, other] <= max_overlap for other in rivals):
            kept.append(row)
    return kept


@pytest.mark.parametrize('per_class', [True, False])
@pytest.mark.parametrize('inclusive', [True, False])
@pytest.mark.parametrize('max_overlap', [0.0, 0.3, 0.5])
def test_suppress_equals_one_after_the_other(max_overlap: float, inclusive: bool, per_class: bool) -> None:
    rng, dropped = np.random.default_rng(0), 0
    for count in [0, 1, 2, *rng.integers(3, 40, 40)]:
        corner = rng.integers(0, 12, (count, 2))  # whole numbers: equal edges and IoUs on the limit, empty boxes too
        bboxes = np.concatenate([corner, corner + rng.integers(0, 20, (count, 2))], 1).astype(float)
        scores, labels = rng.integers(0, 9, count) / 8, rng.integers(0, 2, count) if per_class else None
        expected = one_after_the_other(bboxes, scores, max_overlap, inclusive, labels)
        assert suppress(bboxes, scores, max_overlap, inclusive, labels).tolist() == expected
        dropped += count - len(expected)
    assert dropped > 50
