"""Published and stored scores of real trackers: MOT15, MOT17, BDD100K boxes and masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmdet.evaluation.tracking import Observations, Role, class_scene, combine, scene_numbers
from mmdet.evaluation.tracking.files import evaluate_mot_files, evaluate_mots_files
from mmdet.evaluation.tracking.numbers import scalar

BDD_CLASSES = ('pedestrian', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle', 'bicycle')


def assert_close(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert {name: scalar(found[name]) for name in expected} == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize('tracker', ['sort', 'mmtracking_demo'])
def test_mot15(data_dir: Path, tracker: str) -> None:
    folder = data_dir / 'real' / 'mot' / 'MOT15'
    expected = json.loads((folder / 'expected_scores.json').read_bytes())
    scores = evaluate_mot_files(folder / 'results' / tracker, folder / 'train').scores['pedestrian']
    for sequence, numbers in expected['trackeval'][tracker].items():
        assert_close(scores['all' if sequence == 'COMBINED_SEQ' else sequence], numbers)
    published = {'sort': {}, 'mmtracking_demo': dict(IDF1=0.624, IDP=0.799, MOTA=0.555, IDSW=14, HOTA=0.4)}[tracker]
    assert {n: scalar(scores['all'][n]) for n in published} == pytest.approx(published, abs=5e-4)


def test_mot17_with_distractors(data_dir: Path) -> None:
    folder = data_dir / 'real' / 'mot' / 'MOT17'
    expected = json.loads((folder / 'expected_scores.json').read_bytes())
    scores = evaluate_mot_files(folder / 'results' / 'MPNTrack', folder / 'train').scores['pedestrian']
    for sequence in scores:
        assert_close(scores[sequence], expected['COMBINED_SEQ' if sequence == 'all' else sequence])


def bdd_boxes(path: Path, with_crowds: bool) -> Observations:
    """Boxes of a scalabel file; the benchmark counts pixels at both ends."""
    rows = [
        (frame['frameIndex'], label['id'], BDD_CLASSES.index(label['category']), label)
        for frame in json.loads(path.read_bytes())
        for label in frame['labels'] or ()
    ]
    boxes = np.array([[row[3]['box2d'][key] for key in ('x1', 'y1', 'x2', 'y2')] for row in rows]) + [0, 0, 1, 1]
    crowds = [with_crowds and bool((row[3].get('attributes') or {}).get('crowd')) for row in rows]
    ids = np.unique([row[1] for row in rows], return_inverse=True)[1]
    frames, classes = np.array([row[0] for row in rows]), np.array([row[2] for row in rows])
    return Observations.of_boxes(frames, ids, classes, boxes, np.where(crowds, Role.EXCUSES, Role.COUNTED))


def test_bdd100k_boxes(data_dir: Path) -> None:
    folder = data_dir / 'real' / 'mot' / 'BDD100K_b1c66a42-6f7d68ca' / 'scalabel'
    expected = json.loads((folder / 'expected.json').read_bytes())
    truth, results = bdd_boxes(folder / 'gt.json', True), bdd_boxes(folder / 'predictions.json', False)
    parts = {name: scene_numbers(class_scene(truth, results, 202, label)) for label, name in enumerate(BDD_CLASSES)}
    together, wanted = combine(list(parts.values())), expected['summary']
    assert [together[name] for name in ('CLR_FP', 'CLR_FN', 'IDSW')] == [wanted[n] for n in ('FP', 'FN', 'IDSw')]
    assert 100 * together['MOTA'] == pytest.approx(wanted['MOTA'], abs=1e-9)
    assert 100 * together['IDF1'] == pytest.approx(wanted['IDF1'], abs=1e-9)
    for name, numbers in parts.items():
        if expected['MOTA_per_row'][name] != -1:
            assert 100 * numbers['MOTA'] == pytest.approx(expected['MOTA_per_row'][name], abs=1e-7)


def test_bdd100k_masks(data_dir: Path) -> None:
    folder = data_dir / 'real' / 'mots' / 'bdd100k_b1c66a42-6f7d68ca' / 'kitti_mots_format'
    expected = json.loads((folder / 'expected_scores.json').read_bytes())
    found = evaluate_mots_files(folder / 'results' / 'tracker', folder / 'gt' / 'instances_txt')
    for label in ('car', 'pedestrian'):
        assert_close(found.scores[label]['all'], expected[label])
    car = found.scores['car']['0000']
    stated = dict(sMOTA=0.639474, MOTA=0.777322, IDF1=0.812609, HOTA=0.674487)
    assert {name: scalar(car[name]) for name in stated} == pytest.approx(stated, abs=1e-6)
