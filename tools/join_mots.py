"""Join MOTS results of several runs, such as cars and pedestrians, into one file each; or mend overlaps."""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.engine.cli import CommandParser, run
from mmdet.formats import join_mots_results

EPILOG = """\
example:
  python tools/join_mots.py results/car results/pedestrian --out results/both

Identities get new numbers. A pixel that several runs claim goes to the folder that is named first. Masks of one folder
alone may overlap; their common pixels go to the earlier line.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Join, then say what was written."""
    parser = CommandParser(__doc__ or '', epilog=EPILOG)
    parser.add_argument('results', nargs='+', help='folders with <sequence>.txt')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder to write to')
    args = parser.parse_args(argv)
    print(f'{args.out}: {len(join_mots_results(args.results, args.out))} sequences')
    return 0


if __name__ == '__main__':
    run(main)
