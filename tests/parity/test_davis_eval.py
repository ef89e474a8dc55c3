"""Equality with davis2017-evaluation, on its stored outputs and on real results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmdet.evaluation.davis import DavisScores, evaluate_sequence

VALUES = {'J': 1e-12, 'F': 1e-9}
NUMBERS = 1e-9


@pytest.fixture(scope='module')
def folder(parity_dir: Path) -> Path:
    return parity_dir / 'davis_eval'


@pytest.fixture(scope='module')
def scores(folder: Path) -> dict[tuple[str, str], DavisScores]:
    """Ours by (task, set of results), rows in the order in which the official program lists them."""
    inputs = np.load(folder / 'inputs.npz')
    sequences = [name.removeprefix('gt/') for name in inputs.files if name.startswith('gt/')]
    found = {}
    for task, sets in json.loads((folder / 'expected.json').read_bytes()).items():
        for name in sets:
            parts = [evaluate_sequence(inputs[f'gt/{s}'], inputs[f'result_{name}/{s}'], task, s) for s in sequences]
            found[task, name] = DavisScores([part.by_proposal() for part in parts])
    return found


def test_values_of_every_frame(folder: Path, scores: dict[tuple[str, str], DavisScores]) -> None:
    expected = np.load(folder / 'expected.npz')
    assert expected.files
    for key in expected.files:
        task, name, sequence, measure = key.split('/')
        (part,) = (part for part in scores[task, name].sequences if part.name == sequence)
        values = getattr(part, measure)
        np.testing.assert_allclose(values, expected[key], atol=VALUES[measure], rtol=0, err_msg=key)


def test_numbers(folder: Path, scores: dict[tuple[str, str], DavisScores]) -> None:
    expected = json.loads((folder / 'expected.json').read_bytes())
    for (task, name), found in scores.items():
        want = expected[task][name]
        assert found.numbers == pytest.approx(want['global'], abs=NUMBERS), (task, name)
        assert _by_position(found) == {key: pytest.approx(row, abs=NUMBERS) for key, row in want['per_object'].items()}


def _by_position(scores: DavisScores) -> dict[str, dict[str, float]]:
    """Per object, numbered by row as in the official table, which numbers proposals."""
    rows = iter(scores.per_object.values())
    return {f'{part.name}_{row + 1}': next(rows) for part in scores.sequences for row in range(len(part.objects))}


REAL = {'osvos semi-supervised Annotations': 0.763743, 'rvos unsupervised Annotations': 0.556860}


@pytest.mark.parametrize('case', REAL)
def test_real_results(data_dir: Path, case: str) -> None:
    from argparse import Namespace

    from mmdet.evaluation.vos_commands import evaluate_davis

    root = data_dir / 'real' / 'davis'
    results, task, _ = case.split()
    arguments = Namespace(
        results=str(root / 'results' / results), annotations=str(root), task=task, sequences=None, merge_objects=False
    )
    numbers: dict[str, Any] = evaluate_davis(arguments).numbers
    expected = json.loads((root / 'expected_scores.json').read_bytes())[case]
    for key in ('J&F-Mean', *(f'{m}-{s}' for m in 'JF' for s in ('Mean', 'Recall', 'Decay'))):
        assert numbers[key] == pytest.approx(expected[key], abs=1e-6), key
    for measure in 'JF':
        means = {name: row[f'{measure}-Mean'] for name, row in numbers['per_object'].items()}
        assert means == pytest.approx(expected[f'{measure}_per_object'], abs=1e-6)
    assert numbers['J&F-Mean'] == pytest.approx(REAL[case], abs=1e-6)
