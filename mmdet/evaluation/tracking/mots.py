"""Evaluation of MOTS files: every class and sequence, by either of the benchmark's two evaluators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mmdet.errors import DataError
from mmdet.evaluation.tracking.mots_counts import mots_tools
from mmdet.evaluation.tracking.numbers import Numbers
from mmdet.evaluation.tracking.observations import Observations, Pairs, Role, overlap_pairs
from mmdet.evaluation.tracking.scenes import class_scene, scene_with_excused
from mmdet.evaluation.tracking.scores import Protocol, TrackingScores, scene_numbers
from mmdet.formats import MOTS_CLASSES, MaskTable


def evaluate_mots(
    truth: Mapping[str, MaskTable],
    results: Mapping[str, MaskTable],
    lengths: Mapping[str, int],
    protocol: Protocol = 'trackeval',
    classes: Mapping[int, str] = MOTS_CLASSES,
) -> TrackingScores:
    """Numbers of every class and sequence, and of all sequences together.

    Args:
        truth: ground truth by sequence.
        results: results by sequence; every sequence must be there, if need be without rows.
        lengths: frames of every sequence.
        protocol: ``trackeval`` (HOTA, CLEAR, IDF1; a match has an overlap of at least one half) or ``mots_tools``
            (sMOTSA and its kin; above one half).
        classes: names of the classes to evaluate, by class id.

    Raises:
        DataError: results of a sequence are missing, or masks are of another size than those of the ground truth.
    """
    missing = [name for name in truth if name not in results]
    if missing:
        raise DataError(
            f'no results for {len(missing)} of {len(truth)} sequences: {", ".join(missing[:10])}. A sequence in which '
            'nothing was found needs an empty file.'
        )
    per_sequence = {
        name: evaluate_sequence(table, results[name], lengths[name], protocol, list(classes))
        for name, table in truth.items()
    }
    return TrackingScores.join(
        protocol, {label: {name: per_sequence[name][c] for name in truth} for c, label in classes.items()}
    )


def evaluate_sequence(
    truth: MaskTable, results: MaskTable, length: int, protocol: Protocol, class_ids: Sequence[int]
) -> dict[int, Numbers]:
    """Numbers of one sequence by class id.

    Raises:
        DataError: masks are of another size than those of the ground truth.
    """
    if truth.size and results.size and truth.size != results.size:
        raise DataError(
            f'{results.place(0)}: mask of {results.size[0]} x {results.size[1]} (height x width), but the frames of '
            f'{truth.source} are {truth.size[0]} x {truth.size[1]}'
        )
    objects, found = Observations.of_mask_table(truth), Observations.of_mask_table(results)
    pairs = _pairs_of_classes(objects, found, class_ids)
    if protocol == 'trackeval':
        return {c: scene_numbers(class_scene(objects, found, length, c, pairs=pairs)) for c in class_ids}
    extra = truth.first_frame  # the evaluator counts from frame 0, whatever the first frame is called
    scenes = ((c, scene_with_excused(objects, found, length, c, pairs=pairs)) for c in class_ids)
    return {c: mots_tools(scene, excused, extra) for c, (scene, excused) in scenes}


def _pairs_of_classes(truth: Observations, results: Observations, class_ids: Iterable[int]) -> Pairs:
    """Overlaps of counted objects with results of their class, compared frame by frame for all classes at once."""
    wanted = list(class_ids)
    rows, columns, values = overlap_pairs(truth, results)
    kept = (truth.roles[rows] == Role.COUNTED) & np.isin(truth.class_ids[rows], wanted)
    kept &= truth.class_ids[rows] == results.class_ids[columns]
    return rows[kept], columns[kept], values[kept]
