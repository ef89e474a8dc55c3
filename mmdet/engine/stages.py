"""Commands that are run one after the other, each once: after an interruption the same call goes on where it was."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmdet.errors import ConfigError, MMDetError
from mmdet.files import write_json

__all__ = ['Journal', 'Line', 'absolute_path', 'add_stage_options', 'run_stages', 'train_line']

Line = list[str]


class Journal:
    """Which stages have ended well, and how long they took; a file per stage.

    Args:
        folder: of the files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def seconds(self, name: str, line: Line) -> float | None:
        """Time of a finished stage; None where it is still to be run.

        Raises:
            ConfigError: it was run with other options.
        """
        file = self._file(name)
        if not file.is_file():
            return None
        done = json.loads(file.read_text())
        if done['command'] != line:
            raise ConfigError(
                f'{file}: this stage was run with other options ({shlex.join(done["command"])}): give another '
                '--work-dir, or delete the file and what the stage and the later ones made'
            )
        return float(done['seconds'])

    def add(self, name: str, line: Line, seconds: float) -> None:
        """Note that a stage has ended well, with the time of parts that were interrupted."""
        total = self._parts(name, line) + seconds
        write_json(self._file(name), {'command': line, 'seconds': round(total, 1)}, indent=2)
        self._file(f'{name}.part').unlink(missing_ok=True)

    def add_part(self, name: str, line: Line, seconds: float) -> None:
        """Note that a stage ran for a time and did not end well; the next run goes on from there."""
        total = self._parts(name, line) + seconds
        write_json(self._file(f'{name}.part'), {'command': line, 'seconds': round(total, 1)}, indent=2)

    def _parts(self, name: str, line: Line) -> float:
        file = self._file(f'{name}.part')
        part = json.loads(file.read_text()) if file.is_file() else {}
        return float(part['seconds']) if part.get('command') == line else 0.0

    def _file(self, name: str) -> Path:
        return self.folder / f'{name.replace(", ", "_")}.json'


def run_stages(lines: Mapping[str, Line], journal: Journal, root: Path) -> dict[str, float]:
    """Run the stages that are not finished; a training goes on from its last checkpoint.

    Args:
        lines: arguments of ``python`` by stage, in order.
        journal: of the stages.
        root: folder to run them in, that of ``tools``.

    Returns:
        Seconds of all stages.

    Raises:
        MMDetError: a stage failed.
        ConfigError: a finished stage was run with other options.
    """
    for name, line in lines.items():
        if journal.seconds(name, line) is not None:
            print(f'[{name}] done', flush=True)
            continue
        print(f'\n[{name}] python {shlex.join(line)}', flush=True)
        started = time.monotonic()
        again = ['--resume'] if line[0] == 'tools/train.py' else []  # starts from the beginning where there is nothing
        command, code = [sys.executable, line[0], line[1], *again, *line[2:]], None
        try:
            code = subprocess.run(command, cwd=root, check=False).returncode
        finally:  # Ctrl-C comes through here, too
            if code != 0 and again:  # other stages begin anew
                journal.add_part(name, line, time.monotonic() - started)
        if code:
            raise MMDetError(f'the stage {name} ended with code {code}; its messages are above')
        journal.add(name, line, time.monotonic() - started)
    return {name: journal.seconds(name, line) or 0.0 for name, line in lines.items()}


def train_line(config: str, work_dir: Path, seed: int, processes: int, options: Sequence[str]) -> Line:
    """A training as a stage; ``options`` are for ``--cfg-options``."""
    line = ['tools/train.py', config, '--work-dir', str(work_dir), '--seed', str(seed), '--gpus', str(processes)]
    return [*line, '--cfg-options', *options]


def absolute_path(text: str) -> Path:
    """A folder named on the command line; stages run in another one."""
    return Path(text).resolve()


def add_stage_options(parser: argparse.ArgumentParser, train_videos: int) -> None:
    """What all runs of stages on procedural videos let a user choose; ``train_videos`` is a default."""
    parser.add_argument('--seed', type=int, default=0, help='of data and training')
    parser.add_argument('--train-videos', type=int, default=train_videos)
    parser.add_argument('--valid-videos', type=int, default=40)
    parser.add_argument('--processes', type=int, default=min(2, os.cpu_count() or 1), help='of every training')
    parser.add_argument('--train', nargs='*', default=[], metavar='OVERRIDE', help='--cfg-options for all trainings')
