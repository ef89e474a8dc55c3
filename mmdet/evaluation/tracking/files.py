"""Evaluation of result files of tracking benchmarks against ground truth files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from mmdet.errors import AnnotationsMissingError, DataError
from mmdet.evaluation.tracking.mot import MOTSequence, evaluate_mot, read_truth
from mmdet.evaluation.tracking.mots import evaluate_mots
from mmdet.evaluation.tracking.numbers import Numbers
from mmdet.evaluation.tracking.scenes import class_scene
from mmdet.evaluation.tracking.scores import Protocol, TrackingScores, scene_numbers
from mmdet.evaluation.tracking.videos import Overlap, observe_annotations, observe_entries, usual_rule
from mmdet.evaluation.vis_ground_truth import GroundTruth
from mmdet.formats import (
    IGNORE,
    MOTS_CLASSES,
    BoxTable,
    MaskTable,
    SeqmapRow,
    list_mask_pngs,
    mots_sources,
    read_boxes,
    read_mask_pngs,
    read_masks,
)


def evaluate_mot_files(
    results: str | Path,
    annotations: str | Path,
    sequences: Collection[str] | None = None,
    distractors: Collection[int] | None = None,
) -> TrackingScores:
    """MOTChallenge results against ground truth.

    Args:
        results: folder with ``<sequence>.txt`` (or ``data/<sequence>.txt``), or one such file; of several sequences
            one file is of the sequence that it is called like, and that one alone is evaluated.
        annotations: folder of sequences with ``gt/gt.txt``, one sequence's folder, or its ``gt.txt``.
        sequences: names to evaluate, None for all that have ground truth.
        distractors: classes that excuse results, None for those of the benchmark that a sequence's name tells.

    Raises:
        AnnotationsMissingError: there is no ground truth.
        DataError: a file is missing or damaged, or it is one file and called like none of several sequences; file, line
            and frame are named.
    """
    truth = {sequence.name: sequence for sequence in _mot_sequences(Path(annotations), sequences)}
    truth = {name: truth[name] for name in _covered(Path(results), list(truth))}
    found: dict[str, BoxTable] = {}
    for name, sequence in truth.items():
        found[name] = read_boxes(_result_file(Path(results), name), 'result', sequence.length)
    return evaluate_mot(truth, found, distractors)


def evaluate_mots_files(
    results: str | Path,
    annotations: str | Path,
    protocol: Protocol = 'trackeval',
    seqmap: Iterable[SeqmapRow] | None = None,
    official: bool = False,
) -> TrackingScores:
    """MOTS results against ground truth; the layout of the ground truth says which benchmark it is.

    Args:
        results: folder with ``<sequence>.txt``, or folders ``<sequence>`` of instance maps where there is no text, or
            one text file, see :func:`evaluate_mot_files`.
        annotations: KITTI MOTS ``instances_txt`` or ``instances``, or MOTSChallenge ``train`` (``*/gt/gt.txt``). A
            sequence with text and maps is read from the maps, as mots_tools does.
        protocol: see :func:`mmdet.evaluation.tracking.mots.evaluate_mots`.
        seqmap: sequences and last frames; None takes all sequences, each up to the last map or frame with an object.
        official: let pass what the protocol's own program does: unknown classes (``trackeval``) or frames after the
            last one (``mots_tools``).

    Raises:
        AnnotationsMissingError: there is no ground truth.
        DataError: a file is missing or damaged, masks overlap, ...; file, line, frame and id are named.
    """
    root = Path(annotations)
    found, first_frame = _mots_sources(root)
    rows = list(seqmap) if seqmap is not None else [SeqmapRow(name) for name in sorted(found)]
    missing = [row.name for row in rows if row.name not in found]
    if missing:
        raise DataError(f'{root}: no ground truth of sequence {missing[0]}; there are {", ".join(sorted(found)[:10])}')
    covered = _covered(Path(results), [row.name for row in rows])
    truth: dict[str, MaskTable] = {}
    tables: dict[str, MaskTable] = {}
    lengths: dict[str, int] = {}
    for row in (row for row in rows if row.name in covered):
        length = None if row.last is None else row.last - first_frame + 1
        truth[row.name] = table = _read_table(found[row.name], length, first_frame, complete=True)
        path = _mots_result(Path(results), row.name)
        tables[row.name] = found_masks = _read_table(path, length, first_frame, table.size, official, protocol)
        lengths[row.name] = length or max(
            _length_of(found[row.name], table, first_frame), _length_of(path, found_masks, first_frame)
        )
    present = {c for table in truth.values() for c in table.class_ids.tolist()} - {IGNORE}
    classes = MOTS_CLASSES if first_frame == 0 else {c: n for c, n in MOTS_CLASSES.items() if c in present | {2}}
    return evaluate_mots(truth, tables, lengths, protocol, classes)


def evaluate_video_entries(
    truth: GroundTruth, entries: list[dict[str, Any]], overlap: Overlap, source: str, min_score: float = 0.0
) -> TrackingScores:
    """YouTube-VIS results as tracks: every entry is one track of its category.

    Args:
        truth: annotation file.
        entries: content of the result file.
        overlap: compare ``masks`` or their ``boxes``.
        source: result file, for messages.
        min_score: entries below are left out. Metrics over time, unlike average precision, count every track alike.

    Raises:
        DataError: a result is damaged or of an unknown video or category; file, entry and frame are named.
    """
    by_video: dict[int, dict[str, dict[str, Any]]] = {video_id: {} for video_id in truth.videos}
    for index, entry in enumerate(entries):
        where = f'{source}: result {index}'
        if entry.get('video_id') not in by_video:
            raise DataError(f'{where}: video_id {entry.get("video_id")!r} is not in {truth.source}')
        if entry.get('category_id') not in truth.categories:
            raise DataError(f'{where}: category_id {entry.get("category_id")!r} is not in {truth.source}')
        score = entry.get('score')
        if not isinstance(score, int | float) or score >= min_score:
            by_video[entry['video_id']][where] = entry
    rule = usual_rule(entry for entries in truth.annotations.values() for entry in entries)
    numbers: dict[str, dict[str, Numbers]] = {label: {} for label in truth.categories.values()}
    for video_id, video in truth.videos.items():
        objects = observe_annotations(truth.annotations.get(video_id, []), video, overlap, truth.source)
        found = observe_entries(by_video[video_id], video, overlap)
        for class_id, label in truth.categories.items():
            scene = class_scene(objects, found, video.length, class_id, rule)
            numbers[label][str(video_id)] = scene_numbers(scene)
    return TrackingScores.join('trackeval', numbers)


def _mot_sequences(path: Path, wanted: Collection[str] | None) -> list[MOTSequence]:
    if path.is_file():
        path = path.parent.parent if path.parent.name == 'gt' else path
        if path.is_file():
            table = read_boxes(path, 'gt')
            return [MOTSequence(path.stem, table, int(table.frames.max(initial=-1)) + 1)]
    if not path.is_dir():
        raise DataError(f'{path}: no such file or folder of ground truth')
    if (path / 'gt' / 'gt.txt').is_file():
        return [read_truth(path)]
    names = sorted(found.parent.parent.name for found in path.glob('*/gt/gt.txt'))
    if not names:
        raise AnnotationsMissingError(f'{path}: no sequence with gt/gt.txt is there')
    missing = [name for name in wanted or () if name not in names]
    if missing:
        raise DataError(f'{path}: no ground truth of sequence {missing[0]}; there are {", ".join(names[:10])}')
    return [read_truth(path / name) for name in wanted or names]


def _covered(results: Path, names: Sequence[str]) -> list[str]:
    """Those of the sequences that ``results`` are about: all, or the one that a single file is called like."""
    if not results.is_file() or len(names) < 2:
        return list(names)
    if results.stem not in names:
        raise DataError(
            f'{results}: one file of results for {len(names)} sequences ({", ".join(names[:10])}). Name it after its '
            'sequence, give the ground truth of that sequence alone, or a folder with a file for each'
        )
    return [results.stem]


def _result_file(results: Path, name: str) -> Path:
    if results.is_file():
        return results
    if not results.is_dir():
        raise DataError(f'{results}: no such file or folder of results')
    places = [results / f'{name}.txt', results / 'data' / f'{name}.txt']
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise DataError(
            f'{results}: no results for sequence {name}; {name}.txt is missing. A sequence in which nothing was found '
            'needs an empty file.'
        )
    return found


def _mots_sources(root: Path) -> tuple[dict[str, Path], int]:
    """Ground truth of every sequence, and the number of the first frame."""
    if not root.is_dir():
        raise DataError(f'{root}: no such folder of ground truth')
    challenge = {path.parent.parent.name: path for path in root.glob('*/gt/gt.txt')}
    if challenge:
        return challenge, 1
    found = mots_sources(root)
    if not found:
        layouts = '<sequence>.txt, <sequence>/*.png nor <sequence>/gt/gt.txt'
        raise AnnotationsMissingError(f'{root}: neither {layouts} is there')
    return found, 0


def _mots_result(results: Path, name: str) -> Path:
    """The text, which is always written; maps where there is none."""
    folder = results / name
    texts = (results / f'{name}.txt', results / 'data' / f'{name}.txt')
    maps = folder.is_dir() and any(folder.glob('*.png'))
    return folder if maps and not any(text.is_file() for text in texts) else _result_file(results, name)


def _length_of(path: Path, table: MaskTable, first_frame: int) -> int:
    """Frames of a sequence as far as a source tells: up to the last object, or the last map, which may be empty."""
    numbers = [int(file.stem) for file in list_mask_pngs(path)] if path.is_dir() else []
    return max(int(table.frames.max(initial=-1)) + 1, max(numbers, default=first_frame - 1) - first_frame + 1)


def _read_table(
    path: Path,
    length: int | None,
    first_frame: int,
    size: tuple[int, int] | None = None,
    official: bool = False,
    protocol: Protocol = 'trackeval',
    complete: bool = False,
) -> MaskTable:
    classes, frames = official and protocol == 'trackeval', official and protocol == 'mots_tools'
    if path.is_dir():
        return read_mask_pngs(path, length, first_frame, size, complete, classes, frames)
    return read_masks(path, length, first_frame, size, drop_unknown_classes=classes, drop_unknown_frames=frames)
