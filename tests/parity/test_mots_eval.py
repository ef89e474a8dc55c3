"""Equality with mots_tools and TrackEval on made-up MOTS sets: every number of every class and sequence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmdet.errors import DataError
from mmdet.evaluation.tracking import evaluate_mots
from mmdet.evaluation.tracking.scores import CLASS_MEAN, CLASS_SUM
from mmdet.formats import MaskTable, read_masks, read_seqmap

FIRST_FRAME = {'kitti': 0, 'motschallenge': 1}
TOLERANCE = 1e-9
OUR_NAMES = {'cls_comb_cls_av': CLASS_MEAN, 'cls_comb_det_av': CLASS_SUM}


@pytest.fixture(scope='module')
def folder(parity_dir: Path) -> Path:
    return parity_dir / 'mots_eval'


@pytest.fixture(scope='module')
def expected(folder: Path) -> dict[str, Any]:
    return json.loads((folder / 'expected.json').read_bytes())


def lengths_of(folder: Path, layout: str) -> dict[str, int]:
    rows = read_seqmap(folder / layout / 'seqmap.txt')
    return {row.name: row.last - FIRST_FRAME[layout] + 1 for row in rows}


def read_set(folder: Path, layout: str, name: str) -> dict[str, MaskTable]:
    return {
        sequence: read_masks(folder / layout / name / f'{sequence}.txt', length, FIRST_FRAME[layout])
        for sequence, length in lengths_of(folder, layout).items()
    }


def difference(found: Any, wanted: Any) -> float:
    """Largest absolute difference; 0 for equal infinities."""
    a, b = (np.array([float(v) for v in np.atleast_1d(x)]) for x in (found, wanted))
    return 0.0 if np.array_equal(a, b) else float(np.abs(a - b).max())


@pytest.mark.parametrize('results', ['a', 'b', 'empty'])
@pytest.mark.parametrize('layout', FIRST_FRAME)
@pytest.mark.parametrize('protocol', ['mots_tools', 'trackeval'])
def test_numbers(folder: Path, expected: dict[str, Any], protocol, layout: str, results: str) -> None:
    truth, found = read_set(folder, layout, 'gt'), read_set(folder, layout, f'results_{results}')
    scores = evaluate_mots(truth, found, lengths_of(folder, layout), protocol).scores
    wrong = {}
    for label, sequences in expected[protocol][layout][results].items():
        for sequence, fields in sequences.items():
            numbers = scores[OUR_NAMES.get(label, label)][sequence]
            if protocol == 'trackeval':
                fields = {name: value for family in fields.values() for name, value in family.items()}
            for name, value in fields.items():
                if not difference(numbers[name], value) <= TOLERANCE:
                    wrong[label, sequence, name] = (numbers[name], value)
    assert wrong == {}


def test_faulty_files_are_refused(folder: Path) -> None:
    length = lengths_of(folder, 'kitti')['0006']
    for path in sorted((folder / 'kitti' / 'refused').iterdir()):
        with pytest.raises(DataError, match=rf'{path.name}, line \d+'):
            read_masks(path, length)


def test_official_lets_pass_what_one_of_the_programs_does(folder: Path) -> None:
    length = lengths_of(folder, 'kitti')['0006']
    read_masks(folder / 'kitti' / 'refused' / 'unknown_class.txt', length, drop_unknown_classes=True)
    read_masks(folder / 'kitti' / 'refused' / 'frame_past_end.txt', length, drop_unknown_frames=True)
