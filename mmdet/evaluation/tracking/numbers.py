"""Numbers of a metric by name: counts, fractions, and arrays over thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np

Numbers = dict[str, Any]  # int, float or (19,) array


def fraction(part: Any, whole: Any) -> Any:
    """``part / whole``, with 1 in place of a ``whole`` below 1, so that 0 of 0 is 0."""
    return part / np.maximum(1, whole)


def scalar(value: Any) -> float:
    """One number: an array over thresholds gives its mean."""
    return float(np.mean(value))
