"""Scores of several seeds in one table: each seed, mean and standard deviation (of the sample, n - 1).

    python benchmarks/score_table.py work_dirs/occluded/0 work_dirs/occluded/1 work_dirs/occluded/2

Each folder has the `score.json` of `benchmarks/run_shapes.py`. The last rows are differences to the first row, seed by
seed: they have less spread than the scores, as a seed's videos are easy or hard for all.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from mmdet.engine.cli import CommandParser, run
from mmdet.errors import DataError

Scores = dict[str, dict[str, float]]


def read_scores(folder: Path) -> Scores:
    """Numbers by row of one seed.

    Raises:
        DataError: there are none.
    """
    try:
        return json.loads((folder / 'score.json').read_text())['rows']
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f'{folder}/score.json: no scores of benchmarks/run_shapes.py ({error!r})') from None


def table(seeds: Sequence[Scores]) -> str:
    """Markdown; rows and columns are those of the first seed.

    Raises:
        DataError: seeds have different rows.
    """
    first = seeds[0]
    if any(list(scores) != list(first) for scores in seeds):
        raise DataError('these folders are of different experiments: their score.json have different rows')
    columns = list(next(iter(first.values())))
    lines = ['| | ' + ' | '.join(columns) + ' |', '| --- ' * (len(columns) + 1) + '|']
    for name in first:
        lines.append(_row(name, [[scores[name][column] for scores in seeds] for column in columns]))
    reference, *others = first
    for name in others:
        cells = [[scores[name][column] - scores[reference][column] for scores in seeds] for column in columns]
        lines.append(_row(f'{name} minus {reference}', cells, '+'))
    return '\n'.join(lines)


def _row(name: str, cells: Sequence[Sequence[float]], sign: str = '') -> str:
    return f'| {name} | ' + ' | '.join(_cell(values, sign) for values in cells) + ' |'


def _cell(values: Sequence[float], sign: str) -> str:
    spread = f' ± {statistics.stdev(values):.3f}' if len(values) > 1 else ''
    return f'{statistics.mean(values):{sign}.3f}{spread} (' + ', '.join(f'{value:{sign}.3f}' for value in values) + ')'


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = CommandParser(description=__doc__ or '')
    parser.add_argument('folders', nargs='+', type=Path, help='one per seed')
    args = parser.parse_args(argv)
    print(table([read_scores(folder) for folder in args.folders]))
    return 0


if __name__ == '__main__':
    run(main)
