"""PointTrack in miniature: data, both networks and their score, then the same masks described for other trackers.

    python benchmarks/run_shapes_mots.py --seed 0 --work-dir work_dirs/shapes_mots/0
    python benchmarks/run_shapes_mots.py --seed 0 --work-dir work_dirs/shapes_mots/0 --mask-rcnn
    python benchmarks/bench_association.py work_dirs/shapes_mots/0

Every stage is a command that a user could type. A stage that ended well is not run again, so the same call goes on
after an interruption; a training goes on from its last checkpoint. `score.json` tells what the two networks reach on
sequences that training never saw, and the minutes of their trainings. With `--mask-rcnn` the masks of a Mask R-CNN are
made and described, too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from mmdet.engine.cli import CommandParser, run
from mmdet.engine.stages import Journal, Line, absolute_path, add_stage_options, run_stages, train_line
from mmdet.files import write_json

ROOT = Path(__file__).resolve().parents[1]
SETS = {'holdout': ('seqmaps/train.seqmap', 'holdout'), 'valid': ('seqmaps/val.seqmap', 'None')}
NETWORKS = ('segmenter', 'points')  # whose minutes count: the others are for comparison
LOADERS = ('train_dataloader', 'test_dataloader')
SEGMENTER, POINTS = 'configs/spatial_embedding_erfnet_shapes_mots.py', 'configs/pointtrack_shapes_mots.py'
BOTH = 'configs/spatial_embedding_pointtrack_shapes_mots.py'
DEEPSORT = 'configs/spatial_embedding_deepsort_shapes_mots.py'
REID, MASK_RCNN = 'configs/reid_deepsort_shapes_mots.py', 'configs/masktrack_rcnn_r18_fpn_shapes_mots.py'


def stages(args: argparse.Namespace) -> dict[str, Line]:
    """Command line of every stage, by name, in order."""
    work: Path = args.work_dir
    data = work / 'data'
    videos = ['--train', args.train_videos, '--valid', args.valid_videos, '--size', '160x96', '--objects', 2, 4]
    make = ['tools/make_shapes.py', data, '--format', 'kitti-mots', *videos, '--seed', args.seed, '--workers', 2]
    head = f'model.track_head.weights={work}/points/last.safetensors'
    lines = {
        'data': make,
        'segmenter': _train(args, SEGMENTER, 'segmenter', LOADERS),
        'points': _train(args, POINTS, 'points', LOADERS),
    }
    for name in SETS:
        lines[f'masks, {name}'] = _test(args, BOTH, 'segmenter', f'spatial_embedding/points/{name}', name, [head])
    lines['reid'] = _train(args, REID, 'reid', LOADERS, '.videos')
    lines |= _described(args, 'spatial_embedding', 'points', ('reid',))
    if args.mask_rcnn:
        lines['mask_rcnn'] = _train(args, MASK_RCNN, 'mask_rcnn', LOADERS)
        for name in SETS:
            lines[f'mask_rcnn, {name}'] = _test(args, MASK_RCNN, 'mask_rcnn', f'mask_rcnn/masktrack/{name}', name)
        lines |= _described(args, 'mask_rcnn', 'masktrack', ('points', 'reid'))
    return {name: [str(part) for part in line] for name, line in lines.items()}


def _train(args: argparse.Namespace, config: str, name: str, loaders: Sequence[str], inside: str = '') -> Line:
    data = [f'{loader}.dataset{inside}.data_root={args.work_dir}/data' for loader in loaders]
    return train_line(config, args.work_dir / name, args.seed, args.processes, [*data, *args.train])


def _test(
    args: argparse.Namespace, config: str, weights: str, out: str, name: str, options: Sequence[str] = ()
) -> Line:
    """Store detections of a set below ``out``, with numbers in the file ``<out>.json``."""
    seqmap, split = SETS[name]
    place = {'data_root': f'{args.work_dir}/data', 'seqmap': seqmap, 'split': split}
    settings = [f'test_dataloader.dataset.{key}={value}' for key, value in place.items()]
    file = weights if weights == 'none' else f'{args.work_dir}/{weights}/last.safetensors'
    line = ['tools/test_video.py', config, file, '--work-dir', f'{args.work_dir}/test']
    written = ['--dump-detections', f'{args.work_dir}/{out}', '--json', f'{args.work_dir}/{out}.json']
    return [*line, *written, '--cfg-options', *settings, *options]


def _described(args: argparse.Namespace, masks: str, stored: str, heads: Sequence[str]) -> dict[str, Line]:
    """Vectors of other track heads for masks that are stored."""
    lines = {}
    for head in heads:
        config, weights = {'points': (POINTS, 'points'), 'reid': (DEEPSORT, 'none')}[head]
        for name in SETS:
            options = [
                'model.detector.type=PrecomputedDetector',
                f'model.detector.path={args.work_dir}/{masks}/{stored}/{name}',
                'model.detector.use_embeddings=False',
            ]
            if head == 'reid':
                options.append(f'model.track_head.weights={args.work_dir}/reid/last.safetensors')
            lines[f'{masks}, {head}, {name}'] = _test(args, config, weights, f'{masks}/{head}/{name}', name, options)
    return lines


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line arguments."""
    parser = CommandParser(description=__doc__ or '')
    default = absolute_path('work_dirs/shapes_mots/0')
    parser.add_argument('--work-dir', type=absolute_path, default=default, help='gets everything')
    add_stage_options(parser, train_videos=800)
    parser.add_argument('--mask-rcnn', action='store_true', help='train Mask R-CNN, too, and store its masks')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stages that are not finished; write score.json."""
    args = parse(argv)
    report(args, run_stages(stages(args), Journal(args.work_dir / 'stages'), ROOT))
    return 0


def report(args: argparse.Namespace, seconds: dict[str, float]) -> None:
    """Print and write what both networks reach, and the minutes of all stages."""
    numbers = json.loads((args.work_dir / 'spatial_embedding/points/valid.json').read_text())
    minutes = sum(seconds[name] for name in NETWORKS) / 60
    shown = {name: numbers[name] for name in ('sMOTSA', 'MOTSA', 'MOTSP', 'HOTA', 'IDF1')}
    score = {**shown, 'minutes of training': round(minutes, 1), 'seed': args.seed, 'seconds': seconds}
    write_json(args.work_dir / 'score.json', score, indent=2)
    print(f'\nsMOTSA {100 * numbers["sMOTSA"]:.1f} on unseen sequences after {minutes:.1f} minutes of training')


if __name__ == '__main__':
    run(main)
