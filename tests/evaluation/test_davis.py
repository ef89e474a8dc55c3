"""DAVIS: statistics of series, void, proposals, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmdet.errors import ConfigError, DataError
from mmdet.evaluation.davis import DavisScores, evaluate_sequence, statistics

SERIES = {
    'falling line': (np.linspace(1, 0, 9), (0.5, 4 / 9, 0.75)),
    'eight values': (np.linspace(0.9, 0.2, 8), (0.55, 0.5, 0.5)),
    'exactly one half is no recall': (np.full(10, 0.5), (0.5, 0, 0)),
    'one frame': (np.array([0.7]), (0.7, 1, 0)),
    'more than 256 frames': (np.linspace(1, 0, 300), (0.5, 0.5, 0.75)),
}


@pytest.mark.parametrize(('values', 'expected'), SERIES.values(), ids=SERIES)
def test_statistics(values: np.ndarray, expected: tuple[float, ...]) -> None:
    assert statistics(values) == pytest.approx(expected, abs=2e-3 if len(values) == 300 else 1e-7)


def clip(frames: int = 5, **boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Label maps (T, 40, 40) with squares ``o<number>=(x, y, w, h)``."""
    labels = np.zeros((frames, 40, 40), np.uint8)
    for name, (x, y, w, h) in boxes.items():
        labels[:, y : y + h, x : x + w] = int(name[1:])
    return labels


def late() -> np.ndarray:
    labels = clip(o1=(2, 2, 10, 10), o2=(20, 20, 12, 12))
    labels[0][labels[0] == 2] = 0
    return labels


TWO = clip(o1=(2, 2, 10, 10), o2=(20, 20, 12, 12))


def test_first_and_last_frame_do_not_count() -> None:
    result = TWO.copy()
    result[[0, -1]] = 0
    scores = evaluate_sequence(TWO, result)
    assert scores.frames == (1, 2, 3)
    assert scores.J.shape == (2, 3)
    assert (scores.J == 1).all() and (scores.F == 1).all()


def test_a_missing_object_counts_as_empty() -> None:
    scores = evaluate_sequence(TWO, np.where(TWO == 2, 0, TWO))
    assert scores.J.tolist() == [[1, 1, 1], [0, 0, 0]]
    assert DavisScores([scores]).numbers['J&F-Mean'] == 0.5


def test_void() -> None:
    truth = TWO.copy()
    truth[:, 20:32, 32:36] = 255
    result = TWO.copy()
    result[:, 20:32, 32:36] = 2
    assert evaluate_sequence(truth, result).J[1] == pytest.approx(12 / 16)
    assert evaluate_sequence(truth, result, 'unsupervised').J[1] == pytest.approx(1)


def test_proposals_are_assigned_as_a_whole() -> None:
    swapped = np.choose(TWO, [0, 7, 3]).astype(np.uint8)
    scores = evaluate_sequence(TWO, swapped, 'unsupervised')
    assert scores.objects == (1, 2)
    assert scores.proposals == (7, 3)
    assert (scores.J == 1).all() and scores.J.shape == (2, 5)
    assert scores.by_proposal().objects == (2, 1)


def test_objects_count_alike_whatever_their_sequence() -> None:
    one = clip(o1=(5, 5, 10, 10))
    parts = [evaluate_sequence(TWO, TWO, name='a'), evaluate_sequence(one, np.zeros_like(one), name='b')]
    assert DavisScores(parts).numbers['J-Mean'] == pytest.approx(2 / 3)
    assert DavisScores(parts).per_sequence['b']['J-Mean'] == 0
    assert 'b_1' in DavisScores(parts).table()


BAD: dict[str, tuple[Any, str]] = {
    'sizes': (lambda: evaluate_sequence(TWO, TWO[:, :30], name='s'), r'sequence s: the result is of .*30'),
    'no object': (lambda: evaluate_sequence(TWO * 0, TWO), 'first frame of the ground truth has no object'),
    'unknown object': (lambda: evaluate_sequence(TWO, clip(o3=(0, 0, 5, 5))), 'result has object 3.* 2 objects'),
    'late object': (lambda: evaluate_sequence(late(), late()), 'object 2 begins after the first frame'),
    'two frames': (lambda: evaluate_sequence(TWO[:2], TWO[:2]), 'at least 3'),
    'proposals': (lambda: evaluate_sequence(TWO, clip(o21=(0, 0, 5, 5)), 'unsupervised'), '21 proposals'),
    'nothing': (lambda: DavisScores().numbers, 'no sequence'),
    'no frames': (lambda: statistics(np.zeros((2, 0))), 'without frames'),
}


@pytest.mark.parametrize(('call', 'message'), BAD.values(), ids=BAD)
def test_refused(call: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()


def test_unknown_task() -> None:
    with pytest.raises(ConfigError, match='semi-supervised or unsupervised'):
        evaluate_sequence(TWO, TWO, 'half')  # type: ignore[arg-type]
