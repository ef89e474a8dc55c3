"""Equality with TrackEval on random scenes of boxes and masks; ``make install`` brings it."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
from typing import Any

import numpy as np
import pytest

from mmdet.evaluation.tracking import Observations, Scene, class_scene, combine, scene_numbers
from mmdet.evaluation.tracking.videos import of_masks
from mmdet.ops.rle import encode

with contextlib.redirect_stdout(io.StringIO()):  # it prints what optional parts lack
    if os.environ.get('CI') == 'true':
        trackeval = importlib.import_module('trackeval')  # never skipped there
    else:
        missing = 'TrackEval is not installed (pip install --no-deps trackeval)'
        trackeval = pytest.importorskip('trackeval', reason=missing)

SIZE = (48, 64)
FAMILIES = ('HOTA', 'CLEAR', 'Identity')


def random_tracks(rng: np.random.Generator, frames: int) -> tuple[list, list]:
    """True and found boxes as (frame, id, x1 y1 x2 y2): misses, inventions, switches, crowding, gaps."""
    truth, found = [], []
    switch = rng.random() * 0.1
    for number in range(rng.integers(0, 7)):
        place, speed, size = rng.uniform((2, 2), (40, 28)), rng.normal(0, 1.2, 2), rng.uniform(6, 20, 2)
        identity = number
        start, stop = np.sort(rng.integers(0, frames + 1, 2))
        for t in range(start, stop):
            box = np.concatenate([place, place + size])
            truth.append((t, number, box))
            if rng.random() < switch:
                identity = int(rng.integers(0, 12))
            if rng.random() < 0.85 and not any(row[:2] == (t, identity) for row in found):
                found.append((t, identity, box + rng.normal(0, 1.5, 4).clip(-2.5, 2.5)))
            place = (place + speed).clip(0, (44, 28))
    for number in range(rng.integers(0, 3)):
        t = int(rng.integers(0, frames))
        found.append((t, 20 + number, np.concatenate([c := rng.uniform((0, 0), (40, 28)), c + 9])))
    return truth, found


def observe(rows: list, masks: bool) -> Observations:
    frames = np.array([t for t, _, _ in rows], np.int64)
    ids = np.array([identity for _, identity, _ in rows], np.int64)
    boxes = np.array([box for _, _, box in rows]).reshape(-1, 4)
    if not masks:
        return Observations.of_boxes(frames, ids, np.ones(len(rows), np.int64), boxes)
    drawn = []
    for x1, y1, x2, y2 in np.rint(boxes).astype(int):
        mask = np.zeros(SIZE)
        mask[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)] = 1
        drawn.append(encode(mask))
    return of_masks(frames, ids, np.ones(len(rows), np.int64), drawn, SIZE, 'random')


def as_theirs(scene: Scene) -> dict[str, Any]:
    """The scene as TrackEval's metrics take it."""
    table = np.zeros((len(scene.truth_frames), len(scene.result_frames)))
    table[scene.truth_rows, scene.result_rows] = scene.overlaps
    sides = [
        [np.flatnonzero(frames == t) for t in range(scene.num_frames)]
        for frames in (scene.truth_frames, scene.result_frames)
    ]
    return {
        'num_timesteps': scene.num_frames,
        'num_gt_ids': scene.num_truth_tracks,
        'num_tracker_ids': scene.num_result_tracks,
        'num_gt_dets': len(scene.truth_frames),
        'num_tracker_dets': len(scene.result_frames),
        'gt_ids': [scene.truth_tracks[rows] for rows in sides[0]],
        'tracker_ids': [scene.result_tracks[rows] for rows in sides[1]],
        'similarity_scores': [table[np.ix_(a, b)] for a, b in zip(*sides)],
    }


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, float]:
    found = {name: float(np.abs(np.subtract(ours[name], value)).max()) for name, value in theirs.items()}
    return {name: value for name, value in found.items() if not value <= 1e-6}


@pytest.mark.parametrize('masks', [False, True], ids=['boxes', 'masks'])
def test_random_scenes(masks: bool) -> None:
    metrics = [
        trackeval.metrics.HOTA(),
        trackeval.metrics.CLEAR({'PRINT_CONFIG': False}),
        trackeval.metrics.Identity({'PRINT_CONFIG': False}),
    ]
    ours: list[dict[str, Any]] = []
    theirs: list[list[dict[str, Any]]] = [[] for _ in metrics]
    for seed in range(50):
        rng = np.random.default_rng(seed)
        truth, found = (observe(rows, masks) for rows in random_tracks(rng, 12))
        scene = class_scene(truth, found, 12, 1)
        ours.append(scene_numbers(scene))
        for metric, parts in zip(metrics, theirs):
            parts.append(metric.eval_sequence(as_theirs(scene)))
            assert differences(ours[-1], parts[-1]) == {}, seed
    together = combine(ours)
    assert together['CLR_TP'] > 300 and together['IDSW'] > 5  # the scenes are not trivial
    for metric, parts in zip(metrics, theirs):
        expected = metric.combine_sequences({str(i): part for i, part in enumerate(parts)})
        assert differences(together, expected) == {}
