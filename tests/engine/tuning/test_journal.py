"""Finished trials survive whatever ends the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdet.engine.tuning.journal import Journal, Trial, key_of
from mmdet.errors import ConfigError, DataError

SEARCH = {'tracker': {'type': 'SORTTracker'}, 'detections': 'abc'}
ONE = Trial({'max_age': 1, 'motion': None}, {'AP': 0.5}, seconds=1.5)
TWO = Trial({'max_age': 2}, {}, problem='no')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of two trials, in a folder that it made."""
    path = tmp_path / 'out/trials.jsonl'
    journal = Journal(path, SEARCH)
    for trial in (ONE, TWO):
        journal.add(trial)
    return path


def test_round_trip(path: Path) -> None:
    assert Journal(path, SEARCH).trials == {key_of(ONE.params): ONE, key_of(TWO.params): TWO}


@pytest.mark.parametrize('cut', [1, 10, 40])
def test_a_trial_that_was_cut_off_is_run_again(path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:-cut])
    journal = Journal(path, SEARCH)
    assert list(journal.trials.values()) == [ONE]
    journal.add(TWO)
    assert list(Journal(path, SEARCH).trials.values()) == [ONE, TWO]


def test_a_head_that_was_cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])
    assert Journal(path, SEARCH).trials == {}
    assert Journal(path, SEARCH).trials == {}


def test_trials_of_another_search(path: Path) -> None:
    with pytest.raises(ConfigError, match='holds trials of another search'):
        Journal(path, {**SEARCH, 'detections': 'abd'})


def test_a_line_that_is_no_trial(path: Path) -> None:
    path.write_text(path.read_text() + '{"x": 1}\n')
    with pytest.raises(DataError, match=r'trials\.jsonl, line 4: not a trial'):
        Journal(path, SEARCH)


def test_order_of_parameters_does_not_matter() -> None:
    assert key_of({'a': 1, 'b': None}) == key_of({'b': None, 'a': 1})
