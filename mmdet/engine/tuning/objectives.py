"""What a search maximises. A new objective is a row in :data:`OBJECTIVES`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmdet.registry import METRICS

__all__ = ['OBJECTIVES', 'Objective']


@dataclass(frozen=True)
class Objective:
    """A number that a registered metric computes; greater is better.

    Attributes:
        metric: config of the metric; its ``evaluate(results, dataset)`` returns numbers by name.
        key: name of the number.
        shown: further numbers for the table.
    """

    metric: dict[str, Any]
    key: str
    shown: tuple[str, ...] = ()

    def build(self) -> Any:
        """The metric."""
        return METRICS.build(dict(self.metric))


OBJECTIVES: dict[str, Objective] = {
    'ap': Objective({'type': 'YTVISMetric'}, 'AP', ('AP50', 'AP75', 'AR10')),
}
