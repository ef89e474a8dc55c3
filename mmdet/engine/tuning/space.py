"""Which parameters a search tries: spaces of values, their grid, and random points of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mmdet.engine.config import WORDS, parse_overrides
from mmdet.engine.config_keys import ANYTHING, constructor_keys, unknown_key
from mmdet.errors import ConfigError

__all__ = ['DEFAULT_SPACES', 'Space', 'grid_points', 'parse_settings', 'parse_space', 'random_points', 'size']

PREFIX = 'model.tracker.'

Space = Mapping[str, Sequence[Any]]
"""Values to try by the name of a tracker's argument, or by a setting's place in the config."""

DEFAULT_SPACES: dict[str, Space] = {
    'MaskTrackTracker': {
        'score_weight': (0.5, 1.0, 2.0),
        'iou_weight': (1.0, 2.0, 4.0),
        'label_weight': (5.0, 10.0),
        'memory_frames': (None, 20),
        'motion': (None, 'kalman'),
    },
    'DeepSORTTracker': {
        'max_cosine_distance': (0.1, 0.2, 0.4),
        'max_iou_distance': (0.5, 0.7, 0.9),
        'max_age': (10, 30, 70),
        'n_init': (1, 3),
        'min_confidence': (0.05, 0.3, 0.5),
    },
    'ByteTracker': {
        'high_threshold': (0.3, 0.5, 0.6),
        'low_threshold': (0.05, 0.1),
        'new_threshold': (0.4, 0.6, 0.7),
        'min_iou': (0.1, 0.2, 0.3),
        'max_age': (10, 30),
    },
    'OCSORTTracker': {
        'min_confidence': (0.05, 0.3, 0.6),
        'max_age': (10, 30),
        'min_hits': (0, 3),
        'min_iou': (0.2, 0.3, 0.4),
        'momentum_weight': (0.0, 0.2, 0.4),
    },
    'PointTrackTracker': {
        'distance_offset': (1.5, 2.5, 4.0, 8.81),
        'overlap_weight': (0.5, 0.75, 1.0),
        'keep_alive': (10, 30),
    },
    'SORTTracker': {'max_age': (1, 10, 30), 'min_hits': (0, 3), 'min_iou': (0.2, 0.3, 0.5)},
    'IoUTracker': {'min_iou': (0.2, 0.3, 0.5), 'max_age': (1, 5, 10, 30)},
}
"""What is tried where nothing else is asked for, by tracker class."""


def parse_space(texts: Sequence[str], tracker: Mapping[str, Any]) -> Space:
    """The space that ``--param`` options describe; the tracker's default one where there are none.

    Args:
        texts: ``model.tracker.max_age=10,30`` each, as :func:`parse_settings`; the prefix may be left out.
        tracker: config of the tracker.

    Raises:
        ConfigError: an argument that the tracker does not take, no values, or no default space.
    """
    kind = tracker['type']
    if not texts:
        if kind not in DEFAULT_SPACES:
            raise ConfigError(f'{kind} has no default search space: give --param {PREFIX}NAME=VALUE,VALUE,...')
        return DEFAULT_SPACES[kind]
    keys = constructor_keys(kind) or ANYTHING
    space: dict[str, Sequence[Any]] = {}
    for path, values in parse_settings(texts).items():
        name = path.removeprefix(PREFIX)
        if '.' in name:
            raise ConfigError(f'--param {path}: only arguments of the tracker can be searched, {PREFIX}NAME')
        if keys is not ANYTHING and name not in keys:
            raise ConfigError(f'--param {unknown_key(name, keys, kind)}')
        space[name] = values
    return space


def parse_settings(texts: Sequence[str]) -> Space:
    """Values by dotted path, out of ``path=A,B,C`` or ``path=START:STOP:STEP`` (STOP left out) each.

    ``0.08:0.13:0.01`` is 0.08 to 0.12: five values, whatever rounding does to the end.

    Raises:
        ConfigError: not of this form, or no values.
    """
    space: dict[str, Sequence[Any]] = {}
    for path, value in parse_overrides(texts).items():
        values = list(value) if isinstance(value, list | tuple) else [value]
        if isinstance(value, str) and value.count(':') == 2:
            values = _range(path, value)
        if not values:
            raise ConfigError(f'--param {path}: no values')
        space[path] = [WORDS.get(v.lower(), v) if isinstance(v, str) else v for v in values]
    return space


def _range(path: str, text: str) -> list[int | float]:
    parts = text.split(':')
    try:
        start, stop, step = (int(part) if part.strip().isdigit() else float(part) for part in parts)
        count = math.ceil((stop - start) / step - 1e-6)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ConfigError(f'--param {path}={text}: a range is START:STOP:STEP, three numbers') from None
    if step < 0 or count < 1:
        raise ConfigError(f'--param {path}={text}: needs START < STOP and a STEP above 0')
    return [round(start + position * step, 10) for position in range(count)]


def size(space: Space) -> int:
    """Number of points of the grid."""
    return math.prod(len(values) for values in space.values())


def grid_points(space: Space) -> Iterator[dict[str, Any]]:
    """Every combination of values; the last name varies fastest."""
    return (dict(zip(space, values)) for values in itertools.product(*space.values()))


def random_points(space: Space, count: int, seed: int) -> list[dict[str, Any]]:
    """Different points of the grid, all of them if there are no more than ``count``. The same seed gives the same."""
    total = size(space)
    chosen = np.random.default_rng(seed).choice(total, min(count, total), replace=False)
    shape = [len(values) for values in space.values()]
    columns = np.unravel_index(chosen, shape)
    return [
        {name: values[int(column[row])] for (name, values), column in zip(space.items(), columns)}
        for row in range(len(chosen))
    ]
