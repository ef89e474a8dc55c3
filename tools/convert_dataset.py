"""Turn a data set of another layout into what a training stage reads. An interrupted run goes on where it stopped."""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.datasets.convert.commands import COMMANDS
from mmdet.engine.cli import CommandParser, run


def main(argv: Sequence[str] | None = None) -> None:
    """Convert, and say what was written."""
    parser = CommandParser(description=__doc__ or '')
    conversions = parser.add_subparsers(dest='conversion', required=True, metavar='CONVERSION')
    for name, command in COMMANDS.items():
        command.add_options(conversions.add_parser(name, description=command.help))
    arguments = parser.parse_args(argv)
    print(COMMANDS[arguments.conversion].convert(arguments))


if __name__ == '__main__':
    run(main)
