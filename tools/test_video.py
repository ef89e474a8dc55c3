"""Test a model on the videos (or crops) of a config's test set: numbers, a result file, pictures, detections."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.config import Config

from mmdet.engine.build import build_tester, default_work_dir
from mmdet.engine.checkpoint_range import expand_checkpoints, range_table, short_names
from mmdet.engine.cli import CommandParser, run
from mmdet.engine.config import add_config_options, load_config, parse_overrides
from mmdet.engine.distributed import STEP_TIMEOUT, Process, join_processes, leave_processes
from mmdet.engine.launch import launch, must_launch
from mmdet.engine.tester import Tester
from mmdet.engine.train_log import set_up_logging
from mmdet.errors import DataError
from mmdet.files import write_json

EPILOG = """\
examples:
  python tools/test_video.py CONFIG CHECKPOINT                          numbers, where the set has ground truth
  python tools/test_video.py CONFIG CHECKPOINT --out results.zip        a submission for a benchmark's server
  python tools/test_video.py CONFIG --checkpoints 'work_dirs/x/epoch_{1..20}.pth'
  python tools/test_video.py CONFIG CHECKPOINT --eval segm --out r.json --show-dir pictures --gpus 4
  python tools/test_video.py CONFIG                                     stored detections and a tracker: no weights
"""

log = logging.getLogger('mmdet.test')


def parse(argv: Sequence[str] | None) -> Namespace:
    """The command line."""
    parser = CommandParser(__doc__ or '', epilog=EPILOG)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        'weights',
        nargs='?',
        metavar='checkpoint',
        help='weights (.pth or .safetensors); none, or left out, for a model without any',
    )
    parser.add_argument('--checkpoint', help='the same as an option')
    parser.add_argument(
        '--checkpoints',
        metavar='PATTERN',
        help="evaluate several, 'work_dirs/x/epoch_{1..20}.pth': one table, and a plot in the work folder",
    )
    parser.add_argument(
        '--out',
        metavar='PATH',
        action='append',
        default=[],
        help='write results, as often as wanted: .json, .zip, .pkl (becomes .pkl.json); a folder for MOT, MOTS, '
        'and VOT; a folder or .zip for DAVIS and YouTube-VOS',
    )
    parser.add_argument('--eval', choices=['segm'], help='evaluate; the default where nothing else is asked for')
    parser.add_argument('--json', metavar='FILE', help='write the numbers of the evaluation to this file')
    parser.add_argument('--show-dir', metavar='DIR', help='draw an overlay video and a contact sheet of every video')
    parser.add_argument('--show-videos', type=int, metavar='N', help='draw only the first N videos of the data set')
    parser.add_argument('--dump-detections', metavar='DIR', help='write all detections, one npz per video')
    parser.add_argument('--gpus', type=int, default=1, metavar='N', help='processes to start, one per GPU (or on CPU)')
    parser.add_argument('--chunk', type=int, metavar='N', help='frames that go through the detector together')
    parser.add_argument('--work-dir', help='folder for intermediate results (default: work_dirs/<config>)')
    parser.add_argument(
        '--trust-checkpoint', action='store_true', help='run what a pickle asks for: only files whose maker you trust'
    )
    parser.add_argument(
        '--launcher', choices=['auto', 'none', 'slurm'], default='auto', help='what started several processes'
    )
    add_config_options(parser)
    args = parser.parse_args(argv)
    if sum(map(bool, (args.weights, args.checkpoint, args.checkpoints))) > 1:
        parser.error('give the checkpoint once: as second argument, with --checkpoint, or several with --checkpoints')
    if args.checkpoints and (args.out or args.show_dir or args.dump_detections):
        parser.error('--checkpoints gives numbers only; test the best one again with --out, --show-dir or the like')
    given = args.weights or args.checkpoint
    args.weights = None if given in (None, 'none') else given
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Test once; 0 when everything asked for is written."""
    args = parse(argv)
    if args.launcher == 'auto' and must_launch(args.gpus):
        return launch(args.gpus, [sys.argv[0], *(sys.argv[1:] if argv is None else argv)])
    config = load_config(args.config, parse_overrides(args.cfg_options))
    config.work_dir = args.work_dir or default_work_dir(config)
    process = join_processes(args.launcher, (config.get('env_cfg') or {}).get('timeout', STEP_TIMEOUT))
    set_up_logging(process)
    if args.checkpoints:
        test_range(args, config, process)
        leave_processes()
        return 0
    evaluate = bool(args.eval or args.json) or not (args.out or args.show_dir or args.dump_detections)
    tester = build_tester(
        config,
        process,
        args.weights,
        evaluate=evaluate,
        chunk_size=args.chunk,
        trust=args.trust_checkpoint,
        dump_dir=args.dump_detections,
    )
    for path in args.out:
        tester.check_out(path)
    with tester.naming_results():
        tester.infer()
        deliver(args, tester, process, evaluate)
    tester.remove_results()
    leave_processes()
    return 0


def test_range(args: Namespace, config: Config, process: Process) -> None:
    """Evaluate every checkpoint of a pattern; a table at the end, numbers as JSON and a plot in the work folder."""
    found: dict[str, dict[str, float]] = {}
    for path in expand_checkpoints(args.checkpoints):
        tester = build_tester(config, process, path, chunk_size=args.chunk, trust=args.trust_checkpoint)
        with tester.naming_results():
            tester.infer()
            found[path] = tester.evaluate()
        tester.remove_results()
        log.info('%s  %s', path, '  '.join(f'{key} {value:.4f}' for key, value in found[path].items()))
    log.info('\n%s', range_table(found))
    process.on_first(lambda: write_range(found, args, Path(config.work_dir)), 'writing the numbers')


def write_range(found: Mapping[str, Mapping[str, float]], args: Namespace, work_dir: Path) -> None:
    """Numbers of all checkpoints as JSON and as a plot."""
    from mmdet.visualization.plots import write_line_plot  # its libraries are needed for nothing else

    write_numbers(found, args.json or str(work_dir / 'checkpoints.json'))
    keys = list(next(iter(found.values())))
    series = {key: [row[key] for row in found.values()] for key in keys}
    plot = write_line_plot(
        work_dir / 'checkpoints.png', series, args.checkpoints, 'checkpoint', x_names=short_names(list(found))
    )
    log.info('plot: %s', plot)


def deliver(args: Namespace, tester: Tester, process: Process, evaluate: bool) -> None:
    """Everything that was asked for, from the results in the folder."""
    for path in args.out:
        log.info('results: %s', tester.export(path))
    if args.show_dir:
        tester.draw(args.show_dir, args.show_videos)
        log.info('pictures: %s', args.show_dir)
    if args.dump_detections:
        log.info('detections: %s', args.dump_detections)
    if evaluate:
        numbers = tester.evaluate()
        log.info('%s', '  '.join(f'{key} {value:.4f}' for key, value in numbers.items()))
        if args.json:
            process.on_first(lambda: write_numbers(numbers, args.json), f'writing {args.json}')


def write_numbers(numbers: Mapping[str, object], path: str) -> None:
    """Write the numbers as JSON, whole or not at all."""
    try:
        write_json(path, numbers, indent=1)
    except OSError as error:
        raise DataError(f'--json {path}: cannot write: {error.strerror}') from error


if __name__ == '__main__':
    run(main)
