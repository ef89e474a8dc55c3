"""Track the objects of a video, a folder of frames or a camera, and see them.

    python demo/mot_demo.py street.mp4 CONFIG --checkpoint WEIGHTS --out street_tracks.mp4
    python demo/mot_demo.py frames/ CONFIG --checkpoint WEIGHTS --out tracks/ --json tracks.json
    python demo/mot_demo.py 0 CONFIG --checkpoint WEIGHTS --show

Decoding, model and drawing run side by side. Frames of a camera that there is no time for are dropped, so that the
picture shows what happens now.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from mmdet.engine.cli import CommandParser, run


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = CommandParser(description=__doc__ or '')
    parser.add_argument('source', help='video file, folder or pattern of images, camera number, or rtsp:// address')
    parser.add_argument('config', help='config file')
    parser.add_argument('--checkpoint', help='weights; without them the model is random and finds nothing sensible')
    parser.add_argument('--out', help='overlay: .mp4, .avi or .webm file, or a folder for images')
    parser.add_argument('--json', help='file for the tracks: ids, classes, scores, boxes and masks of every frame')
    parser.add_argument('--show', action='store_true', help='show a window; q or Escape stops')
    parser.add_argument('--score-thr', type=float, default=0.3, help='draw tracks from this score on (%(default)s)')
    parser.add_argument(
        '--trails', type=int, default=30, metavar='FRAMES', help='draw the paths of so many last frames (%(default)s)'
    )
    parser.add_argument(
        '--future',
        type=int,
        default=15,
        metavar='FRAMES',
        help='draw where tracks are expected in so many next frames, if the tracker has a motion model (%(default)s)',
    )
    parser.add_argument(
        '--speed',
        action=argparse.BooleanOptionalAction,
        help='write frames per second and latency onto the picture (default: live, or in a window)',
    )
    parser.add_argument('--device', default='auto', help='cpu, cuda, cuda:1; auto takes a GPU where there is one')
    parser.add_argument('--chunk', type=int, help='frames that run together (default: 4, live 1)')
    parser.add_argument('--live', action='store_true', help='drop frames to keep up, the newest win; cameras always do')
    parser.add_argument('--max-frames', type=int, help='stop after so many frames of the source')
    parser.add_argument('--fps', type=float, help="frame rate of the overlay (default: the source's)")
    parser.add_argument('--trust-checkpoint', action='store_true', help='load a pickle that may run any code')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='override values of the config: model.tracker.memory_frames=10',
    )
    args = parser.parse_args(argv)
    if not (args.out or args.json or args.show):
        parser.error('nothing to do with the results: give --out, --json or --show')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    from mmdet.apis import VideoInferencer, open_source  # after the options: --help must not wait for PyTorch
    from mmdet.apis.demo import DemoOptions, show_stream
    from mmdet.engine.config import parse_overrides
    from mmdet.visualization.window import why_no_window

    if args.show and (reason := why_no_window()) is not None:
        print(f'--show is not possible: {reason}', file=sys.stderr)
        if not (args.out or args.json):
            return 1
        args.show = False
    with ExitStack() as stack:
        source = stack.enter_context(open_source(args.source))
        inferencer = VideoInferencer(
            args.config,
            args.checkpoint,
            args.device,
            chunk=args.chunk,
            live=True if args.live else None,
            forecast=args.future if args.out or args.show else 0,
            cfg_options=parse_overrides(args.cfg_options),
            trust_checkpoint=args.trust_checkpoint,
        )
        options = DemoOptions(
            args.out,
            args.json,
            args.show,
            args.score_thr,
            args.trails,
            speed=args.speed if args.speed is not None else args.show or args.live or source.live,
            max_frames=args.max_frames,
            fps=args.fps,
            progress=True,
        )
        interrupted = show_stream(inferencer, source, options)
    print(inferencer.stats.summary())
    for path in filter(None, (args.out, args.json)):
        print(f'wrote {path}')
    return 130 if interrupted else 0


if __name__ == '__main__':
    run(main)
