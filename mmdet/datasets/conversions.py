"""What ``tools/convert_dataset.py`` can do: one entry per conversion, each with its options and its work.

A new conversion is a function that adds its options, a function that does the work, and a row in :data:`CONVERSIONS`.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmdet.datasets.kins import OTHERS, KINSCrops, convert_kins


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


CONVERSIONS: dict[str, Conversion] = {
    'kins': Conversion(
        'Cut a crop around every car or pedestrian out of the images of KINS, to train SpatialEmbedding on.',
        _kins_options,
        _convert_kins,
    ),
}
