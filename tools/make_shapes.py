"""Make the procedural data set ``shapes`` in a standard layout."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence

from mmdet.datasets.shapes import (
    CLASSES,
    DAVISWriter,
    KITTIMOTSWriter,
    ShapesWriter,
    YouTubeVOSWriter,
    YTVISWriter,
    make_shapes,
)
from mmdet.engine.cli import CommandParser, run


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition('x')
    try:
        return int(width), int(height)
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is not WIDTHxHEIGHT, such as 256x144') from None


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options of the tool."""
    parser = CommandParser(__doc__ or '')
    parser.add_argument('root', help='folder of the set')
    layouts = ('ytvis', 'davis', 'youtube-vos', 'kitti-mots')
    parser.add_argument('--format', choices=layouts, default='ytvis', help='layout on disk')
    parser.add_argument('--train', type=int, default=60, metavar='N', help='training videos (default 60)')
    parser.add_argument('--valid', type=int, default=20, metavar='N', help='validation videos (default 20)')
    parser.add_argument('--test', type=int, default=0, metavar='N', help='test videos (default none)')
    parser.add_argument('--seed', type=int, default=0, help='another seed gives another set')
    parser.add_argument('--size', type=_size, metavar='WxH', help='frame size in pixels (default 256x144)')
    parser.add_argument('--frames', type=int, metavar='N', help='frames per video (default 16)')
    parser.add_argument('--classes', nargs='+', choices=CLASSES, help='shapes that appear')
    parser.add_argument('--objects', type=int, nargs=2, metavar=('MIN', 'MAX'), help='objects per video (default 2 5)')
    parser.add_argument('--occlusion', choices=('normal', 'heavy'), help='how much objects are hidden')
    parser.add_argument(
        '--others', choices=('background', 'ignore'), help='what kitti-mots files say of shapes but square and star'
    )
    parser.add_argument('--rle', choices=('uncompressed', 'compressed'), help='masks in ytvis files')
    parser.add_argument('--workers', type=int, default=1, metavar='N', help='processes that render')
    parser.add_argument('--overwrite', action='store_true', help='replace another shapes set in the folder')
    parser.add_argument('--quiet', action='store_true', help='no progress bar')
    args = parser.parse_args(argv)
    if args.rle and args.format != 'ytvis':
        parser.error(f'--rle does not apply to --format {args.format}')
    if args.others and args.format != 'kitti-mots':
        parser.error(f'--others does not apply to --format {args.format}')
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Make the set and say where it is."""
    args = parse_args(argv)
    writers: dict[str, ShapesWriter] = {
        'ytvis': YTVISWriter(rle=args.rle or 'uncompressed'),
        'davis': DAVISWriter(),
        'youtube-vos': YouTubeVOSWriter(),
        'kitti-mots': KITTIMOTSWriter(others=args.others or 'ignore'),
    }
    writer = writers[args.format]
    chosen = {
        'size': args.size,
        'num_frames': args.frames,
        'classes': args.classes,
        'objects': args.objects,
        'occlusion': args.occlusion,
    }
    config = dataclasses.replace(writer.default_config(), **{k: v for k, v in chosen.items() if v is not None})
    splits = {'train': args.train, 'valid': args.valid, 'test': args.test}
    root = make_shapes(args.root, config, splits, writer, args.workers, args.seed, not args.quiet, args.overwrite)
    print(f'{root}: {args.format}, ' + ', '.join(f'{n} {split}' for split, n in splits.items() if n) + ' videos')


if __name__ == '__main__':
    run(main)
