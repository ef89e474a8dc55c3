"""Train the model of a config, on one process or several."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from mmdet.engine.build import build_trainer, default_work_dir, prepare_work_dir
from mmdet.engine.cli import EXIT_DONE, EXIT_STOPPED, CommandParser, run
from mmdet.engine.config import add_config_options, load_config, parse_overrides
from mmdet.engine.distributed import STEP_TIMEOUT, join_processes, leave_processes
from mmdet.engine.launch import launch, must_launch
from mmdet.engine.optim import with_amp
from mmdet.engine.train_log import set_up_logging

EPILOG = """\
examples:
  python tools/train.py configs/masktrack_rcnn_r18_fpn_shapes.py
  python tools/train.py CONFIG --gpus 4 --amp --work-dir work_dirs/run1
  python tools/train.py CONFIG --resume                      from the newest checkpoint of the work folder
  python tools/train.py CONFIG --cfg-options train_dataloader.batch_size=2 optim_wrapper.optimizer.lr=0.0025

SIGTERM or SIGUSR1 saves at the end of the step and ends with exit code 75: run the same command with --resume.
"""


def parse(argv: Sequence[str] | None) -> Namespace:
    """The command line."""
    parser = CommandParser(__doc__ or '', epilog=EPILOG)
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for checkpoints and logs (default: work_dirs/<config>)')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='PATH',
        help='go on exactly where a run was: from PATH (a checkpoint or a work folder), or from this work folder',
    )
    parser.add_argument('--gpus', type=int, default=1, metavar='N', help='processes to start, one per GPU (or on CPU)')
    parser.add_argument('--amp', action='store_true', help='mixed precision: the config says in what, else bfloat16')
    parser.add_argument('--seed', type=int, help='drives python, numpy, torch and the data')
    parser.add_argument('--deterministic', action='store_true', help='only operations that always give the same bits')
    parser.add_argument(
        '--launcher', choices=['auto', 'none', 'slurm'], default='auto', help='what started several processes'
    )
    add_config_options(parser)
    return parser.parse_args(argv)


def read_config(args: Namespace) -> Config:
    """The config with what the command line says."""
    config = load_config(args.config, parse_overrides(args.cfg_options))
    config.work_dir = args.work_dir or default_work_dir(config)
    if args.seed is not None:
        config.seed = args.seed
    if args.deterministic:
        config.env_cfg = {**(config.get('env_cfg') or {}), 'deterministic': True}
    return config


def main(argv: Sequence[str] | None = None) -> int:
    """Train; 0 when done, 75 when stopped by a signal after saving."""
    args = parse(argv)
    if args.launcher == 'auto' and must_launch(args.gpus):
        return launch(args.gpus, [sys.argv[0], *(sys.argv[1:] if argv is None else argv)])
    config = read_config(args)
    process = join_processes(args.launcher, (config.get('env_cfg') or {}).get('timeout', STEP_TIMEOUT))
    if args.amp:
        config.optim_wrapper = with_amp(config.get('optim_wrapper') or {}, process.device)
    set_up_logging(process, prepare_work_dir(config, process))
    resume = args.resume or config.get('resume')
    if resume in (True, 'auto'):
        resume = config.work_dir
    finished = build_trainer(config, process).train(Path(resume) if resume else None)
    leave_processes()
    return EXIT_DONE if finished else EXIT_STOPPED


if __name__ == '__main__':
    run(main)
