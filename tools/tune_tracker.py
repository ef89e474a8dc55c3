"""Search tracker parameters on stored detections: no network runs, every trial takes seconds."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmdet.engine.cli import CommandParser, run
from mmdet.engine.config import add_config_options, parse_overrides
from mmdet.engine.tuning import (
    OBJECTIVES,
    Journal,
    Trial,
    TrialRunner,
    TuningTask,
    best_trial,
    grid_points,
    parse_space,
    random_points,
    run_trials,
    trial_table,
)
from mmdet.errors import DataError
from mmdet.files import write_text

EPILOG = """\
examples:
  python tools/test_video.py CONFIG CHECKPOINT --dump-detections dets          once
  python tools/tune_tracker.py CONFIG --detections dets --workers 4            the tracker's default grid
  python tools/tune_tracker.py CONFIG --detections dets --search random --trials 40
  python tools/tune_tracker.py CONFIG --detections dets --param model.tracker.max_age=5,10,30

The same command again goes on where it was stopped. --out gets trials.jsonl, trials.md and best.py.
"""


def parse(argv: Sequence[str] | None) -> Namespace:
    """The command line."""
    parser = CommandParser(__doc__ or '', epilog=EPILOG)
    parser.add_argument('config', help='config with model.tracker, and a test set with ground truth')
    parser.add_argument('--detections', required=True, metavar='F', help='file or folder, as PrecomputedDetector reads')
    parser.add_argument('--metric', choices=list(OBJECTIVES), default='ap', help='what is maximised (default: ap)')
    parser.add_argument('--search', choices=['grid', 'random'], default='grid', help='all combinations, or some')
    parser.add_argument('--trials', type=int, default=50, metavar='N', help='combinations of a random search (50)')
    parser.add_argument('--seed', type=int, default=0, help='of a random search (0)')
    parser.add_argument('--workers', type=int, default=1, metavar='N', help='processes (1)')
    parser.add_argument('--out', metavar='DIR', help='default: work_dirs/tune_<config>')
    parser.add_argument(
        '--param',
        action='append',
        default=[],
        metavar='model.tracker.NAME=A,B,C',
        help="values to try, once per argument; without any, the tracker's default space",
    )
    add_config_options(parser)
    args = parser.parse_args(argv)
    if args.trials < 1:
        parser.error('--trials must be at least 1')
    args.out = Path(args.out or Path('work_dirs') / f'tune_{Path(args.config).stem}')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Search, then write what was found."""
    args = parse(argv)
    task = TuningTask(args.config, args.detections, args.metric, parse_overrides(args.cfg_options))
    runner = TrialRunner(task)
    space = parse_space(args.param, runner.tracker)
    points = list(grid_points(space)) if args.search == 'grid' else random_points(space, args.trials, args.seed)
    journal = Journal(args.out / 'trials.jsonl', runner.fingerprint)
    trials = run_trials(task, runner, [{}, *points], journal, args.workers)  # the config as it is comes first
    best = best_trial(trials, runner.objective)
    write_report(args.out, trial_table(trials, runner.objective), task, best)
    key = runner.objective.key
    print(f'{len(trials)} trials: {key} {trials[0].numbers[key]:.4f} as in the config' if trials[0].numbers else '')
    print(f'best {key} {best.numbers[key]:.4f} with {best.params or "the values of the config"}')
    print(f'table: {args.out / "trials.md"}   config: {args.out / "best.py"}')
    return 0


def write_report(folder: Path, table: str, task: TuningTask, best: Trial) -> None:
    """Write the table, and the config with the best tracker in place of its own."""
    config: Any = task.load()
    config.model.tracker.update(best.params)
    try:
        write_text(folder / 'trials.md', table)
        write_text(folder / 'best.py', config.pretty_text)
    except OSError as error:
        raise DataError(f'--out {folder}: cannot write: {error.strerror}') from error


if __name__ == '__main__':
    run(main)
