"""Search the settings of a tracker on the test set of a config, as a grid or at random; goes on where it stopped."""

from __future__ import annotations

import logging
import os
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from mmdet.engine.build import build_tester, default_work_dir
from mmdet.engine.cli import CommandParser, run
from mmdet.engine.config import add_config_options, load_config, parse_overrides
from mmdet.engine.distributed import Process
from mmdet.engine.tuning import Axis, best_trial, grid, parse_axis, random_points, search, trial_table
from mmdet.files import write_json

EPILOG = """\
examples:
  python tools/tune_sot.py CONFIG CHECKPOINT --workers 4        the grid of SiamMask: 5 x 6 x 5 runs
  python tools/tune_sot.py CONFIG CHECKPOINT --random 40 --set model.penalty_k=0,0.25,0.02 --set model.lr=[0.3,1.0]

A setting is key=start,stop,step (without stop) or key=[a,b,c]; key is its place in the config. Finished runs are lines
of WORK_DIR/tune.jsonl; the best settings end in WORK_DIR/best.json.
"""
DEFAULT = ('penalty_k=0.08,0.13,0.01', 'window_influence=0.38,0.44,0.01', 'lr=0.30,0.35,0.01')

log = logging.getLogger('mmdet.tune')


def parse(argv: Sequence[str] | None) -> Namespace:
    """The command line."""
    parser = CommandParser(__doc__ or '', epilog=EPILOG)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='weights (.pth or .safetensors)')
    parser.add_argument('--set', metavar='SETTING', action='append', default=[], help='a setting and its values')
    parser.add_argument('--prefix', default='model.', help='place of the default settings (default: %(default)s)')
    parser.add_argument('--random', type=int, metavar='N', help='only N of the combinations, drawn at random')
    parser.add_argument('--seed', type=int, default=0, help='of --random')
    parser.add_argument('--metric', metavar='NAME', help='number to compare (default: the first of the evaluator)')
    parser.add_argument('--lowest', action='store_true', help='the lowest number is the best')
    parser.add_argument('--workers', type=int, default=1, metavar='N', help='runs at the same time')
    parser.add_argument('--work-dir', help='folder of the search (default: work_dirs/<config>_tune)')
    parser.add_argument('--trust-checkpoint', action='store_true', help='only for files whose maker you trust')
    add_config_options(parser)
    args = parser.parse_args(argv)
    args.axes = [parse_axis(text) for text in args.set or [args.prefix + text for text in DEFAULT]]
    return args


def evaluate_point(point: dict[str, float], args: Namespace, work_dir: str) -> dict[str, float]:
    """Numbers of the test set with the settings of one point."""
    config = load_config(args.config, {**parse_overrides(args.cfg_options), **point})
    config.work_dir = work_dir
    tester = build_tester(config, Process(device=own_device()), args.checkpoint, trust=args.trust_checkpoint)
    tester.infer()
    numbers = tester.evaluate()
    tester.remove_results()
    return numbers


def own_device() -> torch.device:
    """The GPU of this process; workers are started one after the other, so their numbers spread them evenly."""
    if not torch.cuda.is_available():
        return torch.device('cpu')
    return torch.device('cuda', os.getpid() % torch.cuda.device_count())


def points_of(axes: Sequence[Axis], args: Namespace) -> list[dict[str, float]]:
    """The settings to try."""
    return random_points(axes, args.random, args.seed) if args.random else grid(axes)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing and say which settings are best."""
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    args = parse(argv)
    config = load_config(args.config, parse_overrides(args.cfg_options))
    work_dir = Path(args.work_dir or default_work_dir(config) + '_tune')
    run_point = partial(evaluate_point, args=args, work_dir=str(work_dir))
    trials = search(run_point, points_of(args.axes, args), work_dir / 'tune.jsonl', args.workers)
    best = best_trial(trials, args.metric, args.lowest)
    print(trial_table(trials, args.metric or next(iter(best.numbers)), args.lowest))
    write_json(work_dir / 'best.json', {'settings': best.point, 'numbers': best.numbers}, indent=1)
    options = ' '.join(f'{key}={value:g}' for key, value in best.point.items())
    print(f'\nbest of {len(trials)}: --cfg-options {options}\nwritten to {work_dir / "best.json"}')
    return 0


if __name__ == '__main__':
    run(main)
