"""Carries an error from a loader's worker process to the main one with its type and message untouched."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from mmdet.errors import MMDetError

__all__ = ['WorkerFailure', 'WorkerTraceback']


class WorkerTraceback(Exception):
    """Where in the worker process an error arose; the cause of the error that is raised in the main process."""

    def __str__(self) -> str:
        return f'in a data loader worker:\n{self.args[0]}'


@dataclass(frozen=True)
class WorkerFailure:
    """An error as a value: :func:`of` makes it in the worker, :func:`reraise` ends it in the main process."""

    error: MMDetError
    trace: str

    @staticmethod
    def of(error: MMDetError) -> WorkerFailure:
        """Wrap an error that was just caught."""
        trace = traceback.format_exc()
        return WorkerFailure(error.with_traceback(None), trace)

    def reraise(self) -> None:
        """Raise the error as it was."""
        raise self.error from WorkerTraceback(self.trace)
