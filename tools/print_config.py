"""Print a config as it is after inheritance and overrides, with every class and key in it checked."""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.engine.cli import CommandParser, run
from mmdet.engine.config import add_config_options, load_config, parse_overrides, resolved_text, to_json
from mmdet.engine.config_types import check_types


def main(argv: Sequence[str] | None = None) -> int:
    """Print one config; it is valid Python (or JSON) again."""
    parser = CommandParser(__doc__ or '')
    parser.add_argument('config', help='config file')
    parser.add_argument('--json', action='store_true', help='print JSON instead of Python')
    add_config_options(parser)
    args = parser.parse_args(argv)
    config = load_config(args.config, parse_overrides(args.cfg_options))
    check_types(config.to_dict(), args.config)
    print(to_json(config) if args.json else resolved_text(config))
    return 0


if __name__ == '__main__':
    run(main)
