"""What ``tools/convert_dataset.py`` can do: one entry per conversion, each with its options and its work.

A new conversion is a function that adds its options, a function that does the work, and a row in :data:`CONVERSIONS`.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmdet.datasets.instances.database import write_database
from mmdet.datasets.instances.sources import mots_videos, videos_of
from mmdet.datasets.kins import OTHERS, KINSCrops, convert_kins
from mmdet.datasets.siam import command as siam_crops
from mmdet.datasets.ytvis import YouTubeVISDataset
from mmdet.errors import ConfigError
from mmdet.formats import MOTS_CLASSES, read_seqmap
from mmdet.holdout import HOLDOUT_FRACTION, SPLITS


@dataclass(frozen=True)
class Conversion:
    """One conversion: what it is, which options it takes, and its work; ``run`` returns a sentence on the outcome."""

    help: str
    add_options: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], str]


def _size(text: str) -> tuple[int, int]:
    """``WxH`` as (width, height)."""
    width, _, height = text.lower().partition('x')
    try:
        return int(width), int(height)
    except ValueError:
        raise ArgumentTypeError(f'{text!r} is not WIDTHxHEIGHT, such as 640x160') from None


def _kins_options(parser: ArgumentParser) -> None:
    parser.add_argument('annotations', help='KINS annotation file, such as instances_train.json')
    parser.add_argument('images', help='folder of the KITTI object images that it names')
    parser.add_argument('out', help='folder to write crops and their annotation file to')
    parser.add_argument('--class', dest='name', choices=list(OTHERS), default='car', help='whose crops')
    parser.add_argument('--size', type=_size, metavar='WxH', help='of the crops: 640x160 for cars, 256x160 for people')
    parser.add_argument('--split', help='name of the written file and folder (default: that of the annotation file)')
    parser.add_argument('--format', choices=('png', 'jpg'), default='png', help='of the crops')
    parser.add_argument('--workers', type=int, default=1, metavar='N', help='threads')
    parser.add_argument('--quiet', action='store_true', help='no progress bar')


def _convert_kins(arguments: Namespace) -> str:
    plan = KINSCrops(arguments.name, arguments.size, arguments.format)
    out = Path(arguments.out)
    written = convert_kins(
        arguments.annotations, arguments.images, out, plan, arguments.split, arguments.workers, not arguments.quiet
    )
    return f'{written}: {written.stat().st_size} bytes, crops in {written.with_suffix("")}'


def _instance_options(parser: ArgumentParser) -> None:
    parser.add_argument('out', help='folder of the database; after an interruption, run the same command again')
    layout = 'ROOT/instances_txt, or instances (maps), and ROOT/training/image_02'
    parser.add_argument('--mots', metavar='ROOT', help=f'KITTI MOTS: {layout}')
    parser.add_argument('--annotations', metavar='FILE', help='or: a file in YouTube-VIS format')
    parser.add_argument('--images', metavar='DIR', help='folder of the frames; with --mots it may be left out')
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument('--part', choices=('train', 'val'), help="with --mots: these of the benchmark's sequences")
    chosen.add_argument('--sequences', nargs='+', default=[], metavar='NAME', help='with --mots: only these')
    chosen.add_argument('--seqmap', metavar='FILE', help='with --mots: those that this file lists')
    parser.add_argument('--split', choices=SPLITS, help='with --annotations: the held-out videos, or the rest')
    parser.add_argument('--holdout-fraction', type=float, default=HOLDOUT_FRACTION, metavar='F', help='share held out')
    parser.add_argument('--quiet', action='store_true', help='no progress bar')


def _write_instances(args: Namespace) -> str:
    if (args.mots is None) == (args.annotations is None):
        raise ConfigError('mots-instances reads either --mots ROOT or --annotations FILE with --images DIR')
    if args.mots is None and (args.part or args.sequences or args.seqmap):
        raise ConfigError('--part, --sequences and --seqmap are for --mots; --annotations takes --split')
    if args.mots is not None:
        if args.split:
            raise ConfigError('--split is for --annotations; --mots takes --part, --sequences or --seqmap')
        names = [row.name for row in read_seqmap(args.seqmap)] if args.seqmap else args.sequences
        videos = mots_videos(args.mots, args.images or '', names, args.part)
        classes: tuple[str, ...] = tuple(MOTS_CLASSES.values())
    else:
        if args.images is None:
            raise ConfigError('--annotations needs --images, the folder that its file names are relative to')
        dataset = YouTubeVISDataset(
            args.annotations, img_prefix=args.images, split=args.split, holdout_fraction=args.holdout_fraction
        )
        videos, classes = videos_of(dataset), dataset.classes
    index = write_database(args.out, videos, classes, progress=not args.quiet)
    return f'{index}: instances of {len(videos)} videos, for a data set of the type InstanceDatabase'


CONVERSIONS: dict[str, Conversion] = {
    'kins': Conversion(
        'Cut a crop around every car or pedestrian out of the images of KINS, to train SpatialEmbedding on.',
        _kins_options,
        _convert_kins,
    ),
    'mots-instances': Conversion(
        'Cut every instance with its surroundings out of annotated videos, to train a track head on.',
        _instance_options,
        _write_instances,
    ),
    'siam-crops': Conversion(
        'Cut the square around every object out of annotated frames, to train SiamMask on.',
        siam_crops.add_options,
        siam_crops.convert,
    ),
}
