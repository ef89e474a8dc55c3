"""What a signal does: once, twice, with and without a launcher. Real signals, to light processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from mmdet.engine.stop_signal import PARENT_VARIABLE, DeafWorker, StopSignal

PROGRAM = """
import sys, time
from mmdet.engine.stop_signal import StopSignal
with StopSignal() as stop:
    print('ready', flush=True)
    while not stop.requested:
        time.sleep(0.005)
    print('saving', flush=True)
    time.sleep(float(sys.argv[1]))
    print('saved', flush=True)
sys.exit(75)
"""


def start(seconds: float, **environment):
    child = subprocess.Popen(
        [sys.executable, '-c', PROGRAM, str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert child.stdout.readline() == 'ready\n'
    return child


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1])
def test_one_signal_lets_it_save(number):
    child = start(0.1)
    child.send_signal(number)
    assert child.communicate(timeout=20)[0] == 'saving\nsaved\n'
    assert child.returncode == 75


def test_two_signals_end_it_at_once():
    child = start(60)
    child.send_signal(signal.SIGUSR1)
    assert child.stdout.readline() == 'saving\n'
    child.send_signal(signal.SIGTERM)
    assert child.communicate(timeout=20)[0] == ''
    assert child.returncode == 128 + signal.SIGTERM


def test_under_a_launcher_the_same_request_may_come_twice():
    child = start(0.2, **{PARENT_VARIABLE: str(os.getpid())})
    child.send_signal(signal.SIGTERM)
    assert child.stdout.readline() == 'saving\n'
    child.send_signal(signal.SIGTERM)
    assert child.communicate(timeout=20)[0] == 'saved\n'
    assert child.returncode == 75


def test_a_launcher_that_is_gone_is_a_request():
    child = start(0.0, **{PARENT_VARIABLE: '1' if os.getpid() != 1 else '2'})
    assert child.communicate(timeout=20)[0].endswith('saved\n')
    assert child.returncode == 75


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with StopSignal():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_deaf_worker_calls_what_it_replaces():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)}
    seen = []
    try:
        DeafWorker(seen.append)(4)
        assert seen == [4]
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
