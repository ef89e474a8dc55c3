"""Testing a range of checkpoints: ``work_dirs/x/epoch_{1..20}.pth`` as one table and one plot."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from glob import glob
from pathlib import Path

from mmdet.errors import ConfigError
from mmdet.evaluation.tables import text_table

__all__ = ['expand_braces', 'expand_checkpoints', 'range_table', 'short_names']

_BRACES = re.compile(r'\{([^{}]*)\}')
_RANGE = re.compile(r'(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?')


def expand_braces(pattern: str) -> list[str]:
    """Every text that a pattern stands for, as a shell expands it: ``{1..5}``, ``{1..9..2}``, ``{08..12}``, ``{a,b}``.

    Raises:
        ConfigError: braces that are neither a range nor a list.
    """
    parts = _BRACES.split(pattern)  # text, braces, text, ...
    if any('{' in text or '}' in text for text in parts[::2]):
        raise ConfigError(f'{pattern}: braces must be closed and not stand in each other')
    choices = [[part] if index % 2 == 0 else _choices(part, pattern) for index, part in enumerate(parts)]
    return [''.join(combination) for combination in itertools.product(*choices)]


def _choices(content: str, pattern: str) -> list[str]:
    found = _RANGE.fullmatch(content)
    if found is None:
        if ',' not in content:
            raise ConfigError(f'{pattern}: {{{content}}} is neither a range like {{1..20}} nor a list like {{5,10}}')
        return content.split(',')
    first, last = int(found[1]), int(found[2])
    step = abs(int(found[3])) if found[3] else 1
    if step == 0:
        raise ConfigError(f'{pattern}: the step of {{{content}}} is 0')
    padded = any(text.lstrip('-').startswith('0') and len(text.lstrip('-')) > 1 for text in (found[1], found[2]))
    width = max(len(found[1]), len(found[2])) if padded else 0
    numbers = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
    return [f'{number:0{width}d}' if width else str(number) for number in numbers]


def expand_checkpoints(pattern: str) -> list[str]:
    """Checkpoint files of a pattern with braces and ``*``, in order, none twice.

    Raises:
        ConfigError: a file is not there, or nothing matches.
    """
    found: list[str] = []
    missing: list[str] = []
    for name in expand_braces(str(Path(pattern).expanduser())):
        matches = sorted(glob(name), key=_natural) if re.search(r'[*?\[]', name) else [name]
        (found if matches and all(Path(match).is_file() for match in matches) else missing).extend(matches or [name])
    if missing:
        more = f' and {len(missing) - 1} more' if len(missing) > 1 else ''
        raise ConfigError(f'--checkpoints {pattern}: {missing[0]}{more} not there; name a range that exists')
    return list(dict.fromkeys(found))


def _natural(text: str) -> list[str | int]:
    """Sorts ``epoch_2`` before ``epoch_10``."""
    return [int(part) if part.isdigit() else part for part in re.split(r'(\d+)', text)]


def short_names(paths: Sequence[str]) -> list[str]:
    """File names without suffix, with their folders where those differ."""
    stems = [Path(path).stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(Path(path).with_suffix('')) for path in paths]


def range_table(numbers: Mapping[str, Mapping[str, float]]) -> str:
    """One line per checkpoint, and which is best in the first number.

    Args:
        numbers: numbers of the metrics by checkpoint, in order.
    """
    paths = list(numbers)
    keys = list(dict.fromkeys(key for row in numbers.values() for key in row))
    names = short_names(paths)
    rows: list[list[str | float | int]] = [
        [name, *(float(numbers[path].get(key, -1)) for key in keys)] for name, path in zip(names, paths)
    ]
    best = max(paths, key=lambda path: numbers[path].get(keys[0], float('-inf'))) if keys else paths[0]
    return f'{text_table(["checkpoint", *keys], rows)}\n\nbest {keys[0] if keys else ""}: {best}'
