"""What a search looks for where nothing is said."""

from __future__ import annotations

from typing import Any

import pytest

from mmdet.engine.tuning import OBJECTIVES, usual_objective


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
        ('ap', None, dict(type='YTVISMetric')),
    ],
)
def test_settings_of_the_metric_are_those_of_the_config(name: str, evaluator: Any, expected: dict) -> None:
    assert OBJECTIVES[name].metric_of({'test_evaluator': evaluator}) == expected


def test_numbers_that_a_protocol_lacks_are_not_shown() -> None:
    assert OBJECTIVES['smotsa'].columns({'sMOTSA': 0.5, 'MOTSA': 0.6, 'IDSW': 1}) == ['sMOTSA', 'MOTSA', 'IDSW']
