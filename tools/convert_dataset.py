"""Turn a data set into another form; long conversions can be interrupted and go on where they were."""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.datasets.conversions import CONVERSIONS
from mmdet.engine.cli import CommandParser, run


def main(argv: Sequence[str] | None = None) -> int:
    """Run one conversion and say where its result is."""
    parser = CommandParser(__doc__ or '')
    conversions = parser.add_subparsers(dest='conversion', required=True, metavar='CONVERSION')
    for name, conversion in CONVERSIONS.items():
        conversion.add_options(conversions.add_parser(name, help=conversion.help, description=conversion.help))
    args = parser.parse_args(argv)
    print(CONVERSIONS[args.conversion].run(args))
    return 0


if __name__ == '__main__':
    run(main)
