"""Print what the framework runs on: versions, devices, compiler, and which implementation each operation uses."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mmdet.engine.cli import EXIT_DONE, EXIT_FAILED, CommandParser, run
from mmdet.engine.environment import report


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report; 1 if a package that is needed is missing."""
    parser = CommandParser(__doc__ or '')
    parser.add_argument('--json', action='store_true', help='print JSON')
    args = parser.parse_args(argv)
    found = report()
    if args.json:
        print(json.dumps(found, indent=1))
    else:
        width = max(len(name) for section in found.values() for name in section)
        for title, section in found.items():
            print(title)
            for name, value in section.items():
                print(f'  {name:<{width}}  {value}')
    missing = [name for name, version in found['packages'].items() if version == 'missing']
    if missing:
        print(f'missing: {", ".join(missing)}; install with "make install" or "pip install -e ."')
    return EXIT_FAILED if missing else EXIT_DONE


if __name__ == '__main__':
    run(main)
