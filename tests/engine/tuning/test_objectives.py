"""What a search looks for where nothing is said."""

from __future__ import annotations

from typing import Any

import pytest

from mmdet.engine.tuning import usual_objective


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
