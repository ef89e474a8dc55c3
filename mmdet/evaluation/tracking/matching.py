"""One-to-one matching in every frame: solved at once where nobody competes, by assignment where somebody does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mmdet.evaluation.tracking.scene import FloatArray, IntArray, Scene

EPSILON = float(np.finfo(np.float64).eps)
STAY_BONUS = 1000.0  # outweighs any overlap: a true object keeps its partner of the frame before


def match(scene: Scene, scores: FloatArray, usable: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Pairs (P,) that a one-to-one matching of highest total score picks in each frame.

    Args:
        scene: P pairs.
        scores: (P,) above 0.
        usable: (P,) pairs that may be picked; None for all.
    """
    usable = np.ones(len(scores), bool) if usable is None else usable
    matched, contested = _split(scene, usable)
    for pairs in contested:
        matched[pairs[_assign(scene, pairs, scores[pairs])]] = True
    return matched


def match_staying(scene: Scene, threshold: float = 0.5) -> NDArray[np.bool_]:
    """Pairs (P,) of overlap ``threshold`` or more, matched with preference for the partner of the frame before.

    "Before" is the last earlier frame in which there are both true objects and results (CLEAR as TrackEval has it).
    """
    usable = scene.overlaps >= threshold - EPSILON
    matched, contested = _split(scene, usable)
    if not contested:
        return matched
    frames, keys = scene.pair_frames, scene.pair_keys
    previous = _previous_frames(scene)
    for pairs in contested:
        start, stop = np.searchsorted(frames, [previous[frames[pairs[0]]], previous[frames[pairs[0]]] + 1])
        held = keys[start:stop][matched[start:stop]]
        scores = scene.overlaps[pairs] + STAY_BONUS * np.isin(keys[pairs], held)
        matched[pairs[_assign(scene, pairs, scores)]] = True
    return matched


def processed_ranks(scene: Scene) -> IntArray:
    """Position (T,) of each frame among those that have both true objects and results; -1 elsewhere."""
    both = np.zeros(scene.num_frames, bool)
    both[scene.truth_frames] = True
    with_results = np.zeros(scene.num_frames, bool)
    with_results[scene.result_frames] = True
    both &= with_results
    return np.where(both, np.cumsum(both) - 1, -1)


def _previous_frames(scene: Scene) -> IntArray:
    ranks = processed_ranks(scene)
    frames = np.flatnonzero(ranks >= 0)
    previous = np.full(scene.num_frames, -1)
    previous[frames[1:]] = frames[:-1]
    return previous


def _split(scene: Scene, usable: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], list[IntArray]]:
    """Usable pairs of frames without competition, and of each other frame its usable pairs."""
    rivals = np.bincount(scene.truth_rows[usable], minlength=len(scene.truth_frames))
    result_rivals = np.bincount(scene.result_rows[usable], minlength=len(scene.result_frames))
    busy = np.zeros(scene.num_frames, bool)
    busy[scene.truth_frames[rivals > 1]] = True
    busy[scene.result_frames[result_rivals > 1]] = True
    if not busy.any():
        return usable.copy(), []
    frames = scene.pair_frames
    matched = usable & ~busy[frames]
    rest = np.flatnonzero(usable & busy[frames])
    return matched, np.split(rest, np.flatnonzero(np.diff(frames[rest])) + 1)


def _assign(scene: Scene, pairs: IntArray, scores: FloatArray) -> NDArray[np.bool_]:
    """Which of the pairs of one frame the best assignment takes."""
    truths, rows = np.unique(scene.truth_rows[pairs], return_inverse=True)
    results, columns = np.unique(scene.result_rows[pairs], return_inverse=True)
    table = np.zeros((len(truths), len(results)))
    table[rows, columns] = scores
    partner = np.full(len(truths), -1)
    found = linear_sum_assignment(table, maximize=True)
    partner[found[0]] = found[1]
    return partner[rows] == columns
