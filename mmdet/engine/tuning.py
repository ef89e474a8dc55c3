"""Searching the settings of a tracker on a test set: many runs, several processes, one line per run in a file.

A line of the file is one finished run, appended whole. Starting the search again runs only what is missing; a line that
was cut off by a crash counts as missing.
"""

from __future__ import annotations

import itertools
import json
import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmdet.errors import ConfigError, DataError
from mmdet.evaluation.tables import text_table

__all__ = ['Axis', 'Trial', 'best_trial', 'grid', 'parse_axis', 'random_points', 'read_trials', 'search', 'trial_table']

log = logging.getLogger('mmdet.tune')

Point = dict[str, float]


@dataclass(frozen=True)
class Axis:
    """One setting and its values.

    Attributes:
        key: place in the config, such as ``model.penalty_k``.
        values: to try, rising.
    """

    key: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Trial:
    """One finished run: the settings and the numbers of the metrics."""

    point: Point
    numbers: dict[str, float]


def parse_axis(text: str) -> Axis:
    """An axis out of ``key=start,stop,step`` (stop left out) or ``key=[a,b,c]``.

    ``0.08,0.13,0.01`` is 0.08 to 0.12: five values, whatever rounding does to the end.

    Raises:
        ConfigError: not of this form, or without a value.
    """
    key, equals, content = text.partition('=')
    try:
        numbers = [_number(part) for part in content.strip('[]').split(',')]
    except ValueError:
        numbers = []
    listed = content.startswith('[') and content.endswith(']')
    if not key or not equals or not numbers or (not listed and len(numbers) != 3):
        raise ConfigError(f'{text!r}: a setting is key=start,stop,step or key=[a,b,c]')
    if listed:
        return Axis(key, tuple(numbers))
    start, stop, step = numbers
    if step <= 0 or stop <= start:
        raise ConfigError(f'{text!r}: needs start < stop and a step above 0')
    count = int(np.ceil((stop - start) / step - 1e-6))
    return Axis(key, tuple(round(start + i * step, 10) for i in range(count)))


def _number(text: str) -> float:
    """A number that stays whole if it is written so, as a config wants it for sizes and counts."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def grid(axes: Sequence[Axis]) -> list[Point]:
    """Every combination of the values."""
    return [dict(zip([a.key for a in axes], values)) for values in itertools.product(*(a.values for a in axes))]


def random_points(axes: Sequence[Axis], count: int, seed: int) -> list[Point]:
    """At most ``count`` different combinations, drawn without replacement; the same for the same seed."""
    points = grid(axes)
    order = np.random.default_rng(seed).permutation(len(points))[:count]
    return [points[i] for i in order]


def read_trials(path: str | Path) -> list[Trial]:
    """Finished runs of a file; none where there is no file. Lines that were cut off are left out with a message."""
    path = Path(path)
    if not path.exists():
        return []
    trials = []
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        try:
            content = json.loads(line)
            trials.append(Trial(dict(content['point']), dict(content['numbers'])))
        except (ValueError, KeyError, TypeError):
            log.warning('%s, line %d is not a finished run and will be run again', path, number)
    return trials


def search(
    run: Callable[[Point], Mapping[str, float]], points: Sequence[Point], path: str | Path, workers: int = 1
) -> list[Trial]:
    """Run all points that the file does not have yet, and return all of ``points`` that are finished.

    Args:
        run: numbers of one point; has to be importable by other processes if there are several workers.
        points: settings to try.
        path: file of finished runs (JSON lines).
        workers: processes.

    Raises:
        DataError: the file cannot be written.
    """
    done = {_identity(trial.point) for trial in read_trials(path)}
    waiting = [point for point in points if _identity(point) not in done]
    log.info('%d of %d runs are finished in %s', len(points) - len(waiting), len(points), path)
    for trial in _finished(run, waiting, workers):
        _append(Path(path), trial)
        log.info('%s: %s', _text(trial.point), _text(trial.numbers))
    wanted = {_identity(point) for point in points}
    return [trial for trial in read_trials(path) if _identity(trial.point) in wanted]


def best_trial(trials: Sequence[Trial], key: str | None = None, lowest: bool = False) -> Trial:
    """The trial with the highest (or lowest) number ``key``, by default the first number; of equals the first run.

    Raises:
        ConfigError: there are no trials, or they do not have the number.
    """
    if not trials:
        raise ConfigError('no run is finished, so there is no best one')
    key = key or next(iter(trials[0].numbers))
    if any(key not in trial.numbers for trial in trials):
        raise ConfigError(f'runs have no number {key!r}; they have {", ".join(trials[0].numbers)}')
    return (min if lowest else max)(trials, key=lambda trial: trial.numbers[key])


def trial_table(trials: Sequence[Trial], key: str, lowest: bool = False, count: int = 20) -> str:
    """The best runs, best first."""
    ordered = sorted(trials, key=lambda trial: trial.numbers[key], reverse=not lowest)[:count]
    names = [name.rsplit('.', 1)[-1] for name in ordered[0].point]
    rows: list[list[str | float | int]] = [
        [str(place), *(f'{value:g}' for value in trial.point.values()), *map(float, trial.numbers.values())]
        for place, trial in enumerate(ordered, 1)
    ]
    return text_table(['', *names, *ordered[0].numbers], rows)


def _finished(run: Callable[[Point], Mapping[str, float]], points: Sequence[Point], workers: int) -> Iterator[Trial]:
    if workers <= 1 or len(points) < 2:
        for point in points:
            yield Trial(point, {key: float(value) for key, value in run(point).items()})
        return
    context = multiprocessing.get_context('spawn')  # forking a process that runs threads can lock up
    with ProcessPoolExecutor(min(workers, len(points)), context) as pool:
        futures = {pool.submit(run, point): point for point in points}
        try:
            for future in as_completed(futures):
                yield Trial(futures[future], {key: float(value) for key, value in future.result().items()})
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _append(path: Path, trial: Trial) -> None:
    """Add one line by a single write, so that several searches can share a file; an unfinished line is closed first."""
    line = json.dumps({'point': trial.point, 'numbers': trial.numbers}) + '\n'
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torn = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b'\n')
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, (('\n' if torn else '') + line).encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DataError(f'{path}: cannot write the finished run: {error.strerror}') from error


def _identity(point: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted((key, round(float(value), 9)) for key, value in point.items()))


def _text(values: Mapping[str, float]) -> str:
    return '  '.join(f'{key.rsplit(".", 1)[-1]} {value:.4g}' for key, value in values.items())
