"""What ``tools/evaluate.py`` can do: one entry per benchmark, each with its options and its evaluation of files.

A new benchmark is a function that adds its options, a function that evaluates, and a row in :data:`COMMANDS`.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmdet.errors import ConfigError
from mmdet.evaluation import vos_commands as vos
from mmdet.evaluation.coco import KINDS, evaluate_coco_files
from mmdet.evaluation.files import atomic_file, read_json
from mmdet.evaluation.reports import Report
from mmdet.evaluation.tracking.files import evaluate_mot_files, evaluate_mots_files, evaluate_video_entries
from mmdet.evaluation.tracking.videos import Overlap
from mmdet.evaluation.vis_ground_truth import read_ground_truth
from mmdet.evaluation.vis_results import load_results
from mmdet.evaluation.ytvis import TrackAPOptions, TrackEvaluator, evaluate_results
from mmdet.formats import mots_seqmap, read_seqmap
from mmdet.holdout import HOLDOUT_FRACTION, SPLITS


@dataclass(frozen=True)
class Command:
    """One benchmark: what it is, which options it takes, and how it is run on files."""

    help: str
    add_options: Callable[[ArgumentParser], None]
    evaluate: Callable[[Namespace], Report]
    curves: bool = False  # whether its report has values per frame to plot
    check: Callable[[ArgumentParser, Namespace], None] = lambda parser, arguments: None  # refuses options at odds


def add_split_options(parser: ArgumentParser) -> None:
    """Give a command ``--split`` and ``--holdout-fraction``, which choose videos of its annotation file."""
    parser.add_argument(
        '--split', choices=SPLITS, help='only these videos of the annotation file: the held-out part, or the rest'
    )
    parser.add_argument(
        '--holdout-fraction',
        type=float,
        default=HOLDOUT_FRACTION,
        metavar='F',
        help='share of the videos that is held out, with --split (default: %(default)s)',
    )


def _track_options(parser: ArgumentParser) -> None:
    parser.add_argument('results', help='result file: .json, or .zip holding results.json')
    parser.add_argument('--annotations', required=True, help='annotation file (JSON) with ground truth')
    add_split_options(parser)
    parser.add_argument('--class-agnostic', action='store_true', help='let any category match any other')
    parser.add_argument(
        '--official',
        action='store_true',
        help="exactly the benchmark's evaluator, which lets short lists and unknown categories pass",
    )


def _evaluate_tracks(arguments: Namespace, with_occlusion: bool) -> Report:
    agnostic = arguments.class_agnostic
    options = TrackAPOptions.official(agnostic) if arguments.official else TrackAPOptions(class_agnostic=agnostic)
    truth = read_ground_truth(read_json(arguments.annotations, 'annotation'), str(arguments.annotations))
    truth = truth.part(arguments.split, arguments.holdout_fraction)
    results = load_results(arguments.results)
    found = evaluate_results(TrackEvaluator(truth, options, with_occlusion), results, str(arguments.results))
    covered, videos = len({entry['video_id'] for entry in results}), len(truth.videos)
    table = found.table()
    if covered < videos:
        hint = '' if arguments.split else '; for results of a hold-out give --split holdout'
        coverage = f'results cover {covered} of {videos} videos of {truth.source}'
        table = f'{coverage}, the others count as videos without detections{hint}\n\n{table}'
    split = {'split': arguments.split, 'holdout_fraction': arguments.holdout_fraction} if arguments.split else {}
    numbers = {**found.as_dict(), 'official': arguments.official, 'videos_with_results': covered, **split}
    return Report(table, numbers)


def _coco_options(parser: ArgumentParser) -> None:
    parser.add_argument('results', help='COCO result file (.json, or .zip holding results.json)')
    parser.add_argument('--annotations', required=True, help='COCO annotation file (JSON)')
    parser.add_argument('--metrics', nargs='+', choices=KINDS, default=list(KINDS), help='kinds of overlap')


def _evaluate_images(arguments: Namespace) -> Report:
    found = evaluate_coco_files(arguments.annotations, arguments.results, arguments.metrics)
    tables = '\n\n'.join(part.table() for part in found.values())
    return Report(tables, {kind: part.as_dict() for kind, part in found.items()})


def _mot_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        'results', help='folder with <sequence>.txt, one such file, or YouTube-VIS results (.json, .zip)'
    )
    parser.add_argument(
        '--annotations',
        required=True,
        help='folder of sequences with gt/gt.txt, one gt.txt, or a YouTube-VIS annotation file (.json)',
    )
    parser.add_argument('--seqmap', metavar='FILE', help='only the sequences that this file lists')
    parser.add_argument(
        '--distractors',
        type=int,
        nargs='*',
        metavar='CLASS',
        help='classes of gt.txt on which results are excused (default: those of the benchmark)',
    )
    video = parser.add_argument_group('YouTube-VIS files')
    video.add_argument('--overlap', choices=['masks', 'boxes'], help='default: masks')
    video.add_argument('--min-score', type=float, metavar='S', help='leave out tracks scored lower')
    add_split_options(parser)


def _check_mot(parser: ArgumentParser, arguments: Namespace) -> None:
    """Refuse options that the form of the ground truth has no use for."""
    annotations = Path(arguments.annotations)
    video = annotations.suffix == '.json'
    names = ('seqmap', 'distractors') if video else ('overlap', 'min_score', 'split')
    given = [name for name in names if getattr(arguments, name) is not None]
    if given:
        form = 'a YouTube-VIS annotation file' if video else 'MOTChallenge ground truth'
        parser.error(f'--{given[0].replace("_", "-")} has no effect with {form} ({annotations})')
    if arguments.seqmap and (annotations.is_file() or (annotations / 'gt' / 'gt.txt').is_file()):
        parser.error(f'--seqmap chooses among sequences, but {annotations} is a single one')


def _evaluate_mot(arguments: Namespace) -> Report:
    if Path(arguments.annotations).suffix != '.json':
        rows = read_seqmap(arguments.seqmap) if arguments.seqmap else None
        names = [row.name for row in rows] if rows else None
        found = evaluate_mot_files(arguments.results, arguments.annotations, names, arguments.distractors)
        return Report(found.table(), found.as_dict())
    truth = read_ground_truth(read_json(arguments.annotations, 'annotation'), str(arguments.annotations))
    truth = truth.part(arguments.split, arguments.holdout_fraction)
    entries = load_results(arguments.results)
    overlap: Overlap = arguments.overlap or 'masks'
    min_score = arguments.min_score or 0.0
    found = evaluate_video_entries(truth, entries, overlap, str(arguments.results), min_score)
    return Report(found.table(), {**found.as_dict(), 'overlap': overlap, 'min_score': min_score})


def _mots_options(parser: ArgumentParser) -> None:
    parser.add_argument('results', help='folder with <sequence>.txt, or with folders of instance maps')
    parser.add_argument(
        '--annotations', required=True, help='instances_txt or instances (KITTI MOTS), or train (MOTSChallenge)'
    )
    parser.add_argument('--protocol', choices=['trackeval', 'mots_tools'], default='trackeval', help='whose counting')
    lengths = parser.add_mutually_exclusive_group()
    lengths.add_argument('--seqmap', metavar='FILE', help='sequences to evaluate, with their last frames')
    lengths.add_argument('--part', help="the benchmark's own sequences: kitti-val, motschallenge-train, ...")
    help_official = "let pass what the protocol's own program lets pass, see docs/evaluation.md"
    parser.add_argument('--official', action='store_true', help=help_official)


def _evaluate_mots(arguments: Namespace) -> Report:
    rows = read_seqmap(arguments.seqmap) if arguments.seqmap else None
    if arguments.part:
        if '-' not in arguments.part:
            raise ConfigError(f'--part {arguments.part}: give benchmark and part, such as kitti-val')
        rows = mots_seqmap(*arguments.part.partition('-')[::2])
    found = evaluate_mots_files(
        arguments.results, arguments.annotations, arguments.protocol, rows, arguments.official
    )
    return Report(found.table(), {**found.as_dict(), 'official': arguments.official})


COMMANDS: dict[str, Command] = {
    'ytvis': Command(
        'YouTube-VIS: AP of mask tracks', _track_options, lambda a: _evaluate_tracks(a, False)
    ),
    'ovis': Command(
        'OVIS: AP of mask tracks, by occlusion too', _track_options, lambda a: _evaluate_tracks(a, True)
    ),
    'mot': Command(
        'MOTChallenge, or YouTube-VIS results: HOTA, CLEAR, IDF1', _mot_options, _evaluate_mot, check=_check_mot
    ),
    'mots': Command('MOTS: sMOTSA, HOTA and their kin, by class and sequence', _mots_options, _evaluate_mots),
    'coco': Command('COCO: AP of boxes and masks on images', _coco_options, _evaluate_images),
    'davis': Command('DAVIS 2016 and 2017: J and F of label maps', vos.davis_options, vos.evaluate_davis, curves=True),
    'vos': Command(
        'YouTube-VOS: J and F of label maps, seen and unseen', vos.vos_options, vos.evaluate_vos, curves=True
    ),
    'vot': Command('VOT: accuracy, robustness and EAO', vos.vot_options, vos.evaluate_vot_files, curves=True),
}


def write_report(report: Report, arguments: Namespace, path: str | Path) -> None:
    """Write every number and the files they come from as JSON.

    Raises:
        DataError: the file cannot be written.
    """
    inputs = {key: value for key, value in vars(arguments).items() if key in ('benchmark', 'results', 'annotations')}
    with atomic_file(path) as file:
        file.write(json.dumps({**inputs, **report.numbers}, indent=1).encode() + b'\n')
