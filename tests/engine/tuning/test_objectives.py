"""What a search looks for where nothing is said."""

from __future__ import annotations

from typing import Any

import pytest

from mmdet.engine.tuning import OBJECTIVES, usual_objective
from mmdet.engine.tuning.journal import Trial
from mmdet.engine.tuning.report import ranked


@pytest.mark.parametrize(
    ('evaluator', 'expected'),
    [
        (dict(type='YTVISMetric'), 'ap'),
        (dict(type='MOTMetric'), 'hota'),
        (dict(type='MOTSMetric', png=True), 'smotsa'),
        ([dict(type='COCOMetric'), dict(type='MOTSMetric')], 'smotsa'),
        (dict(type='OVISMetric'), 'ap'),
        (None, 'ap'),
    ],
    ids=['ytvis', 'mot', 'mots', 'the first known', 'unknown', 'none'],
)
def test_objective_of_an_evaluator(evaluator: Any, expected: str) -> None:
    assert usual_objective({'test_evaluator': evaluator}) == expected


MASKS = dict(type='MOTMetric', overlap='masks', rule='inside')
TOOLS = dict(type='MOTSMetric', protocol='mots_tools', png=True)


@pytest.mark.parametrize(
    ('name', 'evaluator', 'expected'),
    [
        ('hota', MASKS, MASKS),
        ('mota', [dict(type='YTVISMetric'), MASKS], MASKS),
        ('smotsa', TOOLS, TOOLS),
        ('hota', TOOLS, dict(type='MOTMetric')),
        ('hota', dict(type='MOTSMetric', png=True), dict(type='MOTSMetric', png=True)),
        ('idf1', [dict(type='MOTSMetric'), MASKS], MASKS),
        ('ap', None, dict(type='YTVISMetric')),
    ],
)
def test_settings_of_the_metric_are_those_of_the_config(name: str, evaluator: Any, expected: dict) -> None:
    assert OBJECTIVES[name].metric_of({'test_evaluator': evaluator}) == expected


def test_the_config_as_it_is_wins_ties() -> None:
    trials = [Trial(params, {'HOTA': score}) for params, score in (({'a': 1}, 0.5), ({}, 0.5), ({'a': 2}, 0.4))]
    assert [trial.params for trial in ranked(trials, OBJECTIVES['hota'])] == [{}, {'a': 1}, {'a': 2}]


def test_numbers_that_a_protocol_lacks_are_not_shown() -> None:
    assert OBJECTIVES['smotsa'].columns({'sMOTSA': 0.5, 'MOTSA': 0.6, 'IDSW': 1}) == ['sMOTSA', 'MOTSA', 'IDSW']
