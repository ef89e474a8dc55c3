"""From nothing to an evaluated, drawn result in minutes on a CPU, with the same commands that a user types."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from mmdet.engine.cli import CommandParser, run
from mmdet.errors import MMDetError

CONFIG = 'configs/masktrack_rcnn_r18_fpn_shapes.py'
ROOT = Path(__file__).resolve().parents[1]


def stages(args: argparse.Namespace) -> dict[str, list[str]]:
    """Command line of every stage, by name, in order."""
    work: Path = args.work_dir
    data, truth = work / 'data', work / 'data/annotations/valid.json'
    override = [f'{loader}.dataset.data_root={data}' for loader in ('train_dataloader', 'test_dataloader')]
    options = ['--cfg-options', *override]
    test = ['--out', work / 'results.zip', '--eval', 'segm', '--show-dir', work / 'show', '--show-videos', 4]
    checkpoint = work / 'train/last.safetensors'
    lines = {
        'data': ['tools/make_shapes.py', data, '--train', args.train_videos, '--valid', args.valid_videos,
                 '--objects', 3, 6, '--seed', args.seed, '--workers', 2],
        'train': ['tools/train.py', CONFIG, '--work-dir', work / 'train', '--seed', args.seed, *options, *args.train],
        'test': ['tools/test_video.py', CONFIG, checkpoint, *test, *options],
        'check': ['tools/check_submission.py', work / 'results.zip', '--annotations', truth],
        'evaluate': ['tools/evaluate.py', 'ytvis', work / 'results.zip', '--annotations', truth,
                     '--json', work / 'metrics.json'],
    }  # fmt: skip
    return {name: [str(part) for part in line] for name, line in lines.items()}


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line arguments."""
    parser = CommandParser(description=__doc__)
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/quickstart'), help='everything is written here')
    parser.add_argument('--seed', type=int, default=0, help='of data and training')
    parser.add_argument('--train-videos', type=int, default=300)
    parser.add_argument('--valid-videos', type=int, default=24)
    parser.add_argument('--train', nargs='*', default=[], metavar='OVERRIDE', help='further --cfg-options for training')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the stages; write summary.json."""
    args = parse(argv)
    shutil.rmtree(args.work_dir, ignore_errors=True)
    args.work_dir.mkdir(parents=True)
    seconds: dict[str, float] = {}
    for name, command in stages(args).items():
        print(f'\n[{name}] python {shlex.join(command)}', flush=True)
        started = time.monotonic()
        code = subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode
        seconds[name] = round(time.monotonic() - started, 1)
        if code:
            raise MMDetError(f'the {name} stage ended with code {code}; its messages are above')
    numbers = json.loads((args.work_dir / 'metrics.json').read_text())['numbers']
    summary = {'AP': numbers['AP'], 'AP50': numbers['AP50'], 'seed': args.seed, 'seconds': seconds}
    (args.work_dir / 'summary.json').write_text(json.dumps(summary, indent=2) + '\n')
    print(f'\nAP {numbers["AP"]:.3f}, AP50 {numbers["AP50"]:.3f} on videos that training never saw, '
          f'{sum(seconds.values()) / 60:.1f} minutes. Results, overlay videos and pictures: {args.work_dir}')  # fmt: skip
    return 0


if __name__ == '__main__':
    run(main)
