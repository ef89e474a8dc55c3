"""Finished trials on disk, one JSON line each, so that a search that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmdet.errors import ConfigError, DataError

__all__ = ['Journal', 'Trial', 'key_of']


@dataclass(frozen=True)
class Trial:
    """Outcome of one set of parameters.

    Attributes:
        params: settings that replace the config's, by name; none for the config as it is.
        numbers: of the metric, empty where the parameters are refused.
        problem: why they are refused, else ''.
        seconds: that the trial took.
    """

    params: dict[str, Any]
    numbers: dict[str, float]
    problem: str = ''
    seconds: float = 0.0


def key_of(params: Mapping[str, Any]) -> str:
    """Text that equal parameters share."""
    return json.dumps(params, sort_keys=True)


class Journal:
    """The file ``trials.jsonl`` of a search; its first line says which search it belongs to.

    Args:
        path: file, made where it is missing.
        search: what all trials have in common, as JSON values.

    Attributes:
        trials: finished ones by :func:`key_of`.

    Raises:
        ConfigError: the file belongs to another search.
        DataError: it cannot be read or written.
    """

    def __init__(self, path: Path, search: Mapping[str, Any]) -> None:
        self.path = path
        self.trials: dict[str, Trial] = {}
        head = json.dumps({'search': search}, sort_keys=True)
        lines, complete = self._lines()
        if lines and lines[0] != head:
            raise ConfigError(
                f'{path} holds trials of another search (other detections, data, tracker or metric): '
                'choose another --out, or delete the file'
            )
        for number, line in enumerate(lines[1:], 2):
            self._take(number, line)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, 'r+b' if path.exists() else 'wb') as file:
                file.truncate(complete)  # a line that was cut off is a trial that did not finish
        except OSError as error:
            raise DataError(f'{path}: cannot write: {error.strerror}') from error
        if not lines:
            self._append(head)

    def add(self, trial: Trial) -> None:
        """Keep a finished trial; it is on disk when this returns.

        Raises:
            DataError: the file cannot be written.
        """
        self.trials[key_of(trial.params)] = trial
        self._append(json.dumps(asdict(trial), sort_keys=True))

    def _lines(self) -> tuple[list[str], int]:
        """Complete lines, and the bytes that they take."""
        try:
            data = self.path.read_bytes() if self.path.exists() else b''
            complete = data.rfind(b'\n') + 1
            return data[:complete].decode().splitlines(), complete
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f'{self.path}: cannot be read: {error}') from error

    def _take(self, number: int, line: str) -> None:
        try:
            trial = Trial(**json.loads(line))
            self.trials[key_of(trial.params)] = trial
        except (ValueError, TypeError) as error:
            raise DataError(f'{self.path}, line {number}: not a trial ({error}); delete this line') from error

    def _append(self, line: str) -> None:
        try:
            with open(self.path, 'ab') as file:
                file.write(line.encode() + b'\n')
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DataError(f'{self.path}: cannot write: {error.strerror}') from error
