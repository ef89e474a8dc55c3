"""Searching settings: the grid, the order, and going on where a search stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmdet.engine.tuning import Axis, best_trial, grid, parse_axis, random_points, read_trials, search, trial_table
from mmdet.errors import ConfigError

AXES = {
    'penalty': ('p=0.08,0.13,0.01', (0.08, 0.09, 0.1, 0.11, 0.12)),
    'window': ('p=0.38,0.44,0.01', (0.38, 0.39, 0.4, 0.41, 0.42, 0.43)),
    'end that rounding might include': ('p=.35,.5,.05', (0.35, 0.4, 0.45)),
    'list': ('p=[0.3,1]', (0.3, 1.0)),
}


@pytest.mark.parametrize(('text', 'values'), AXES.values(), ids=AXES)
def test_axis(text: str, values: tuple[float, ...]) -> None:
    assert parse_axis(text) == Axis('p', values)


@pytest.mark.parametrize('text', ['p', 'p=1,2', 'p=1,x,3', 'p=2,1,1', 'p=1,2,0', '=1,2,1', 'p=[]'])
def test_bad_axis(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_axis(text)


def numbers_of(point: dict[str, float]) -> dict[str, float]:
    """Best at a = 2, b = 1."""
    return {'score': -((point['a'] - 2) ** 2) - (point['b'] - 1) ** 2}


PLANE = [Axis('a', (1, 2, 3)), Axis('b', (0, 1))]


def test_search(tmp_path: Path) -> None:
    calls: list[dict[str, float]] = []

    def run(point: dict[str, float]) -> dict[str, float]:
        calls.append(point)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return numbers_of(point)

    path = tmp_path / 'new' / 'tune.jsonl'
    with pytest.raises(KeyboardInterrupt):
        search(run, grid(PLANE), path)
    assert len(read_trials(path)) == 3
    path.write_text(path.read_text() + '{"point": {"a": 2, "b"')  # a crash while writing
    calls.clear()
    trials = search(lambda point: calls.append(point) or numbers_of(point), grid(PLANE), path)
    assert len(trials) == 6 and len(calls) == 3
    assert best_trial(trials).point == {'a': 2, 'b': 1}
    assert best_trial(trials, 'score', lowest=True).numbers['score'] == -2
    assert trial_table(trials, 'score').splitlines()[2].split()[:3] == ['1', '2', '1']
    search(run, grid(PLANE), path)
    assert len(calls) == 3  # nothing was missing


def test_several_processes(tmp_path: Path) -> None:
    trials = search(dict, grid(PLANE)[:3], tmp_path / 't.jsonl', workers=2)  # its numbers are the settings themselves
    assert sorted(tuple(trial.numbers.values()) for trial in trials) == [(1, 0), (1, 1), (2, 0)]


def test_random_points() -> None:
    drawn = random_points(PLANE, 4, seed=1)
    assert drawn == random_points(PLANE, 4, seed=1) and len({json.dumps(p) for p in drawn}) == 4
    assert len(random_points(PLANE, 100, seed=1)) == 6


def test_refused() -> None:
    with pytest.raises(ConfigError, match='no run is finished'):
        best_trial([])
