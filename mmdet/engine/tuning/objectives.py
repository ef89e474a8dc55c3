"""What a search looks for. A new objective of ``tools/tune_tracker.py`` is a row in :data:`OBJECTIVES`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmdet.errors import ConfigError

__all__ = ['OBJECTIVES', 'Objective', 'usual_objective']


@dataclass(frozen=True)
class Objective:
    """A number that a metric computes.

    Attributes:
        key: name of the number; '' for the metric's first.
        shown: further numbers for the table, None for all.
        metric: config of a registered metric; None where the search has metrics of its own.
        also: types of metrics that compute the number too and are taken where the config has one.
        lowest: whether the lowest number is the best.
    """

    key: str = ''
    shown: tuple[str, ...] | None = ()
    metric: dict[str, Any] | None = None
    lowest: bool = False
    also: tuple[str, ...] = ()

    def metric_of(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Config of the metric: the ``test_evaluator`` that computes it with its settings, else the metric as it is."""
        metric = dict(self.metric or {})
        own = [dict(evaluator) for evaluator in _evaluators(config)]
        fitting = [one for one in own if one.get('type') == metric.get('type')]
        fitting += [one for one in own if one.get('type') in self.also and one.get('protocol') != 'mots_tools']
        return fitting[0] if fitting else metric

    def name(self, numbers: Mapping[str, float]) -> str:
        """Name of the number among those of a trial.

        Raises:
            ConfigError: it is not among them.
        """
        key = self.key or next(iter(numbers))
        if key not in numbers:
            raise ConfigError(f'the metric has no number {key!r}; it has {", ".join(list(numbers)[:20])}')
        return key

    def rank(self, numbers: Mapping[str, float]) -> float:
        """A number that is lower for better trials."""
        value = numbers[self.name(numbers)]
        return value if self.lowest else -value

    def columns(self, numbers: Mapping[str, float]) -> list[str]:
        """Names of a table's numbers, as far as the metric has them; the one that counts first."""
        shown = list(numbers) if self.shown is None else [name for name in self.shown if name in numbers]
        return list(dict.fromkeys([self.name(numbers), *shown]))


_OVER_TIME = ('HOTA', 'DetA', 'AssA', 'MOTA', 'IDF1', 'IDSW')
OBJECTIVES: dict[str, Objective] = {
    'ap': Objective('AP', ('AP50', 'AP75', 'AR10'), {'type': 'YTVISMetric'}),
    'hota': Objective('HOTA', _OVER_TIME, {'type': 'MOTMetric'}, also=('MOTSMetric',)),
    'mota': Objective('MOTA', _OVER_TIME, {'type': 'MOTMetric'}, also=('MOTSMetric',)),
    'idf1': Objective('IDF1', _OVER_TIME, {'type': 'MOTMetric'}, also=('MOTSMetric',)),
    'smotsa': Objective('sMOTSA', ('MOTSA', *_OVER_TIME), {'type': 'MOTSMetric'}),
}


def usual_objective(config: Mapping[str, Any]) -> str:
    """Name of the objective of a config's ``test_evaluator``: the first that its metric computes; else ``ap``."""
    kinds = [evaluator.get('type') for evaluator in _evaluators(config)]
    names = {(objective.metric or {}).get('type'): name for name, objective in reversed(OBJECTIVES.items())}
    return next((names[kind] for kind in kinds if kind in names), 'ap')


def _evaluators(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    evaluators = config.get('test_evaluator') or ()
    return [evaluators] if isinstance(evaluators, Mapping) else list(evaluators)
