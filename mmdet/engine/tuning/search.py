"""Runs the trials of a search that are not finished yet, in one process or several."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol

from mmdet.engine.tuning.journal import Journal, Trial, key_of
from mmdet.engine.tuning.objectives import Objective
from mmdet.engine.tuning.report import ranked
from mmdet.errors import ConfigError
from mmdet.progress import progress_bar

__all__ = ['Runner', 'Task', 'run_trials']


class Runner(Protocol):
    """Runs trials; may keep what all of them need."""

    def run(self, params: Mapping[str, Any]) -> Trial:
        """Outcome of one set of parameters."""


class Task(Protocol):
    """What is searched for; every process gets it (so it can be sent) and makes a runner out of it."""

    def runner(self, worker: int = 0) -> Runner:
        """A runner of this process, the ``worker``-th of those that share the work."""


_runner: Runner | None = None  # of a worker process


def run_trials(
    task: Task,
    runner: Runner,
    points: Sequence[Mapping[str, Any]],
    journal: Journal,
    objective: Objective,
    workers: int = 1,
) -> list[Trial]:
    """Outcomes of all ``points``, in their order; those in the journal are not run again.

    Args:
        task: what is searched for, for other processes.
        runner: of this process.
        points: parameters; repeated ones run once.
        journal: gets every finished trial.
        objective: tells the best so far.
        workers: processes.

    Raises:
        MMDetError: as the runner; finished trials are kept.
    """
    if workers < 1:
        raise ConfigError(f'--workers must be at least 1, got {workers}')
    waiting = {key_of(point): dict(point) for point in points if key_of(point) not in journal.trials}
    outcomes = _in_turn(runner, waiting) if min(workers, len(waiting)) < 2 else _in_parallel(task, waiting, workers)
    done = len({key_of(point) for point in points}) - len(waiting)
    with progress_bar(done + len(waiting), 'trial', 'tuning', done) as bar:
        for trial in outcomes:
            journal.add(trial)
            bar.set_postfix_str(_best(journal, objective), refresh=False)
            bar.update()
    return [journal.trials[key_of(point)] for point in points]


def _best(journal: Journal, objective: Objective) -> str:
    order = ranked(list(journal.trials.values()), objective)
    key = objective.name(order[0].numbers) if order else ''
    return f'best {key} {order[0].numbers[key]:.4f}' if order else ''


def _in_turn(runner: Runner, waiting: Mapping[str, Mapping[str, Any]]) -> Iterator[Trial]:
    return (runner.run(params) for params in waiting.values())


def _in_parallel(task: Task, waiting: Mapping[str, Mapping[str, Any]], workers: int) -> Iterator[Trial]:
    # started afresh, not forked: a child of a process that has run torch's thread pool may hang
    context = multiprocessing.get_context('spawn')
    started = context.Value('i', 0)
    with ProcessPoolExecutor(min(workers, len(waiting)), context, _start_worker, (task, started)) as pool:
        futures = [pool.submit(_run, dict(params)) for params in waiting.values()]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise ConfigError(
                'a worker process ended unexpectedly (out of memory?); finished trials are kept: run the same command '
                'again, with fewer --workers'
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _start_worker(task: Task, started: Any) -> None:
    """Make this process's runner; ``started`` counts the workers, so that each has a number of its own."""
    import torch

    global _runner
    with started.get_lock():
        worker = started.value
        started.value += 1
    os.environ['OMP_NUM_THREADS'] = '1'
    torch.set_num_threads(1)  # the processes share the cores already
    _runner = task.runner(worker)


def _run(params: dict[str, Any]) -> Trial:
    if _runner is None:
        raise RuntimeError('the worker was not started')
    return _runner.run(params)
