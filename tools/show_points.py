"""Draw what a point track head looks at on one instance: its points with their attention, and the points around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mmdet.apis import init_model
from mmdet.datasets.base import ChunkIndex
from mmdet.engine.cli import CommandParser, run
from mmdet.engine.config import add_config_options, parse_overrides
from mmdet.errors import ConfigError
from mmdet.models import Clip
from mmdet.registry import DATASETS
from mmdet.visualization import write_image
from mmdet.visualization.points import draw_points, look_at_points


@torch.no_grad()
def detect(model: Any, video: int, frame: int) -> tuple[Clip, Any]:
    """One frame of the test data set as the model's slots get it, and the detections of its detector."""
    dataset = DATASETS.build(model.cfg.test_dataloader.dataset)
    if not 0 <= video < len(dataset.videos) or not 0 <= frame < dataset.videos[video].length:
        lengths = [item.length for item in dataset.videos]
        raise ConfigError(
            f'{dataset.ann_file} has no frame {frame} of video {video}: it has {len(lengths)} videos, counted from 0, '
            f'of up to {max(lengths, default=0)} frames'
        )
    clip = dataset[ChunkIndex(video, frame, frame + 1)]
    images = model.data_preprocessor([clip['inputs']])[0]
    features = model.detector.extract_feat(images)
    view = Clip(images, clip['data_samples'], features, model.detector.convention, clip['inputs'])
    return view, model.detector.predict(view)[0]


def main(argv: Sequence[str] | None = None) -> int:
    """Draw one picture."""
    parser = CommandParser(__doc__ or '')
    parser.add_argument('config', help='config with a PointTrackHead and a test_dataloader')
    parser.add_argument('checkpoint', help='weights')
    parser.add_argument('--video', type=int, default=0, metavar='N', help='position in the test data set (default 0)')
    parser.add_argument('--frame', type=int, default=0, metavar='N', help='frame of the video, from 0 (default 0)')
    parser.add_argument('--instance', type=int, metavar='N', help='detection, from 0; the largest by default')
    parser.add_argument('--out', default='points.png', help='picture to write')
    parser.add_argument('--device', default='cpu', help='cpu, cuda or cuda:1')
    add_config_options(parser)
    args = parser.parse_args(argv)
    model = init_model(args.config, args.checkpoint, args.device, parse_overrides(args.cfg_options))
    clip, detections = detect(model, args.video, args.frame)
    if not len(detections.bboxes):
        raise ConfigError(f'nothing was found in frame {args.frame} of video {args.video}')
    sides = detections.bboxes[:, 2:] - detections.bboxes[:, :2]
    row = int(sides.prod(1).argmax()) if args.instance is None else args.instance
    view = look_at_points(model.track_head, clip, 0, detections, row)
    image = np.ascontiguousarray(clip.frames[0].permute(1, 2, 0).numpy())  # type: ignore[index]
    title = f'video {args.video}, frame {args.frame}, instance {row} of {len(detections.bboxes)}'
    print(f'written to {write_image(args.out, draw_points(image, view, title)) or args.out}')
    return 0


if __name__ == '__main__':
    run(main)
