"""Follow objects that you mark in a frame of a video, the first by default, and see their masks.

    python demo/sot_demo.py tennis.mp4 CONFIG --checkpoint WEIGHTS --init-box 300,100,140,260 --out tennis_masks.mp4
    python demo/sot_demo.py frames/ CONFIG --checkpoint WEIGHTS --init-box 9,9,50,60 --init-box 90,9,50,60 --json j.json
    python demo/sot_demo.py tennis.mp4 CONFIG --checkpoint WEIGHTS --select --show
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from mmdet.engine.cli import CommandParser, run


def box(text: str) -> tuple[float, float, float, float]:
    """``x,y,w,h`` as four numbers."""
    try:
        numbers = tuple(float(part) for part in text.split(','))
    except ValueError:
        numbers = ()
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise argparse.ArgumentTypeError(f"a box is x,y,w,h in pixels, such as 300,100,140,260; got '{text}'")
    left, top, width, height = numbers
    return left, top, width, height


def joined(argv: Sequence[str]) -> list[str]:
    """``--init-box -5,3,9,9`` as one word: argparse would take a box that begins with a minus for an option."""
    words: list[str] = []
    for word in argv:
        if words and words[-1] == '--init-box' and re.match(r'-[\d.]', word):
            words[-1] += f'={word}'
        else:
            words.append(word)
    return words


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = CommandParser(description=__doc__ or '')
    parser.add_argument('source', help='video file, folder or pattern of images, camera number, or rtsp:// address')
    parser.add_argument('config', help='config file')
    parser.add_argument('--checkpoint', help='weights; without them the model is random and follows nothing')
    marks = parser.add_mutually_exclusive_group(required=True)
    marks.add_argument(
        '--init-box',
        type=box,
        action='append',
        metavar='X,Y,W,H',
        help='left, top, width and height of an object in frame --init-frame, in pixels; once per object',
    )
    marks.add_argument('--select', action='store_true', help='draw the boxes with the mouse; needs a display')
    parser.add_argument('--init-frame', type=int, default=0, help='frame of the boxes, from 0 (%(default)s)')
    parser.add_argument('--out', help='overlay: .mp4, .avi or .webm file, or a folder for images')
    parser.add_argument('--json', help='file for the tracks: scores, boxes, rotated boxes, masks and who is lost')
    parser.add_argument('--show', action='store_true', help='show a window; q or Escape stops')
    parser.add_argument('--score-thr', type=float, default=0.0, help='draw tracks from this score on (%(default)s)')
    parser.add_argument('--trails', type=int, default=0, metavar='FRAMES', help='draw the paths of the last frames')
    parser.add_argument('--device', default='auto', help='cpu, cuda, cuda:1; auto takes a GPU where there is one')
    parser.add_argument('--max-frames', type=int, help='stop after so many frames of the source')
    parser.add_argument('--fps', type=float, help="frame rate of the overlay (default: the source's)")
    parser.add_argument('--trust-checkpoint', action='store_true', help='load a pickle that may run any code')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='override values of the config: model.test_cfg.penalty_k=0.1',
    )
    args = parser.parse_args(joined(sys.argv[1:] if argv is None else argv))
    if not (args.out or args.json or args.show):
        parser.error('nothing to do with the results: give --out, --json or --show')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    from mmdet.apis import Prompt, VideoInferencer, open_source  # after the options: --help must not wait for PyTorch
    from mmdet.apis.demo import DemoOptions, show_stream
    from mmdet.apis.select import select_boxes
    from mmdet.engine.config import parse_overrides
    from mmdet.visualization.window import why_no_window

    if (args.select or args.show) and (reason := why_no_window()) is not None:
        option, instead = ('select', '; give --init-box instead') if args.select else ('show', '')
        print(f'--{option} is not possible: {reason}{instead}', file=sys.stderr)
        if args.select or not (args.out or args.json):
            return 1
        args.show = False
    with ExitStack() as stack:
        source = stack.enter_context(open_source(args.source))
        boxes = args.init_box or select_boxes(source, args.init_frame)
        prompts = [Prompt.from_xywh(x, y, width, height, args.init_frame) for x, y, width, height in boxes]
        inferencer = VideoInferencer(
            args.config,
            args.checkpoint,
            args.device,
            cfg_options=parse_overrides(args.cfg_options),
            trust_checkpoint=args.trust_checkpoint,
        )
        options = DemoOptions(
            args.out, args.json, args.show, args.score_thr, args.trails, args.max_frames, args.fps, progress=True
        )
        interrupted = show_stream(inferencer, source, options, prompts)
    print(inferencer.stats.summary())
    for path in filter(None, (args.out, args.json)):
        print(f'wrote {path}')
    return 130 if interrupted else 0


if __name__ == '__main__':
    run(main)
