"""Evaluate a result file against an annotation file; needs no model."""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.engine.cli import CommandParser, run
from mmdet.evaluation.commands import COMMANDS, write_report


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables of one benchmark and, with ``--json``, write all its numbers."""
    parser = CommandParser(description=__doc__)
    benchmarks = parser.add_subparsers(dest='benchmark', required=True, metavar='BENCHMARK')
    for name, command in COMMANDS.items():
        sub = benchmarks.add_parser(name, help=command.help, description=command.help)
        command.add_options(sub)
        sub.add_argument('--json', metavar='FILE', help='write every number to this file')
    arguments = parser.parse_args(argv)
    report = COMMANDS[arguments.benchmark].evaluate(arguments)
    print(report.table)
    if arguments.json:
        write_report(report, arguments, arguments.json)
        print(f'\nall numbers: {arguments.json}')
    return 0


if __name__ == '__main__':
    run(main)
