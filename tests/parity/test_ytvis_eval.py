"""Equality with the official YouTube-VIS evaluator, on its stored outputs and on real results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmdet.evaluation.track_ap import TrackAP
from mmdet.evaluation.ytvis import TrackAPOptions, evaluate_ytvis

NUMBERS = 1e-9
IOU = 1e-12


@pytest.fixture(scope='module')
def folder(parity_dir: Path) -> Path:
    return parity_dir / 'ytvis_eval'


@pytest.fixture(scope='module')
def files(folder: Path) -> dict[str, Any]:
    return {name: json.loads((folder / f'{name}.json').read_bytes()) for name in ('gt', 'results', 'expected')}


@pytest.fixture(scope='module')
def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / 'expected.npz') as data:
        return dict(data)


@pytest.fixture(scope='module')
def found(files: dict[str, Any]) -> TrackAP:
    return evaluate_ytvis(files['gt'], files['results'])


def differences(found: dict[str, float], expected: dict[str, float]) -> dict[str, float]:
    """The numbers that differ by more than the tolerance."""
    return {name: found[name] - value for name, value in expected.items() if abs(found[name] - value) > NUMBERS}


def test_summary(found: TrackAP, files: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    assert differences(found.numbers, files['expected']['summary']) == {}
    np.testing.assert_allclose(list(found.numbers.values()), arrays['stats'], atol=NUMBERS, rtol=0)


def test_per_category(found: TrackAP, files: dict[str, Any]) -> None:
    expected = files['expected']['per_category']
    assert {str(category_id) for category_id in found.per_category} == set(expected)
    wrong = {k: differences(found.per_category[int(k)], numbers) for k, numbers in expected.items()}
    assert not any(wrong.values()), wrong


@pytest.mark.parametrize('name', ['precision', 'recall', 'scores'])
def test_arrays(found: TrackAP, arrays: dict[str, np.ndarray], name: str) -> None:
    values = getattr(found, name)
    assert values.shape == arrays[name].shape
    np.testing.assert_allclose(values, arrays[name], atol=NUMBERS, rtol=0)


def test_ious(found: TrackAP, arrays: dict[str, np.ndarray]) -> None:
    expected = {
        tuple(int(part) for part in name.removeprefix('iou/').split('_')): values
        for name, values in arrays.items()
        if name.startswith('iou/')
    }
    assert expected
    for key, values in expected.items():
        if values.size:
            np.testing.assert_allclose(found.ious[key], values, atol=IOU, rtol=0, err_msg=str(key))


def test_class_agnostic(files: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    found = evaluate_ytvis(files['gt'], files['results'], TrackAPOptions(class_agnostic=True))
    assert differences(found.numbers, files['expected']['summary_class_agnostic']) == {}
    np.testing.assert_allclose(list(found.numbers.values()), arrays['stats_class_agnostic'], atol=NUMBERS, rtol=0)
    np.testing.assert_allclose(found.precision, arrays['precision_class_agnostic'], atol=NUMBERS, rtol=0)


def test_annotation_ids_from_0(found: TrackAP, files: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    lowered = [{**annotation, 'id': annotation['id'] - 1} for annotation in files['gt']['annotations']]
    truth = {**files['gt'], 'annotations': lowered}
    official = evaluate_ytvis(truth, files['results'], TrackAPOptions.official())
    assert differences(official.numbers, files['expected']['summary_annotation_ids_from_0']) == {}
    np.testing.assert_allclose(
        list(official.numbers.values()), arrays['stats_annotation_ids_from_0'], atol=NUMBERS, rtol=0
    )
    assert evaluate_ytvis(truth, files['results']).numbers == found.numbers  # ids do not matter unless asked for


REAL = {
    'OSVOS and RVOS on DAVIS': (
        'vis/annotations/instances.json',
        'vis/results/davis_osvos_rvos_results.json',
        'vis/results/expected_scores.json',
    ),
    'SAM 3 on SA-V': (
        'vis_json/sav_000208/gt.json',
        'vis_json/sav_000208/pred.json',
        'vis_json/sav_000208/expected_ytvis.json',
    ),
}


@pytest.mark.parametrize(('truth', 'results', 'expected'), REAL.values(), ids=REAL)
def test_real_results(data_dir: Path, truth: str, results: str, expected: str) -> None:
    real = data_dir / 'real'
    truth_data, results_data, stated = (json.loads((real / name).read_bytes()) for name in (truth, results, expected))
    found = evaluate_ytvis(truth_data, results_data, source=truth, results_source=results).numbers
    long_names = {'APs': 'AP_small', 'APm': 'AP_medium', 'APl': 'AP_large'}
    long_names |= {name.replace('AP', 'AR'): long.replace('AP', 'AR') for name, long in long_names.items()}
    digits = {name: round(found[long_names.get(name, name)], 6) for name in stated['ytvis_segm']}
    assert digits == stated['ytvis_segm']
