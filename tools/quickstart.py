"""From nothing to an evaluated, drawn result in minutes on a CPU, with the same commands that a user types.

The work folder is made anew by every run. Only an empty folder, or one that an earlier quickstart made, is replaced.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mmdet.engine.cli import CommandParser, run
from mmdet.errors import ConfigError, MMDetError
from mmdet.files import write_json

CONFIG = 'configs/masktrack_rcnn_r18_fpn_shapes.py'
ROOT = Path(__file__).resolve().parents[1]
MARKER = 'quickstart.json'  # says that a folder was made here and may be deleted
BATCH_SIZE = 4  # of all processes together, so that their number does not change what is learned


def stages(args: argparse.Namespace) -> dict[str, list[str]]:
    """Command line of every stage, by name, in order."""
    work: Path = args.work_dir
    data, truth = work / 'data', work / 'data/annotations/valid.json'
    override = [f'{loader}.dataset.data_root={data}' for loader in ('train_dataloader', 'test_dataloader')]
    options = ['--cfg-options', *override]
    processes = ['--gpus', args.processes]
    outputs = ['--out', work / 'results.zip', '--out', work / 'results.json', '--show-dir', work / 'show']
    test = [*outputs, '--show-videos', 4, '--eval', 'segm']
    checkpoint = work / 'train/last.safetensors'
    lines = {
        'data': ['tools/make_shapes.py', data, '--train', args.train_videos, '--valid', args.valid_videos,
                 '--objects', 2, 4, '--seed', args.seed, '--workers', 2],
        'train': ['tools/train.py', CONFIG, '--work-dir', work / 'train', '--seed', args.seed, *processes, *options,
                  f'train_dataloader.batch_size={BATCH_SIZE // args.processes}', *args.train],
        'test': ['tools/test_video.py', CONFIG, checkpoint, *test, *processes, *options],
        'check': ['tools/check_submission.py', work / 'results.zip', '--annotations', truth],
        'evaluate': ['tools/evaluate.py', 'ytvis', work / 'results.zip', '--annotations', truth,
                     '--json', work / 'metrics.json'],
    }  # fmt: skip
    return {name: [str(part) for part in line] for name, line in lines.items()}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line arguments."""
    parser = CommandParser(description=__doc__)
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/quickstart'), help='gets everything')
    parser.add_argument('--seed', type=int, default=0, help='of data and training')
    parser.add_argument('--train-videos', type=int, default=300)
    parser.add_argument('--valid-videos', type=int, default=24)
    parser.add_argument('--train', nargs='*', default=[], metavar='OVERRIDE', help='further --cfg-options for training')
    args = parser.parse_args(argv)
    args.work_dir = args.work_dir.resolve()  # the stages run elsewhere
    args.processes = count_processes()
    return args


def count_processes() -> int:
    """Two on a CPU with two cores or more: one thread each uses them better than one process with two. Else one."""
    import torch  # after the options: --help must not wait for it

    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    return 1 if torch.cuda.is_available() or cores < 2 else 2


def claim(folder: Path) -> None:
    """Make ``folder`` empty and mark it as ours; nothing that this program did not make is deleted.

    Raises:
        ConfigError: something else is there, or the folder cannot be made.
    """
    try:
        if folder.is_dir() and any(folder.iterdir()) and not (folder / MARKER).is_file():
            raise ConfigError(
                f'{folder} holds files and was not made by the quickstart (it has no {MARKER}): give another --work-dir'
            )
        if folder.exists():
            shutil.rmtree(folder)
        write_json(folder / MARKER, {'note': 'tools/quickstart.py made this folder; its next run deletes it'})
    except OSError as error:
        raise ConfigError(f'--work-dir {folder} cannot be used: {error.strerror}') from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stages; write summary.json."""
    args = parse(argv)
    claim(args.work_dir)
    seconds: dict[str, float] = {}
    for name, command in stages(args).items():
        print(f'\n[{name}] python {shlex.join(command)}', flush=True)
        started = time.monotonic()
        code = subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode
        seconds[name] = round(time.monotonic() - started, 1)
        if code:
            raise MMDetError(f'the {name} stage ended with code {code}; its messages are above')
    numbers = json.loads((args.work_dir / 'metrics.json').read_text())['summary']
    summary = {'AP': numbers['AP'], 'AP50': numbers['AP50'], 'seed': args.seed, 'seconds': seconds}
    write_json(args.work_dir / 'summary.json', summary, indent=2)
    print(
        f'\nAP {numbers["AP"]:.3f}, AP50 {numbers["AP50"]:.3f} on videos that training never saw, '
        f'{sum(seconds.values()) / 60:.1f} minutes. Results, overlay videos and pictures: {args.work_dir}'
    )
    return 0


if __name__ == '__main__':
    run(main)
