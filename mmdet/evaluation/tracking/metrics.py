"""The metrics over time that a config names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmdet.errors import ConfigError, DataError
from mmdet.evaluation.metrics import EvaluationDataset, checked_results, require_annotations
from mmdet.evaluation.tracking.mots_counts import mots_tools
from mmdet.evaluation.tracking.numbers import Numbers
from mmdet.evaluation.tracking.observations import Observations
from mmdet.evaluation.tracking.scenes import ExcuseRule, class_scene, scene_with_excused
from mmdet.evaluation.tracking.scores import Protocol, TrackingScores, scene_numbers
from mmdet.evaluation.tracking.videos import (
    Overlap,
    observe_annotations,
    observe_result,
    of_masks,
    result_boxes,
    result_rows,
    usual_rule,
)
from mmdet.evaluation.video_result import VideoResult
from mmdet.evaluation.vis_ground_truth import GroundTruth, read_ground_truth
from mmdet.formats import MOTS_CLASSES, MaskTable, write_boxes, write_mask_pngs, write_masks
from mmdet.ops.disjoint import make_disjoint
from mmdet.ops.rle import area
from mmdet.registry import METRICS
from mmdet.structures import RLE

FILE_SUFFIXES = ('.json', '.zip', '.pkl', '.txt')


@METRICS.register_module()
class MOTMetric:
    """HOTA, CLEAR and identity numbers of tracks, as boxes or masks, on any data set with identities.

    Exports a folder of MOTChallenge files, ``<sequence>.txt``: frames from 1, as the format has it whatever the data
    set's own files call the first. For a data set of several classes column 8 is the category id and the lines have
    nine columns, as ground truth; MOTChallenge itself has pedestrians only, and results of it no class.

    Args:
        overlap: ``boxes`` or ``masks``.
        rule: which results a crowd annotation excuses, see :func:`class_scene`; None takes that of the data set:
            ``matched`` for MOTChallenge, ``inside`` for all others.
    """

    def __init__(self, overlap: Overlap = 'boxes', rule: ExcuseRule | None = None) -> None:
        if overlap not in ('boxes', 'masks'):
            raise ConfigError(f"{type(self).__name__}: overlap must be 'boxes' or 'masks', got {overlap!r}")
        if rule not in (None, 'inside', 'matched'):
            raise ConfigError(f"{type(self).__name__}: rule must be 'inside', 'matched' or None, got {rule!r}")
        self.overlap: Overlap = overlap
        self.rule: ExcuseRule | None = rule
        self.protocol: Protocol = 'trackeval'
        self.last: TrackingScores | None = None

    def evaluate(self, results: Iterable[VideoResult], dataset: EvaluationDataset) -> dict[str, float]:
        """Score all videos of ``dataset``; logs a table and keeps all numbers in ``last``.

        Returns:
            Means over classes by name (``HOTA``, ``MOTA``, ``IDF1``, ...), and each class as ``car_HOTA``.

        Raises:
            AnnotationsMissingError: the data set has no ground truth.
            DataError: results of a video are missing, or do not fit their video.
        """
        require_annotations(dataset)
        document = dataset.ground_truth()
        truth = read_ground_truth(document, dataset.ann_file)
        rule = self.rule or usual_rule(document['annotations'])
        names = sequence_names(document)
        numbers: dict[str, dict[str, Numbers]] = {label: {} for label in truth.categories.values()}
        for result in checked_results(results, dataset):
            name, first_frame = names[result.video_id]
            for class_id, found in self._score(result, dataset, truth, first_frame, rule).items():
                numbers[truth.categories[class_id]][name] = found
        self.last = TrackingScores.join(self.protocol, numbers)
        print_log('\n' + self.last.table(), logger='current')
        return self.last.summary()

    def check_out(self, path: str | Path) -> None:
        """Refuse a place that :meth:`export` would refuse, before a test has taken its time."""
        result_folder(path)

    def export(self, results: Iterable[VideoResult], dataset: EvaluationDataset, path: str | Path) -> Path:
        """Write one file per video into the folder ``path`` and give it back.

        Raises:
            ConfigError: ``path`` names a file.
            DataError: results of a video are missing, or the folder cannot be written.
        """
        folder = result_folder(path)
        names = sequence_names(dataset.ground_truth())
        for result in checked_results(results, dataset):
            table = result_boxes(result, dataset.category_ids)
            write_boxes(folder / f'{names[result.video_id][0]}.txt', table, with_class=len(dataset.category_ids) > 1)
        return folder

    def _score(
        self, result: VideoResult, dataset: EvaluationDataset, truth: GroundTruth, first_frame: int, rule: ExcuseRule
    ) -> dict[int, Numbers]:
        """Numbers of one video by category id; ``first_frame``: what the benchmark calls its first frame."""
        objects = self._truth_of(result.video_id, truth)
        found = observe_result(result, dataset.category_ids, self.overlap)
        return {
            class_id: scene_numbers(class_scene(objects, found, result.length, class_id, rule))
            for class_id in truth.categories
        }

    def _truth_of(self, video_id: int, truth: GroundTruth) -> Observations:
        entries = truth.annotations.get(video_id, [])
        return observe_annotations(entries, truth.videos[video_id], self.overlap, truth.source)


@METRICS.register_module()
class MOTSMetric(MOTMetric):
    """The MOTS numbers (sMOTSA, MOTSA, MOTSP, ...) of mask tracks; a pixel that several masks claim goes to the best.

    Exports a folder of MOTS files, ``<sequence>.txt``, which both of the benchmark's evaluators accept.

    Args:
        protocol: ``trackeval`` (with HOTA and IDF1; a match has an overlap of at least one half) or ``mots_tools``
            (above one half).
        png: export 16-bit instance maps, ``<sequence>/000000.png``, too.
    """

    def __init__(self, protocol: Protocol = 'trackeval', png: bool = False) -> None:
        if protocol not in ('trackeval', 'mots_tools'):
            raise ConfigError(f"MOTSMetric: protocol must be 'trackeval' or 'mots_tools', got {protocol!r}")
        super().__init__('masks', 'inside')
        self.protocol = protocol
        self.png = png

    def evaluate(self, results: Iterable[VideoResult], dataset: EvaluationDataset) -> dict[str, float]:
        """As :meth:`MOTMetric.evaluate`; ``sMOTSA``, ``MOTSA`` and ``MOTSP`` come first with both protocols."""
        found = super().evaluate(results, dataset)
        for ours, theirs in (('sMOTSA', 'sMOTA'), ('MOTSA', 'MOTA'), ('MOTSP', 'MOTP')):
            found |= {
                name.removesuffix(theirs) + ours: value
                for name, value in found.items()
                if name == theirs or name.endswith(f'_{theirs}')
            }
        main = [name for name in ('sMOTSA', 'MOTSA', 'MOTSP') if name in found]
        return {name: found[name] for name in [*main, *(name for name in found if name not in main)]}

    def export(self, results: Iterable[VideoResult], dataset: EvaluationDataset, path: str | Path) -> Path:
        """As :meth:`MOTMetric.export`.

        Raises:
            ConfigError: ``path`` names a file, or the data set has classes that MOTS does not know.
        """
        folder = result_folder(path)
        unknown = sorted(set(dataset.category_ids) - set(MOTS_CLASSES))
        if unknown:
            raise ConfigError(
                f'{dataset.ann_file}: category {unknown[0]} is not in the MOTS format, which has '
                f'{", ".join(f"{key} ({name})" for key, name in MOTS_CLASSES.items())}'
            )
        names = sequence_names(dataset.ground_truth())
        for result in checked_results(results, dataset):
            name, first_frame = names[result.video_id]
            frames, ids, class_ids, masks = disjoint_rows(result, dataset.category_ids)
            table = MaskTable.of(f'results of video {result.video_id}', frames, ids, class_ids, masks, first_frame)
            write_masks(folder / f'{name}.txt', table)
            if self.png:
                write_mask_pngs(folder / name, table, result.length, (result.height, result.width))
        return folder

    def _score(
        self, result: VideoResult, dataset: EvaluationDataset, truth: GroundTruth, first_frame: int, rule: ExcuseRule
    ) -> dict[int, Numbers]:
        objects = self._truth_of(result.video_id, truth)
        size = (result.height, result.width)
        found = of_masks(*disjoint_rows(result, dataset.category_ids), size, f'results of video {result.video_id}')
        if self.protocol == 'trackeval':
            return {c: scene_numbers(class_scene(objects, found, result.length, c, rule)) for c in truth.categories}
        scenes = {c: scene_with_excused(objects, found, result.length, c) for c in truth.categories}
        return {c: mots_tools(scene, excused, first_frame) for c, (scene, excused) in scenes.items()}


def disjoint_rows(
    result: VideoResult, category_ids: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[RLE]]:
    """Frames, ids and category ids (N,) and masks of a result's rows, without common pixels and without empty masks."""
    frames, rows, ids, class_ids = result_rows(result, category_ids)
    masks: list[RLE] = []
    for frame, chosen in _rows_by_frame(frames, rows):
        tracks = result.frames[frame]
        own = tracks.present_masks(chosen, f'results of video {result.video_id}, frame {frame}')
        masks += make_disjoint(own, [tracks.scores[row] for row in chosen])
    kept = area(masks) > 0
    left = [mask for mask, keep in zip(masks, kept) if keep]
    return frames[kept], ids[kept], class_ids[kept], left


