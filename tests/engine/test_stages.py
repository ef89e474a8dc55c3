"""Stages that are run once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdet.engine.stages import Journal, run_stages, train_line
from mmdet.errors import ConfigError, MMDetError

APPEND = 'import sys; open(sys.argv[1], "a").write(sys.argv[2])'


def test_finished_stages_are_known(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.seconds('masks, valid', ['a', 'b']) is None
    journal.add('masks, valid', ['a', 'b'], 2.25)
    assert journal.seconds('masks, valid', ['a', 'b']) == 2.2
    with pytest.raises(ConfigError, match='with other options'):
        journal.seconds('masks, valid', ['a', 'c'])


def test_every_stage_runs_once_and_in_order(tmp_path: Path) -> None:
    (tmp_path / 'append.py').write_text(APPEND)
    lines = {name: ['append.py', 'out.txt', name] for name in ('one', 'two', 'three')}
    journal = Journal(tmp_path / 'stages')
    journal.add('two', lines['two'], 7)
    for _ in range(2):
        seconds = run_stages(lines, journal, tmp_path)
        assert (tmp_path / 'out.txt').read_text() == 'onethree'
        assert list(seconds) == list(lines) and seconds['two'] == 7


def test_after_a_failure_the_same_call_goes_on(tmp_path: Path) -> None:
    (tmp_path / 'append.py').write_text(APPEND)
    lines = {name: ['append.py', 'out.txt', name] for name in ('one', 'two')}
    lines['two'][1] = 'folder/out.txt'
    journal = Journal(tmp_path / 'stages')
    with pytest.raises(MMDetError, match='two ended with code 1'):
        run_stages(lines, journal, tmp_path)
    (tmp_path / 'folder').mkdir()
    run_stages(lines, journal, tmp_path)
    assert (tmp_path / 'out.txt').read_text() == 'one'
    assert (tmp_path / 'folder/out.txt').read_text() == 'two'


def test_time_before_an_interruption_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add_part('one', ['a'], 3)
    journal.add_part('one', ['a'], 4)
    assert journal.seconds('one', ['a']) is None
    journal.add('one', ['a'], 5)
    assert journal.seconds('one', ['a']) == 12
    journal.add('one', ['a'], 5)  # what was interrupted belongs to the run before
    assert journal.seconds('one', ['a']) == 5
    journal.add_part('two', ['other options'], 3)
    journal.add('two', ['a'], 5)
    assert journal.seconds('two', ['a']) == 5


def test_a_training_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    (tmp_path / 'tools').mkdir()
    (tmp_path / 'tools/train.py').write_text('import sys; open("seen", "w").write(" ".join(sys.argv[1:]))')
    lines = {'train': train_line('c.py', Path('w'), 3, 2, ['a=1'])}
    program = (tmp_path / 'tools/train.py').read_text()
    (tmp_path / 'tools/train.py').write_text('import time; time.sleep(0.5); raise SystemExit(1)')
    with pytest.raises(MMDetError):
        run_stages(lines, Journal(tmp_path / 'stages'), tmp_path)
    (tmp_path / 'tools/train.py').write_text(program)
    assert run_stages(lines, Journal(tmp_path / 'stages'), tmp_path)['train'] >= 0.5
    assert (tmp_path / 'seen').read_text() == 'c.py --resume --work-dir w --seed 3 --gpus 2 --cfg-options a=1'
