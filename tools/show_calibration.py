"""Draw what a calibration head does: similarities of a point with a reference frame, and the offsets made of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mmdet.apis import init_model, open_source
from mmdet.apis.packing import FramePacker
from mmdet.engine.cli import CommandParser, run
from mmdet.engine.config import add_config_options, parse_overrides
from mmdet.errors import ConfigError
from mmdet.structures import VideoClip
from mmdet.visualization import write_image
from mmdet.visualization.calibration import draw_calibration, look_at


def best_point(model: Any, clip: VideoClip) -> tuple[float, float]:
    """Centre of the most certain detection of the clip's first frame, in resized pixels; of the frame, if none."""
    found = model.start_video()
    sample = [*found.step(clip['inputs'][:1], clip['data_samples'][:1]), *found.finish()][0]
    height, width = sample.img_shape
    if not len(sample.pred_instances.scores):
        return width / 2, height / 2
    box = sample.pred_instances.bboxes[sample.pred_instances.scores.argmax()]
    centre = (box[:2] + box[2:]) / 2 * torch.tensor(sample.scale_factor)
    return min(float(centre[0]), width - 1), min(float(centre[1]), height - 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Draw one picture."""
    parser = CommandParser(__doc__ or '')
    parser.add_argument('config', help='config with a calibration head')
    parser.add_argument('checkpoint', help='weights')
    parser.add_argument('source', help='video file or folder of images')
    parser.add_argument('--frame', type=int, default=10, metavar='N', help='frame to calibrate, from 0 (default 10)')
    parser.add_argument('--reference', type=int, default=-3, metavar='D', help='frames from it to the reference (-3)')
    parser.add_argument('--point', type=float, nargs=2, metavar=('X', 'Y'), help='in pixels of the resized frame; '
                        'the middle of the most certain object by default')  # fmt: skip
    parser.add_argument('--level', type=int, default=1, help='pyramid level, finest is 0 (default 1)')
    parser.add_argument('--out', default='calibration.png', help='picture to write')
    parser.add_argument('--device', default='cpu', help='cpu, cuda or cuda:1')
    add_config_options(parser)
    args = parser.parse_args(argv)
    indices = (args.frame, args.frame + args.reference)
    if min(indices) < 0 or args.reference == 0:
        parser.error(f'frame {args.frame} has no reference {args.reference} frames away')
    model = init_model(args.config, args.checkpoint, args.device, parse_overrides(args.cfg_options))
    with open_source(args.source) as source:
        frames = list(itertools.islice(source, max(indices) + 1))
    if len(frames) <= max(indices):
        raise ConfigError(f'{args.source} has {len(frames)} frames; frame {max(indices)} was asked for')
    packer = FramePacker.from_config(model.cfg)
    clip = packer([frames[i] for i in indices], [f'frame {i}' for i in indices], indices, 0)
    point = tuple(args.point) if args.point else best_point(model, clip)
    view = look_at(model, clip['inputs'], point, args.level)
    frame, reference = (np.ascontiguousarray(image.permute(1, 2, 0).numpy()) for image in clip['inputs'])
    title = f'frame {indices[0]} with reference {indices[1]}, level {args.level}'
    write_image(args.out, draw_calibration(frame, reference, view, title))
    print(f'written to {args.out}')
    return 0


if __name__ == '__main__':
    run(main)
