"""What ``tools/convert_dataset.py`` can do: one entry per conversion, each with its options and its work.

A new conversion is a function that adds its options, a function that does the work, and a row in :data:`CONVERSIONS`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmdet.datasets.instances.database import write_database
from mmdet.datasets.instances.sources import MOTS_CLASSES, mots_videos, videos_of
from mmdet.datasets.ytvis import YouTubeVISDataset
from mmdet.errors import ConfigError
from mmdet.holdout import HOLDOUT_FRACTION, SPLITS


@dataclass(frozen=True)
class Conversion:
    """One conversion: what it is, which options it takes, and its work; ``run`` returns a sentence on the outcome."""

    help: str
    add_options: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], str]


def _instance_options(parser: ArgumentParser) -> None:
    parser.add_argument('out', help='folder of the database; after an interruption, run the same command again')
    parser.add_argument('--mots', metavar='ROOT', help='KITTI MOTS: ROOT/instances and ROOT/training/image_02')
    parser.add_argument('--annotations', metavar='FILE', help='or: a file in YouTube-VIS format')
    parser.add_argument('--images', metavar='DIR', help='folder of the frames; with --mots it may be left out')
    parser.add_argument('--sequences', nargs='+', default=[], metavar='NAME', help='with --mots: only these')
    parser.add_argument('--split', choices=SPLITS, help='with --annotations: the held-out videos, or the rest')
    parser.add_argument('--holdout-fraction', type=float, default=HOLDOUT_FRACTION, metavar='F', help='share held out')
    parser.add_argument('--quiet', action='store_true', help='no progress bar')


def _write_instances(args: Namespace) -> str:
    if (args.mots is None) == (args.annotations is None):
        raise ConfigError('mots-instances reads either --mots ROOT or --annotations FILE with --images DIR')
    if args.mots is not None:
        images = args.images or Path(args.mots) / 'training/image_02'
        videos = mots_videos(Path(args.mots) / 'instances', images, args.sequences)
        classes: tuple[str, ...] = MOTS_CLASSES
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
    'mots-instances': Conversion(
        'Cut every instance with its surroundings out of annotated videos, to train a track head on.',
        _instance_options,
        _write_instances,
    ),
}
