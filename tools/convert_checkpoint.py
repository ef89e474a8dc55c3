"""Convert a checkpoint of another program to safetensors weights of this one, and print what became of every tensor."""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.checkpoints import FAMILIES, ConvertOptions, convert
from mmdet.checkpoints.metadata import annotation_classes
from mmdet.engine.cli import CommandParser, run
from mmdet.engine.config import load_config


def main(argv: Sequence[str] | None = None) -> int:
    """Convert one file."""
    families = '\n'.join(f'  {family.name:12} {family.title}' for family in FAMILIES.values())
    parser = CommandParser(__doc__ or '', epilog=f'families:\n{families}')
    parser.add_argument('src', help='checkpoint to read (.pth, .pt, .t7, .safetensors)')
    parser.add_argument('dst', help='file to write (.safetensors)')
    parser.add_argument('--family', default='auto', choices=['auto', *FAMILIES], help='told from the keys by default')
    parser.add_argument('--config', help='config that the weights are meant for: stores its name and normalisation')
    parser.add_argument('--annotations', help='JSON of the data set that was trained on: stores its class names')
    parser.add_argument('--trust-checkpoint', action='store_true', help='run what a pickle asks for: trust its maker')
    parser.add_argument('--keep-coco-gaps', action='store_true', help='torchvision: keep all 90 COCO numbers, not 80')
    parser.add_argument('--frozen-bn-eps', type=float, help='torchvision: epsilon of its frozen batch norms')
    args = parser.parse_args(argv)
    report = convert(
        args.src,
        args.dst,
        args.family,
        trust=args.trust_checkpoint,
        config=load_config(args.config) if args.config else None,
        classes=annotation_classes(args.annotations) if args.annotations else None,
        options=ConvertOptions(args.keep_coco_gaps, args.frozen_bn_eps),
    )
    print(report.table())
    print(f'{report.family}: {report.summary()}\nwritten to {args.dst}')
    return 0


if __name__ == '__main__':
    run(main)
