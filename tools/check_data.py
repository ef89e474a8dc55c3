"""Lists everything that is wrong with a data set: layout, annotations, masks, images.

    python tools/check_data.py data/youtube_vis_2019
    python tools/check_data.py my_annotations.json --img-prefix my_frames
"""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.datasets.check import CheckOptions, check_data
from mmdet.engine.cli import CommandParser, run


def main(argv: Sequence[str] | None = None) -> int:
    parser = CommandParser(description='Check a data set before it is trained on; exit code 1 if there are problems.')
    parser.add_argument('path', help='root folder of a known layout (docs/data.md), or one annotation file')
    parser.add_argument('--img-prefix', help='folder of the images, with an annotation file')
    images = parser.add_mutually_exclusive_group()
    images.add_argument('--images', action='store_true', help='decode every image, not only its header and end')
    images.add_argument('--no-images', action='store_true', help='leave the images alone')
    parser.add_argument('--max', type=int, default=100, help='problems to print; 0 prints all (default: %(default)s)')
    args = parser.parse_args(argv)
    options = CheckOptions(decode_images=args.images, skip_images=args.no_images, progress=True)
    return 1 if check_data(args.path, args.img_prefix, options, limit=args.max) else 0


if __name__ == '__main__':
    run(main)
