"""From observations to the scene of one class: who is compared, and which results are excused."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mmdet.evaluation.tracking.matching import EPSILON, match
from mmdet.evaluation.tracking.observations import ANY_CLASS, Observations, Pairs, Role, covered_share, overlap_pairs
from mmdet.evaluation.tracking.scene import Scene

ExcuseRule = Literal['inside', 'matched']
EXCUSED_SHARE = 0.5


def class_scene(
    truth: Observations,
    results: Observations,
    num_frames: int,
    class_id: int,
    rule: ExcuseRule = 'inside',
    threshold: float = 0.5,
    pairs: Pairs | None = None,
) -> Scene:
    """The scene of one class without excused results.

    Args:
        truth: all true objects and regions of the sequence.
        results: all results of the sequence.
        num_frames: T.
        class_id: class to compare; :data:`ANY_CLASS` compares all with all.
        rule: which results are excused. ``inside``: unmatched ones with more than half of their area in a region that
            excuses (MOTS, BDD100K, crowds). ``matched``: those that the best matching with *all* true objects pairs
            with one that excuses (the distractors of MOTChallenge).
        threshold: overlap of a match.
        pairs: overlaps of all of ``truth`` with all of ``results``, where they are known already.
    """
    scene, _ = scene_with_excused(truth, results, num_frames, class_id, rule, threshold, pairs, drop=True)
    return scene


def scene_with_excused(
    truth: Observations,
    results: Observations,
    num_frames: int,
    class_id: int,
    rule: ExcuseRule = 'inside',
    threshold: float = 0.5,
    pairs: Pairs | None = None,
    drop: bool = False,
) -> tuple[Scene, NDArray[np.bool_]]:
    """The scene of one class and which of its results (M,) are excused; with ``drop`` these are left out of it."""
    of_class = truth.class_ids == class_id if class_id != ANY_CLASS else np.ones(len(truth), bool)
    counted = of_class & (truth.roles == Role.COUNTED)
    excusing = (of_class | (truth.class_ids == ANY_CLASS)) & (truth.roles == Role.EXCUSES)
    chosen = results.class_ids == class_id if class_id != ANY_CLASS else np.ones(len(results), bool)
    if pairs is None:
        involved = counted | (truth.roles != Role.COUNTED) if rule == 'matched' else counted
        pairs = _pairs_among(truth, results, involved, chosen)
    scene = _scene(truth, results, counted, chosen, num_frames, pairs)
    excused = np.zeros(len(results), bool)
    if excusing.any() and rule == 'inside':
        excused = _inside(truth.take(excusing), results, chosen, scene, threshold)
    elif excusing.any():
        excused = _matched_away(truth, results, excusing, chosen, num_frames, pairs, threshold)
    order = np.flatnonzero(chosen)[np.argsort(results.frames[chosen], kind='stable')]  # the scene's order
    excused = excused[order]
    return (scene.without_results(excused) if drop else scene), excused


def _pairs_among(
    truth: Observations, results: Observations, some_truth: NDArray[np.bool_], some_results: NDArray[np.bool_]
) -> Pairs:
    rows, columns = np.flatnonzero(some_truth), np.flatnonzero(some_results)
    i, j, values = overlap_pairs(truth.take(rows), results.take(columns))
    return rows[i], columns[j], values


def _scene(
    truth: Observations,
    results: Observations,
    some_truth: NDArray[np.bool_],
    some_results: NDArray[np.bool_],
    num_frames: int,
    pairs: Pairs,
) -> Scene:
    kept = some_truth[pairs[0]] & some_results[pairs[1]]
    place_of_truth, place_of_result = np.cumsum(some_truth) - 1, np.cumsum(some_results) - 1
    return Scene.from_rows(
        num_frames,
        truth.frames[some_truth],
        truth.ids[some_truth],
        results.frames[some_results],
        results.ids[some_results],
        (place_of_truth[pairs[0][kept]], place_of_result[pairs[1][kept]], pairs[2][kept]),
    )


def _inside(
    regions: Observations, results: Observations, chosen: NDArray[np.bool_], scene: Scene, threshold: float
) -> NDArray[np.bool_]:
    """Results (all rows) of the scene that match nothing and lie to more than half in a region."""
    matched = match(scene, scene.overlaps, scene.overlaps >= threshold - EPSILON)
    order = np.flatnonzero(chosen)[np.argsort(results.frames[chosen], kind='stable')]
    free = np.ones(len(order), bool)
    free[scene.result_rows[matched]] = False
    candidates = order[free]
    shares = covered_share(results.take(candidates), regions)
    excused = np.zeros(len(results), bool)
    excused[candidates[shares > EXCUSED_SHARE + EPSILON]] = True
    return excused


def _matched_away(
    truth: Observations,
    results: Observations,
    excusing: NDArray[np.bool_],
    chosen: NDArray[np.bool_],
    num_frames: int,
    pairs: Pairs,
    threshold: float,
) -> NDArray[np.bool_]:
    """Results (all rows) whose partner in a matching with everything annotated is one that excuses."""
    everything = np.ones(len(truth), bool)
    scene = _scene(truth, results, everything, chosen, num_frames, pairs)
    matched = match(scene, scene.overlaps, scene.overlaps >= threshold - EPSILON)
    truth_order = np.argsort(truth.frames, kind='stable')
    result_order = np.flatnonzero(chosen)[np.argsort(results.frames[chosen], kind='stable')]
    partners = truth_order[scene.truth_rows[matched]]
    excused = np.zeros(len(results), bool)
    excused[result_order[scene.result_rows[matched]][excusing[partners]]] = True
    return excused
