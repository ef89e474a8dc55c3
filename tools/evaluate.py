"""Evaluate a result file against an annotation file; needs no model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmdet.engine.cli import CommandParser, run
from mmdet.evaluation.commands import COMMANDS, write_report
from mmdet.evaluation.reports import Report


def draw_curves(report: Report, folder: str) -> None:
    """One plot of values against frames per sequence."""
    from mmdet.visualization.plots import write_line_plot  # its libraries are needed for nothing else

    for name, series in report.curves.items():
        path = Path(folder) / f'{name.replace("/", "_")}.png'
        write_line_plot(path, series, title=name, x_label='frame', y_range=(0.0, 1.0))


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables of one benchmark and, with ``--json``, write all its numbers."""
    parser = CommandParser(description=__doc__)
    benchmarks = parser.add_subparsers(dest='benchmark', required=True, metavar='BENCHMARK')
    for name, command in COMMANDS.items():
        sub = benchmarks.add_parser(name, help=command.help, description=command.help)
        command.add_options(sub)
        if command.curves:
            sub.add_argument('--plot', metavar='DIR', help='draw the values of every frame, one PNG per sequence')
        sub.add_argument('--json', metavar='FILE', help='write every number to this file')
    arguments = parser.parse_args(argv)
    COMMANDS[arguments.benchmark].check(benchmarks.choices[arguments.benchmark], arguments)
    report = COMMANDS[arguments.benchmark].evaluate(arguments)
    print(report.table)
    if getattr(arguments, 'plot', None):
        draw_curves(report, arguments.plot)
        print(f'\nplots: {arguments.plot}')
    if arguments.json:
        write_report(report, arguments, arguments.json)
        print(f'\nall numbers: {arguments.json}')
    return 0


if __name__ == '__main__':
    run(main)
