"""``tools/convert_dataset.py siam-crops``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from mmdet.datasets.siam.write_crops import write_crops
from mmdet.errors import ConfigError
from mmdet.registry import DATASETS

FORMATS = {
    'ytvis': 'YouTubeVISDataset',
    'coco': 'COCOVideoDataset',
    'youtube-vos': 'YouTubeVOSDataset',
    'davis': 'DAVISDataset',
    'imagenet-vid': 'ImageNetVIDDataset',
    'imagenet-det': 'ImageNetDETDataset',
}


def add_options(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument('out', help='folder of the squares; after an interruption, run the same command again')
    parser.add_argument('--format', choices=list(FORMATS), default='ytvis', help='what the data set is')
    parser.add_argument(
        '--annotations',
        required=True,
        metavar='PATH',
        help='annotation file; YouTube-VOS: meta.json; DAVIS: list of sequences; ImageNet: folder of XML files',
    )
    parser.add_argument('--images', required=True, metavar='DIR', help='folder of the frames')
    parser.add_argument('--maps', metavar='DIR', help='folder of the label maps (YouTube-VOS, DAVIS)')
    parser.add_argument('--subset', default='train', metavar='NAME', help='name of index and folder')
    parser.add_argument(
        '--min-area', type=float, default=0, metavar='N', help='leave out smaller objects (YouTube-VOS: 1000 pixels)'
    )
    parser.add_argument('--workers', type=int, default=4, metavar='N', help='threads')
    parser.add_argument('--quiet', action='store_true', help='no progress bar')


def convert(args: Namespace) -> str:
    """Cut the squares; says where they are."""
    config: dict[str, Any] = dict(
        type=FORMATS[args.format], ann_file=str(Path(args.annotations)), img_prefix=str(Path(args.images))
    )
    if args.format in ('youtube-vos', 'davis'):
        if not args.maps:
            raise ConfigError(f'--format {args.format} needs --maps, the folder of the label maps')
        config['map_prefix'] = str(Path(args.maps))
    elif args.maps:
        raise ConfigError(f'--format {args.format} has no label maps; leave out --maps')
    dataset = DATASETS.build(config)
    index = write_crops(dataset, args.out, args.subset, args.min_area, args.workers, progress=not args.quiet)
    return f'{index}: squares of {len(dataset.videos)} videos, for Crop511Dataset(ann_file={str(index)!r})'
