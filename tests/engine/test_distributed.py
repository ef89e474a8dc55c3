"""Several real processes over gloo: same losses as one, one stop for all, and an end to everything when one fails."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from mmdet.checkpoints import load_file
from mmdet.engine.distributed import Process, join_processes
from mmdet.errors import ConfigError


def losses(folder):
    lines = [json.loads(line) for line in (folder / 'scalars.jsonl').read_text().splitlines()]
    return [line['loss'] for line in lines]


def wait(ranks):
    for rank in ranks:
        rank.join(60)
    return [rank.exitcode for rank in ranks]


def test_two_processes_are_one_stopped_and_resumed(toy, start_ranks, process, tmp_path):
    """10 steps: half the batch on each of two processes, stopped by a signal to one of them, and the same on one."""
    ranks, output = start_ranks(2, tmp_path / 'two', '--sleep', '0.1')
    log = tmp_path / 'two/scalars.jsonl'
    deadline = time.monotonic() + 60
    while not (log.exists() and len(log.read_text().splitlines()) >= 3) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(ranks[1].pid, signal.SIGTERM)
    assert wait(ranks) == [75, 75], output.read_text()
    assert 'stopping on request' in output.read_text()
    done = load_file(next((tmp_path / 'two').glob('iter_*.pth')))
    assert 3 <= done['message']['iter'] < 10
    assert len(done['random_state']) == 2
    ranks, output = start_ranks(2, tmp_path / 'two', '--resume')
    assert wait(ranks) == [0, 0], output.read_text()
    toy.make_trainer(toy.toy_config(tmp_path / 'one'), process, toy.train_loader(process, 4), noise=False).train()
    assert losses(tmp_path / 'two') == pytest.approx(losses(tmp_path / 'one'), rel=1e-5)


def test_a_bad_loss_on_one_rank_ends_all(start_ranks, tmp_path):
    ranks, output = start_ranks(2, tmp_path, '--bad-rank', '1')
    assert wait(ranks) == [1, 1]
    assert 'NonFiniteLossError: iteration 2: loss_a = nan' in output.read_text()
    assert 'the loss of another process is not finite' in output.read_text()
    assert (tmp_path / 'non_finite_loss_iter_2_rank_1.json').exists()


def test_a_death_of_one_rank_is_told_by_the_other(start_ranks, tmp_path):
    ranks, output = start_ranks(2, tmp_path, '--die-rank', '1')
    assert wait(ranks) == [1, 9]
    assert 'rank 0 of 2, iteration 2: another process did not answer' in output.read_text()


def test_one_process_agrees_with_itself():
    process = Process()
    assert process.maximum([1, -2], 'test') == [1, -2]
    assert process.mean([0.5], 'test') == [0.5]
    assert process.gather({'a': 1}, 'test') == [{'a': 1}]
    assert process.on_first(lambda: 3, 'test') == 3
    process.barrier('test')


@pytest.mark.parametrize(
    ('environment', 'message'),
    [({}, 'SLURM_PROCID'), ({'SLURM_PROCID': '0', 'SLURM_NTASKS': '2', 'SLURM_LOCALID': '0'}, 'MASTER_ADDR')],
)
def test_slurm_without_its_variables(monkeypatch, environment, message):
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'):
        monkeypatch.setenv(name, '')  # restored afterwards, whatever the code under test writes
    for name in ('MASTER_ADDR', 'MASTER_PORT', 'SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=message):
        join_processes('slurm')
