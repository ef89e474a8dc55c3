"""Search tracker parameters on stored detections: no network runs, every trial takes seconds."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from mmdet.engine.cli import CommandParser, run
from mmdet.engine.config import add_config_options, load_config, parse_overrides
from mmdet.engine.tuning import (
    OBJECTIVES,
    Journal,
    TrialRunner,
    TuningTask,
    add_search_options,
    parse_space,
    points_of,
    report,
    run_trials,
    settle_search_options,
    usual_objective,
)

EPILOG = """\
examples:
  python tools/test_video.py CONFIG CHECKPOINT --dump-detections dets          once
  python tools/tune_tracker.py CONFIG --detections dets --workers 4            the tracker's default grid
  python tools/tune_tracker.py CONFIG --detections dets --search random --trials 40
  python tools/tune_tracker.py CONFIG --detections dets --metric hota --param model.tracker.max_age=5,10,30

Both commands must name the same videos, with ground truth; docs/cached_detections.md has the overrides for YouTube-VIS.
The same command again goes on where it was stopped. --out gets trials.jsonl, trials.md and best.py.
"""


def parse(argv: Sequence[str] | None) -> Namespace:
    """The command line."""
    parser = CommandParser(__doc__ or '', epilog=EPILOG)
    parser.add_argument('config', help='config with model.tracker, and a test set with ground truth')
    parser.add_argument('--detections', required=True, metavar='F', help='file or folder, as PrecomputedDetector reads')
    parser.add_argument('--metric', choices=list(OBJECTIVES), help="what is looked for (default: as test_evaluator's)")
    add_search_options(parser, 'model.tracker.NAME', "the tracker's default space")
    add_config_options(parser)
    args = parser.parse_args(argv)
    settle_search_options(parser, args)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Search, then write what was found."""
    args = parse(argv)
    overrides = parse_overrides(args.cfg_options)
    metric = args.metric or usual_objective(load_config(args.config, overrides))
    task = TuningTask(args.config, args.detections, metric, overrides)
    runner = TrialRunner(task)
    space = parse_space(args.param, runner.tracker)
    journal = Journal(args.out / 'trials.jsonl', runner.fingerprint)
    trials = run_trials(task, runner, points_of(space, args), journal, runner.objective, args.workers)
    report(args.out, trials, runner.objective, task.load(), 'model.tracker.')
    return 0


if __name__ == '__main__':
    run(main)
