"""``tools/evaluate.py davis|vos|vot``: folders of label maps and VOT result files against the benchmarks' own."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmdet.errors import DataError
from mmdet.evaluation.davis import MEASURES, TASKS, DavisScores, evaluate_sequence
from mmdet.evaluation.reports import Report
from mmdet.evaluation.tables import text_table
from mmdet.evaluation.vos_metrics import score_video, seen_categories
from mmdet.evaluation.vot import (
    PROTOCOLS,
    attribute_table,
    evaluate_vot,
    frame_overlaps,
    interval_of,
    per_attribute,
)
from mmdet.evaluation.vot_files import read_repetitions
from mmdet.evaluation.vot_runs import VOTRun
from mmdet.evaluation.youtube_vos import VOSScores
from mmdet.sequences.davis import read_names
from mmdet.sequences.label_maps import is_drawn_white, merged_objects, read_label_map
from mmdet.sequences.vot import read_vot
from mmdet.sequences.youtube_vos import VOSVideo, read_meta

log = logging.getLogger('mmdet.evaluation')


def davis_options(parser: ArgumentParser) -> None:
    """Options of ``davis``."""
    parser.add_argument('results', help='folder with <sequence>/<frame>.png')
    parser.add_argument('--annotations', required=True, help='root of DAVIS, or a folder with <sequence>/<frame>.png')
    parser.add_argument('--task', choices=TASKS, default=TASKS[0], help='default: %(default)s')
    parser.add_argument(
        '--sequences',
        metavar='FILE',
        help='list of sequences (default: ImageSets/2017/val.txt of the root, with --merge-objects 2016/val.txt; all '
        'folders where there is none)',
    )
    parser.add_argument('--merge-objects', action='store_true', help='all objects of a sequence as one: DAVIS 2016')


def evaluate_davis(arguments: Namespace) -> Report:
    """Score a folder of results."""
    truth_root, results = _davis_maps(Path(arguments.annotations)), Path(arguments.results)
    scores = DavisScores()
    for name in _davis_names(arguments, truth_root):
        frames = _png_stems(truth_root / name, 'annotations')
        truth = _maps(truth_root / name, frames, None, f'annotations of {name}')
        size = (truth.shape[1], truth.shape[2])
        found = _maps(results / name, frames, size, f'results of {name}')
        if arguments.merge_objects:
            truth = merged_objects(truth, is_drawn_white(truth[0]))
            found = merged_objects(found, is_drawn_white(found))
        scores.sequences.append(evaluate_sequence(truth, found, arguments.task, name))
    curves = {
        s.name: {
            f'{m} object {number}': getattr(s, m)[row].tolist()
            for m in MEASURES
            for row, number in enumerate(s.objects)
        }
        for s in scores.sequences
    }
    return Report(scores.table(), {**scores.as_dict(), 'task': arguments.task}, curves)


def _davis_maps(root: Path) -> Path:
    folder = next((root / n for n in ('Annotations/480p', 'Annotations') if (root / n).is_dir()), root)
    if not folder.is_dir():
        raise DataError(f'{root}: no such folder of annotations')
    return folder


def _davis_names(arguments: Namespace, truth_root: Path) -> list[str]:
    year = 2016 if arguments.merge_objects else 2017
    listed = arguments.sequences or Path(arguments.annotations) / f'ImageSets/{year}/val.txt'
    if arguments.sequences or Path(listed).is_file():
        return read_names(listed)
    names = sorted(path.name for path in truth_root.iterdir() if path.is_dir())
    if not names:
        raise DataError(f'{truth_root}: no folders of label maps')
    return names


def _png_stems(folder: Path, what: str) -> list[str]:
    stems = sorted(path.stem for path in folder.glob('*.png'))
    if not stems:
        raise DataError(f'{folder}: no label maps ({what}); is it the right folder?')
    return stems


def _maps(folder: Path, frames: Sequence[str], size: tuple[int, int] | None, what: str) -> np.ndarray:
    """Label maps (T, H, W) of the given frames, all of one size."""
    if not folder.is_dir():
        raise DataError(f'{folder}: no such folder ({what})')
    maps = []
    for frame in frames:
        maps.append(read_label_map(folder / f'{frame}.png', size, what))
        size = maps[0].shape
    return np.stack(maps)


def vos_options(parser: ArgumentParser) -> None:
    """Options of ``vos``."""
    parser.add_argument('results', help='folder with <video>/<frame>.png, or one that holds it as Annotations')
    parser.add_argument('--annotations', required=True, help='folder of a split: meta.json and Annotations')
    parser.add_argument('--train-meta', metavar='FILE', help='meta.json of the training set: its categories are "seen"')


def evaluate_vos(arguments: Namespace) -> Report:
    """Score a folder of results."""
    root, results = Path(arguments.annotations), Path(arguments.results)
    results = results / 'Annotations' if (results / 'Annotations').is_dir() else results
    scores, curves = VOSScores(seen_categories(arguments.train_meta)), {}
    for video in read_meta(root / 'meta.json'):
        truth = _video_maps(root / 'Annotations' / video.name, video, None, 'annotations')
        size = next(iter(truth.values())).shape
        found = _video_maps(results / video.name, video, (size[0], size[1]), 'results')
        objects = list(score_video(video, truth, found))
        scores.objects += objects
        curves[video.name] = {
            f'{m} object {item.id}': line.tolist()
            for item in objects
            for m, line in zip(MEASURES, item.series(video.frames))
        }
    return Report(scores.table(), scores.as_dict(), {name: lines for name, lines in curves.items() if lines})


def _video_maps(folder: Path, video: VOSVideo, size: tuple[int, int] | None, what: str) -> dict[str, np.ndarray]:
    return dict(zip(video.frames, _maps(folder, video.frames, size, f'{what} of {video.name}')))


def vot_options(parser: ArgumentParser) -> None:
    """Options of ``vot``."""
    parser.add_argument('results', help='folder with baseline/<sequence>/<sequence>_001.txt')
    parser.add_argument('--annotations', required=True, help='root of the set: list.txt and a folder per sequence')
    parser.add_argument('--protocol', choices=PROTOCOLS, default=PROTOCOLS[0], help='which program\'s numbers')
    parser.add_argument('--year', type=int, default=2018, help='gives the interval of EAO (default: %(default)s)')
    parser.add_argument('--interval', type=int, nargs=2, metavar=('LOW', 'HIGH'), help='that interval itself')


def evaluate_vot_files(arguments: Namespace) -> Report:
    """Score a folder of results; sequences without a complete file are left out with a message."""
    interval = tuple(arguments.interval) if arguments.interval else interval_of(arguments.year, arguments.protocol)
    runs, absent = [], []
    for sequence in read_vot(arguments.annotations):
        repetitions = read_repetitions(arguments.results, sequence.name, len(sequence.regions))
        if repetitions:
            known = (sequence.polygons, sequence.size, tuple(repetitions), sequence.attributes)
            runs.append(VOTRun(sequence.name, *known))
        else:
            absent.append(sequence.name)
    if not runs:
        raise DataError(f'{arguments.results}: no complete result file of any of {len(absent)} sequences')
    numbers = evaluate_vot(runs, (interval[0], interval[1]), arguments.protocol)
    table = text_table(list(numbers), [list(numbers.values())])
    attributes = per_attribute(runs, arguments.protocol)
    if attributes:
        table = f'{table}\n\n{attribute_table(attributes)}'
    if absent:
        table = f'without {len(absent)} sequences that have no complete result: {", ".join(absent[:8])}\n\n{table}'
    curves = {run.name: {'overlap': frame_overlaps(run, arguments.protocol)[0].tolist()} for run in runs}
    extra = {'protocol': arguments.protocol, 'interval': list(interval), 'sequences_without_results': absent}
    extra['per_attribute'] = attributes
    return Report(table, {**numbers, **extra}, curves)
