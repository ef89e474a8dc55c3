"""Retrieval numbers on hand-made galleries, and against a slow reference."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mmdet.errors import ConfigError, DataError
from mmdet.evaluation import ReIDMetric, rankings, retrieval_numbers
from mmdet.evaluation.retrieval import average_precision

APS = {
    'all right': ([1, 1], 1.0),
    'right first': ([1, 0, 0], 1.0),
    'right last': ([0, 0, 1], 1 / 3),
    'first and third': ([1, 0, 1, 0], (1 + 2 / 3) / 2),
    'second and fourth': ([0, 1, 0, 1], 0.5),
}


@pytest.mark.parametrize('case', APS)
def test_average_precision(case: str) -> None:
    right, expected = APS[case]
    assert average_precision(np.array(right, bool)) == pytest.approx(expected)


def rows(identities: list[int], cameras: list[int], queries: int) -> SimpleNamespace:
    query = np.arange(len(identities)) < queries
    return SimpleNamespace(identities=np.array(identities), cameras=np.array(cameras), query=query, gallery=~query)


def along_a_circle(*degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


CASES = {
    # query of person 1 by camera 1 at 0 degrees; the gallery by growing angle
    'right, other camera': (rows([1, 1, 2], [1, 2, 2], 1), (0, 10, 20), (1.0, 1.0)),
    'wrong before right': (rows([1, 2, 1], [1, 2, 2], 1), (0, 10, 20), (0.5, 0.0)),
    'its own camera is not looked at': (rows([1, 1, 2, 1], [1, 1, 1, 2], 1), (0, 5, 10, 20), (0.5, 0.0)),
    'nobody comes first and is wrong': (rows([1, -1, 1], [1, 2, 2], 1), (0, 5, 10), (0.5, 0.0)),
    'other people of its camera stay': (rows([1, 2, 1], [1, 1, 2], 1), (0, 5, 10), (0.5, 0.0)),
    'a query without an answer does not count': (rows([1, 3, 1, 2], [1, 1, 2, 2], 2), (0, 90, 10, 80), (1.0, 1.0)),
    'nothing to be found': (rows([1, 1, 2], [1, 1, 2], 1), (0, 10, 20), (-1.0, -1.0)),
}


@pytest.mark.parametrize('case', CASES)
def test_rules(case: str) -> None:
    table, degrees, (mean_ap, rank1) = CASES[case]
    numbers = retrieval_numbers(rankings(along_a_circle(*degrees), table))
    assert (numbers['mAP'], numbers['rank1']) == (pytest.approx(mean_ap), pytest.approx(rank1))


def slow_numbers(vectors: np.ndarray, table: SimpleNamespace) -> dict[str, float]:
    """One query and one gallery crop at a time."""
    precisions, places = [], []
    for q in np.flatnonzero(table.query):
        found = []
        for g in np.flatnonzero(table.gallery):
            same = table.identities[g] == table.identities[q]
            if not (same and table.cameras[g] == table.cameras[q]):
                found.append((1 - sum(vectors[q] * vectors[g]), bool(same)))
        found.sort(key=lambda pair: pair[0])
        hits = [place for place, (_, same) in enumerate(found, 1) if same]
        if hits:
            precisions.append(sum((i + 1) / place for i, place in enumerate(hits)) / len(hits))
            places.append(hits[0])
    shares = {f'rank{k}': sum(place <= k for place in places) / len(places) for k in (1, 5, 10)}
    return {'mAP': sum(precisions) / len(precisions), **shares}


@pytest.mark.parametrize('seed', range(4))
def test_against_the_slow_way(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(60, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query = rng.random(60) < 0.3
    gallery = ~query | (rng.random(60) < 0.2)  # some crops are both
    table = SimpleNamespace(
        identities=rng.integers(-1, 8, 60), cameras=rng.integers(0, 3, 60), query=query, gallery=gallery
    )
    monkeypatch.setattr('mmdet.evaluation.retrieval.QUERIES_AT_ONCE', 7)
    assert retrieval_numbers(rankings(vectors, table)) == pytest.approx(slow_numbers(vectors, table))


@pytest.fixture
def dataset() -> SimpleNamespace:
    return SimpleNamespace(table=rows([1, 1, 2], [1, 2, 2], 1), ann_file='set', name=lambda index: f'{index}.jpg')


def test_metric_and_export(dataset: SimpleNamespace, tmp_path: Path) -> None:
    vectors = along_a_circle(0, 60, 90)
    assert ReIDMetric().evaluate(vectors, dataset) == {'mAP': 1.0, 'rank1': 1.0, 'rank5': 1.0, 'rank10': 1.0}
    path = ReIDMetric(export_places=1).export(vectors, dataset, tmp_path / 'r.json')
    assert json.loads(path.read_text()) == [
        {'query': '0.jpg', 'gallery': ['1.jpg'], 'right': [True], 'distances': [0.5]}
    ]


@pytest.mark.parametrize(
    ('vectors', 'message'),
    [(np.zeros((2, 2)), r'shape \(2, 2\) for 3 crops'), (np.full((3, 2), np.nan), r'0\.jpg: its vector is not finite')],
)
def test_vectors_that_do_not_fit(dataset: SimpleNamespace, vectors: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ReIDMetric().evaluate(vectors, dataset)


def test_wrong_arguments(dataset: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='ranks'):
        ReIDMetric(ranks=())
    with pytest.raises(ConfigError, match='json'):
        ReIDMetric().export(along_a_circle(0, 1, 2), dataset, tmp_path / 'r.zip')
    with pytest.raises(DataError, match='cannot write'):
        (tmp_path / 'file').touch()
        ReIDMetric().export(along_a_circle(0, 1, 2), dataset, tmp_path / 'file' / 'r.json')
