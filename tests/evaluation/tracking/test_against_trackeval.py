"""Equality with TrackEval on random scenes of boxes and masks; ``make install`` brings it."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmdet.evaluation.tracking import Observations, Scene, class_scene, combine, scene_numbers
from mmdet.evaluation.tracking.files import evaluate_mot_files
from mmdet.evaluation.tracking.videos import of_masks
from mmdet.formats import SequenceInfo, write_seqinfo
from mmdet.ops.rle import encode

with contextlib.redirect_stdout(io.StringIO()):  # it prints what optional parts lack
    if os.environ.get('CI') == 'true':
        trackeval = importlib.import_module('trackeval')  # never skipped there
    else:
        missing = 'TrackEval is not installed (pip install --no-deps trackeval)'
        trackeval = pytest.importorskip('trackeval', reason=missing)

SIZE = (48, 64)
COUNTED = (trackeval.metrics.CLEAR, trackeval.metrics.Identity)


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


CLASSES = (1, 1, 1, 1, 2, 3, 6, 7, 8, 12, 13)  # of true tracks; 1 are pedestrians, some others excuse results


def write_sequence(folder: Path, name: str, seed: int, frames: int) -> None:
    """Ground truth and results of a random sequence, as files of the benchmark that its name tells."""
    rng = np.random.default_rng(seed)
    truth, found = random_tracks(rng, frames)
    classes = rng.choice(CLASSES, 8)
    flags = np.where(classes == 1, rng.random(8) < 0.8, rng.random(8) < 0.2).astype(int)
    texts: dict[str, list[str]] = {'gt': [], 'results': []}
    for kind, rows in (('gt', truth), ('results', found)):
        for t, number, box in rows:
            x1, y1, x2, y2 = np.round(box, 2)
            tail = f'{flags[number]},{classes[number]},{rng.random():.2f}' if kind == 'gt' else '0.9,-1,-1,-1'
            if name.startswith('MOT15') and kind == 'gt':
                tail = f'{flags[number]},-1,-1,-1'
            texts[kind].append(f'{t + 1},{number + 1},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{tail}')
    for path, kind in ((folder / 'gt' / name / 'gt' / 'gt.txt', 'gt'), (folder / 'ours' / f'{name}.txt', 'results')):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(''.join(f'{line}\n' for line in texts[kind]))
    write_seqinfo(folder / 'gt' / name / 'seqinfo.ini', SequenceInfo(name, frames, *SIZE))


@pytest.mark.parametrize('benchmark', ['MOT15', 'MOT17', 'MOT20'])
def test_random_files_with_distractors(tmp_path: Path, benchmark: str) -> None:
    names = [f'{benchmark}-{seed:02d}' for seed in range(20)]
    for seed, name in enumerate(names):
        write_sequence(tmp_path, name, seed, 12)
    places = dict(GT_FOLDER=str(tmp_path / 'gt'), TRACKERS_FOLDER=str(tmp_path), TRACKERS_TO_EVAL=['ours'])
    layout = dict(SKIP_SPLIT_FOL=True, TRACKER_SUB_FOLDER='', BENCHMARK=benchmark, SEQ_INFO=dict.fromkeys(names, 12))
    theirs = trackeval.datasets.MotChallenge2DBox({**places, **layout, 'PRINT_CONFIG': False})
    metrics = [trackeval.metrics.HOTA(), *(kind({'PRINT_CONFIG': False}) for kind in COUNTED)]
    scores = evaluate_mot_files(tmp_path / 'ours', tmp_path / 'gt').scores['pedestrian']
    parts: list[dict[str, Any]] = [{} for _ in metrics]
    given = kept = 0
    for name in names:
        raw = theirs.get_raw_seq_data('ours', name)
        data = theirs.get_preprocessed_seq_data(raw, 'pedestrian')
        given, kept = given + sum(map(len, raw['tracker_ids'])), kept + data['num_tracker_dets']
        for metric, part in zip(metrics, parts):
            part[name] = metric.eval_sequence(data)
            assert differences(scores[name], part[name]) == {}, name
    assert (kept < 0.9 * given) == (benchmark != 'MOT15')  # results were excused
    for metric, part in zip(metrics, parts):
        assert differences(scores['all'], metric.combine_sequences(part)) == {}
