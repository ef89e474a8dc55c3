"""What the commands of searches share: options, the points to try, and the files that say what was found."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmdet.engine.config import resolved_text
from mmdet.engine.tuning.journal import Trial
from mmdet.engine.tuning.objectives import Objective
from mmdet.engine.tuning.report import best_trial, trial_table
from mmdet.engine.tuning.space import Space, grid_points, random_points
from mmdet.errors import DataError
from mmdet.files import write_text

__all__ = ['add_search_options', 'points_of', 'report', 'settle_search_options']


def add_search_options(parser: ArgumentParser, key: str, default: str) -> None:
    """Add the options of a search.

    Args:
        parser: gets them.
        key: of a setting, for the help.
        default: what is tried without ``--param``, for the help.
    """
    parser.add_argument('--search', choices=['grid', 'random'], default='grid', help='all combinations, or some')
    parser.add_argument('--trials', type=int, default=50, metavar='N', help='combinations of a random search (50)')
    parser.add_argument('--seed', type=int, default=0, help='of a random search (0)')
    parser.add_argument('--workers', type=int, default=1, metavar='N', help='processes (1)')
    parser.add_argument('--out', metavar='DIR', help='default: work_dirs/tune_<config>')
    parser.add_argument(
        '--param',
        action='append',
        default=[],
        metavar=f'{key}=A,B,C',
        help=f'values to try, or START:STOP:STEP without STOP; once per setting; without any, {default}',
    )


def settle_search_options(parser: ArgumentParser, args: Namespace) -> None:
    """Check the options of a search, and choose its folder; ends the program where they are wrong."""
    if args.trials < 1:
        parser.error('--trials must be at least 1')
    args.out = Path(args.out or Path('work_dirs') / f'tune_{Path(args.config).stem}')


def points_of(space: Space, args: Namespace) -> list[dict[str, Any]]:
    """The settings to try: the config as it is, then points of the space."""
    points = list(grid_points(space)) if args.search == 'grid' else random_points(space, args.trials, args.seed)
    return [{}, *points]


def report(folder: Path, trials: Sequence[Trial], objective: Objective, config: Config, prefix: str = '') -> None:
    """Write ``trials.md`` and ``best.py``, the config with the best settings, and print what they are.

    Args:
        folder: gets the files.
        trials: all, that of the config as it is first.
        objective: what makes one the best.
        config: before any setting is replaced.
        prefix: place of the settings in it.

    Raises:
        ConfigError: no trial ran.
        DataError: the folder cannot be written.
    """
    best = best_trial(trials, objective)
    config.merge_from_dict({prefix + name: value for name, value in best.params.items()})
    try:
        write_text(folder / 'trials.md', trial_table(trials, objective))
        write_text(folder / 'best.py', resolved_text(config))
    except OSError as error:
        raise DataError(f'--out {folder}: cannot write: {error.strerror}') from error
    key = objective.name(best.numbers)
    print(f'{len(trials)} trials: {key} {trials[0].numbers[key]:.4f} as in the config' if trials[0].numbers else '')
    print(f'best {key} {best.numbers[key]:.4f} with {best.params or "the values of the config"}')
    print(f'table: {folder / "trials.md"}   config: {folder / "best.py"}')
