"""The numbers of a run as TensorBoard reads them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mmdet.engine.distributed import Process, join_processes
from mmdet.engine.train_log import TrainLog


@pytest.fixture
def process() -> Process:
    return join_processes('none')


def run(process: Process, folder: Path, iterations: range, loss: float, fresh: bool = True) -> None:
    """A run that reports after every iteration and validates after the last."""
    log = TrainLog(process, folder, interval=1)
    if fresh:
        log.put_aside_older()
    for iteration in iterations:
        log.add({'loss': loss}, 0.1, 0.0)
        log.report('', iteration, 0, 1, {'lr': 0.5})
    log.validation({'AP': 0.25}, iterations[-1], 0)
    log.close()


def curve(folder: Path, name: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_curves(process: Process, tmp_path: Path) -> None:
    run(process, tmp_path, range(1, 4), 2.0)
    board = tmp_path / 'tensorboard'
    assert curve(board, 'train/loss') == [(1, 2.0), (2, 2.0), (3, 2.0)]
    assert curve(board, 'train/lr') == [(1, 0.5), (2, 0.5), (3, 0.5)]
    assert curve(board, 'val/AP') == [(3, 0.25)]


def test_a_resumed_run_replaces_what_it_does_again(process: Process, tmp_path: Path) -> None:
    run(process, tmp_path, range(1, 5), 2.0)
    run(process, tmp_path, range(3, 6), 1.0, fresh=False)
    assert curve(tmp_path / 'tensorboard', 'train/loss') == [(1, 2.0), (2, 2.0), (3, 1.0), (4, 1.0), (5, 1.0)]


def test_runs_in_one_folder_are_kept_apart(process: Process, tmp_path: Path) -> None:
    for loss in (1.0, 2.0, 3.0):  # within a second
        run(process, tmp_path, range(1, 2), loss)
    boards = list(tmp_path.glob('tensorboard*'))
    assert len(boards) == len(list(tmp_path.glob('scalars*.jsonl'))) == 3
    assert curve(tmp_path / 'tensorboard', 'train/loss') == [(1, 3.0)]
    assert {curve(board, 'train/loss')[0][1] for board in boards} == {1, 2, 3}


def test_nothing_written_makes_no_folder(process: Process, tmp_path: Path) -> None:
    TrainLog(process, tmp_path).close()
    log = TrainLog(process, tmp_path, tensorboard=False)
    log.validation({'AP': 0.25}, 1, 0)
    assert not (tmp_path / 'tensorboard').exists()


def test_a_folder_that_cannot_be_written_ends_the_curves_not_the_run(
    process: Process, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger('mmdet'), 'propagate', True)  # a run before may have switched it off
    (tmp_path / 'tensorboard').write_text('a file in the way')
    log = TrainLog(process, tmp_path)
    with caplog.at_level('WARNING', 'mmdet'):
        log.validation({'AP': 0.25}, 1, 0)
        log.validation({'AP': 0.5}, 2, 0)
        log.close()
    assert caplog.text.count('no more TensorBoard files') == 1
    assert len((tmp_path / 'scalars.jsonl').read_text().splitlines()) == 2
