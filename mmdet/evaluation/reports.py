"""What an evaluation command gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ['Report']


@dataclass(frozen=True)
class Report:
    """Outcome of an evaluation.

    Attributes:
        table: text for the console.
        numbers: every number, ready for JSON.
        curves: values per frame by name of the line, by name of the sequence, for plots.
    """

    table: str
    numbers: dict[str, Any]
    curves: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
