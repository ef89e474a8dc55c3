"""The launcher: environment, exit codes and signals of its processes, which here are tiny programs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest

from mmdet.engine.launch import launch, must_launch
from mmdet.errors import ConfigError

TELL = """
import os, pathlib, sys
names = ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MMDET_LAUNCHER_PID')
pathlib.Path(sys.argv[1], os.environ['RANK']).write_text(' '.join(os.environ[name] for name in names))
"""
CODES = """
import os, sys, time
code = int(sys.argv[1 + int(os.environ['RANK'])])
time.sleep(60 if code < 0 else 0)
sys.exit(code)
"""
WAIT = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(75))
pathlib.Path(sys.argv[1], os.environ['RANK']).touch()
time.sleep(60)
"""


def test_each_process_knows_who_it_is(tmp_path):
    assert launch(3, ['-c', TELL, str(tmp_path)]) == 0
    told = [(tmp_path / str(rank)).read_text() for rank in range(3)]
    assert told == [f'{rank} {rank} 3 {os.getpid()}' for rank in range(3)]


@pytest.mark.parametrize(
    ('case', 'codes', 'result'),
    [
        ('all done', [0, 0], 0),
        ('all stopped', [75, 75], 75),
        ('one failed', [0, 3], 3),
        ('one failed, the other waits for it', [4, -1], 4),
        ('one stopped, one failed', [75, 1], 1),
    ],
)
def test_exit_codes(case, codes, result, monkeypatch):
    monkeypatch.setattr('mmdet.engine.launch.GRACE', 0.2)
    assert launch(2, ['-c', CODES, *map(str, codes)]) == result, case


def _launch(folder):
    os._exit(launch(2, ['-c', WAIT, folder]))


def test_signals_are_passed_on(tmp_path):
    parent = multiprocessing.get_context('fork').Process(target=_launch, args=(str(tmp_path),))
    parent.start()
    deadline = time.monotonic() + 30
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(parent.pid, signal.SIGTERM)
    parent.join(30)
    assert parent.exitcode == 75


def test_when_to_launch(monkeypatch):
    monkeypatch.delenv('RANK', raising=False)
    assert must_launch(2)
    assert not must_launch(1)
    with pytest.raises(ConfigError, match='at least 1'):
        must_launch(0)
    monkeypatch.setenv('RANK', '0')
    assert not must_launch(2)