def _rows_by_frame(frames: np.ndarray, rows: np.ndarray) -> Iterator[tuple[int, list[int]]]:
    for frame in np.unique(frames).tolist():
        yield frame, rows[frames == frame].tolist()


def sequence_names(document: dict[str, Any]) -> dict[int, tuple[str, int]]:
    """Name of every video and number of its first frame in the benchmark's files, by video id.

    Videos without a name take that of the folder of their frames, or their id where several would be called the same.
    """
    found = {}
    for video in document['videos']:
        files = video.get('file_names') or ['']
        parts = PurePath(files[0]).parts
        name = video.get('name') or (parts[0] if len(parts) > 1 else f'video_{video["id"]}')
        found[video['id']] = (str(name), int(video.get('first_frame', 0)))
    names = [name for name, _ in found.values()]
    unique = len(set(names)) == len(names)
    return found if unique else {key: (f'video_{key}', first) for key, (_, first) in found.items()}


def result_folder(path: str | Path) -> Path:
    """The folder that results are written to.

    Raises:
        ConfigError: ``path`` looks like a file.
        DataError: there is a file of that name.
    """
    path = Path(path)
    if path.suffix in FILE_SUFFIXES:
        raise ConfigError(f'{path}: these results are a folder with one file per video; give the name of a folder')
    if path.is_file():
        raise DataError(f'{path}: is a file; results are a folder with one file per video')
    return path
