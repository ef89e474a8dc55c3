"""A claim in miniature: procedural videos, equal trainings of several networks, and their scores.

    for S in 0 1 2; do python benchmarks/run_shapes.py occluded --seed $S --work-dir work_dirs/occluded/$S; done
    python benchmarks/score_table.py work_dirs/occluded/0 work_dirs/occluded/1 work_dirs/occluded/2

    for S in 0 1 2; do python benchmarks/run_shapes.py vos --seed $S --work-dir work_dirs/shapes_vos/$S; done
    python benchmarks/score_table.py work_dirs/shapes_vos/0 work_dirs/shapes_vos/1 work_dirs/shapes_vos/2

`occluded` compares CMaskTrack R-CNN with MaskTrack R-CNN where objects hide each other; `vos` the base network of
SiamMask with refined masks and with a second stage, with and without voting. Every stage is a command that a user could
type, and is run once: the same call goes on after an interruption. `score.json` tells the numbers on videos that
training never saw, and the minutes of the trainings.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmdet.engine.cli import CommandParser, run
from mmdet.engine.stages import Journal, Line, absolute_path, add_stage_options, run_stages, train_line
from mmdet.files import write_json

ROOT = Path(__file__).resolve().parents[1]
TEST_DATA = 'test_dataloader.dataset.data_root'


@dataclass(frozen=True)
class Network:
    """One training.

    Attributes:
        config: its config.
        train_data: keys of the config that say where training looks for videos.
        start: network whose weights it starts from.
    """

    config: str
    train_data: tuple[str, ...] = ('train_dataloader.dataset.data_root', TEST_DATA)
    start: str | None = None


@dataclass(frozen=True)
class Experiment:
    """Networks to be compared.

    Attributes:
        videos: options of ``tools/make_shapes.py``.
        test_format: layout of the test videos where it is another one; they are then a set of their own.
        networks: trainings by name, in order.
        tests: network and ``--cfg-options`` of every row of the table.
        numbers: columns of the table.
    """

    videos: tuple[str, ...]
    test_format: str | None
    networks: Mapping[str, Network]
    tests: Mapping[str, tuple[str, tuple[str, ...]]]
    numbers: tuple[str, ...]


_PAIRS = ('train_dataloader.dataset.sources.0.data.data_root',)
EXPERIMENTS = {
    'occluded': Experiment(
        videos=('--objects', '3', '6', '--occlusion', 'heavy'),
        test_format=None,
        networks={
            'masktrack': Network('configs/masktrack_rcnn_r18_fpn_shapes_occluded.py'),
            'cmasktrack': Network('configs/cmasktrack_rcnn_r18_fpn_shapes_occluded.py'),
        },
        tests={'MaskTrack': ('masktrack', ()), 'CMaskTrack': ('cmasktrack', ())},
        numbers=('AP', 'AP50', 'AP_light', 'AP_moderate', 'AP_heavy'),
    ),
    'vos': Experiment(
        videos=('--objects', '2', '4'),
        test_format='davis',
        networks={
            'base': Network('configs/siammask_base_r18_shapes.py', _PAIRS),
            'sharp': Network('configs/siammask_sharp_r18_shapes.py', _PAIRS, start='base'),
            's2': Network('configs/s2iammask_r18_shapes.py', _PAIRS, start='base'),
        },
        tests={
            'base': ('base', ()),
            'sharp': ('sharp', ()),
            's2, voting': ('s2', ()),
            's2, no voting': ('s2', ('model.stage2_head.num_votes=1',)),
        },
        numbers=('J&F-Mean', 'J-Mean', 'J-Recall', 'F-Mean', 'F-Recall'),
    ),
}


def stages(args: argparse.Namespace) -> dict[str, Line]:
    """Command line of every stage, by name, in order."""
    experiment, work = EXPERIMENTS[args.experiment], args.work_dir
    processes = ['--gpus', str(args.processes)]
    lines = _data_stages(args)
    for name, network in experiment.networks.items():
        options = [f'{key}={work}/data' for key in network.train_data]
        start = work / network.start / 'last.safetensors' if network.start else args.start
        if start:
            options.append(f'load_from={start}')
        lines[name] = train_line(network.config, work / name, args.seed, args.processes, [*options, *args.train])
    test_folder = 'test_data' if experiment.test_format else 'data'
    for name, (trained, changes) in experiment.tests.items():
        network = experiment.networks[trained]
        line = ['tools/test_video.py', network.config, f'{work}/{trained}/last.safetensors', *processes]
        out = ['--work-dir', f'{work}/test', '--json', f'{work}/{name}.json']
        lines[f'test, {name}'] = [*line, *out, '--cfg-options', f'{TEST_DATA}={work}/{test_folder}', *changes]
    return lines


def _data_stages(args: argparse.Namespace) -> dict[str, Line]:
    """Training videos, and those of the test in the same or a second set."""
    experiment, work = EXPERIMENTS[args.experiment], args.work_dir
    options = [*experiment.videos, '--seed', str(args.seed), '--workers', '2']
    make, valid = 'tools/make_shapes.py', str(args.valid_videos)
    if experiment.test_format is None:
        return {'data': [make, f'{work}/data', '--train', str(args.train_videos), '--valid', valid, *options]}
    layout = ['--format', experiment.test_format]
    return {
        'data': [make, f'{work}/data', '--train', str(args.train_videos), '--valid', '1', *options],
        'test data': [make, f'{work}/test_data', *layout, '--train', '1', '--valid', valid, *options],
    }


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line arguments."""
    parser = CommandParser(description=__doc__ or '')
    parser.add_argument('experiment', choices=sorted(EXPERIMENTS))
    parser.add_argument('--work-dir', type=absolute_path, required=True, help='gets everything')
    parser.add_argument(
        '--start', type=absolute_path, metavar='FILE', help='weights that networks start from, unless from each other'
    )
    add_stage_options(parser, train_videos=300)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stages that are not finished; print and write the scores."""
    args = parse(argv)
    experiment = EXPERIMENTS[args.experiment]
    seconds = run_stages(stages(args), Journal(args.work_dir / 'stages'), ROOT)
    rows = {}
    for name in experiment.tests:
        numbers = json.loads((args.work_dir / f'{name}.json').read_text())
        rows[name] = {number: numbers[number] for number in experiment.numbers}
        print(f'{name:14}', *(f'{number} {value:.3f}' for number, value in rows[name].items()))
    minutes = {name: round(seconds[name] / 60, 1) for name in experiment.networks}
    print('minutes of training:', minutes)
    write_json(args.work_dir / 'score.json', {'seed': args.seed, 'minutes': minutes, 'rows': rows}, indent=2)
    return 0


if __name__ == '__main__':
    run(main)
