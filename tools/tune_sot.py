"""Search settings of a whole model on the test set of a config: a test run per trial; goes on where it stopped."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from mmdet.engine.cli import CommandParser, run
from mmdet.engine.config import add_config_options, parse_overrides
from mmdet.engine.tuning import (
    Journal,
    ModelTask,
    Objective,
    add_search_options,
    parse_settings,
    points_of,
    report,
    run_trials,
    settle_search_options,
)

EPILOG = """\
examples:
  python tools/tune_sot.py CONFIG CHECKPOINT --workers 4        the grid of SiamMask: 5 x 6 x 5 x 3 runs
  python tools/tune_sot.py CONFIG CHECKPOINT --search random --trials 40 \\
      --param model.test_cfg.penalty_k=0:0.25:0.02 --param model.test_cfg.lr=0.3,1.0

The same command again goes on where it was stopped. --out gets trials.jsonl, trials.md and best.py.
"""
BOXES = (
    'model.test_cfg.penalty_k=0.08:0.13:0.01',
    'model.test_cfg.window_influence=0.38:0.44:0.01',
    'model.test_cfg.lr=0.30:0.35:0.01',
)
THRESHOLDS = {  # by the part that makes the masks
    'mask_head': 'model.test_cfg.mask_threshold=0.15,0.25,0.35',
    'stage2_head': 'model.stage2_head.vote_threshold=0.1,0.2,0.3',
}


def usual_settings(model: Mapping[str, Any]) -> list[str]:
    """What is tried without ``--param``: how boxes follow, and the threshold of the masks, where the model has some."""
    return [*BOXES, *(values for part, values in THRESHOLDS.items() if model.get(part))]


def parse(argv: Sequence[str] | None) -> Namespace:
    """The command line."""
    parser = CommandParser(__doc__ or '', epilog=EPILOG)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='weights (.pth or .safetensors)')
    parser.add_argument('--metric', metavar='NAME', default='', help='number to compare (the first of the evaluator)')
    parser.add_argument('--lowest', action='store_true', help='the lowest number is the best')
    usual = ', '.join([*BOXES, 'and a threshold of the masks'])
    add_search_options(parser, 'model.test_cfg.NAME', usual)
    parser.add_argument('--trust-checkpoint', action='store_true', help='only for files whose maker you trust')
    add_config_options(parser)
    args = parser.parse_args(argv)
    settle_search_options(parser, args)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing, then write what was found."""
    logging.basicConfig(level=logging.WARNING, format='%(message)s')
    args = parse(argv)
    overrides = parse_overrides(args.cfg_options)
    task = ModelTask(args.config, args.checkpoint, str(args.out / 'runs'), overrides, args.trust_checkpoint)
    objective = Objective(args.metric, None, lowest=args.lowest)
    journal = Journal(args.out / 'trials.jsonl', task.fingerprint)
    points = points_of(parse_settings(args.param or usual_settings(task.load().model)), args)
    task.check(points)
    trials = run_trials(task, task.runner(), points, journal, objective, args.workers)
    report(args.out, trials, objective, task.load())
    return 0


if __name__ == '__main__':
    run(main)
