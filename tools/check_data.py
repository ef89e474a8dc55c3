"""Lists everything that is wrong with a data set: layout, annotations, masks, images.

    python tools/check_data.py data/youtube_vis_2019
    python tools/check_data.py my_annotations.json --img-prefix my_frames
    python tools/check_data.py --config my_config.py
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.datasets.check import CheckOptions, check_data
from mmdet.datasets.check_configured import check_configured
from mmdet.engine.cli import CommandParser, run
from mmdet.engine.config import load_config
from mmdet.registry import register_all


def configured_datasets(path: str) -> dict[str, Any]:
    """The data sets of a config by the place where they stand; for crops of videos, the videos."""
    config = load_config(path)
    register_all()
    loaders = {f'{part}_dataloader': config.get(f'{part}_dataloader') for part in ('train', 'val', 'test')}
    sets = {f'{place}.dataset': loader.dataset for place, loader in loaders.items() if loader and loader.get('dataset')}
    return {place: found for name, dataset in sets.items() for place, found in _parts(name, dataset)}


def _parts(place: str, dataset: Any) -> list[tuple[str, Any]]:
    """A data set, or those that it is mixed of."""
    sources = dataset.get('sources')
    if sources is None:
        return [(place, dataset.get('videos', dataset))]
    return [(f'{place}.sources.{index}.data', source['data']) for index, source in enumerate(sources)]


def main(argv: Sequence[str] | None = None) -> int:
    """Print every problem; 1 if there are any, 0 otherwise."""
    parser = CommandParser(description='Check a data set before it is trained on; exit code 1 if there are problems.')
    parser.add_argument('path', nargs='?', help='root folder of a known layout (docs/data.md), or one annotation file')
    parser.add_argument('--img-prefix', help='folder of the images, with an annotation file')
    parser.add_argument('--config', help='check the data sets that this config names instead, by its own classes')
    images = parser.add_mutually_exclusive_group()
    images.add_argument('--images', action='store_true', help='decode every image, not only its header and end')
    images.add_argument('--no-images', action='store_true', help='leave the images alone')
    parser.add_argument('--max', type=int, default=100, help='problems to print; 0 prints all (default: %(default)s)')
    args = parser.parse_args(argv)
    if (args.path is None) == (args.config is None) or (args.config and args.img_prefix):
        parser.error('give either a path (with --img-prefix where it is a file) or --config')
    options = CheckOptions(decode_images=args.images, skip_images=args.no_images, progress=True)
    if args.config:
        return 1 if check_configured(configured_datasets(args.config), options, limit=args.max) else 0
    return 1 if check_data(args.path, args.img_prefix, options, limit=args.max) else 0


if __name__ == '__main__':
    run(main)
