"""Check a YouTube-VIS or OVIS result file (.json or .zip) before uploading it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mmdet.engine.cli import CommandParser, run
from mmdet.evaluation.commands import add_split_options
from mmdet.evaluation.submission import check_submission


def main(argv: Sequence[str] | None = None) -> int:
    """Print every problem with its place and a summary; 1 if there are problems, 0 otherwise."""
    parser = CommandParser(description=__doc__)
    parser.add_argument('file', help='result file: .json, or .zip holding results.json')
    parser.add_argument('--annotations', required=True, help='annotation file (JSON); it may be without ground truth')
    add_split_options(parser)
    parser.add_argument('--max', type=int, default=50, help='problems to print; 0 prints all (default: %(default)s)')
    arguments = parser.parse_args(argv)
    report = check_submission(arguments.file, arguments.annotations, arguments.split, arguments.holdout_fraction)
    print(report.text(arguments.max or sys.maxsize))
    return 1 if report.problems else 0


if __name__ == '__main__':
    run(main)
