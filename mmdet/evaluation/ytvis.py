"""Video instance average precision as YouTube-VIS defines it, with OVIS' occlusion classes where wanted.

Definition: "Video Instance Segmentation" (Yang et al., ICCV 2019), section 3, and the benchmark's evaluator. Overlap
of two tracks is pooled over the video, limits on the number of detections hold per video and category, and a crowd
annotation is an ignore region with the ordinary IoU (not intersection over detection as in COCO).

What goes wrong silently in the benchmark's evaluator is an error here, naming file, entry, video and frame. Its other
peculiarities are options (:class:`TrackAPOptions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdet.errors import DataError
from mmdet.evaluation.average_precision import Matches, count_matches, match_greedily, precision_recall
from mmdet.evaluation.track_ap import LIMITS, TrackAP, stack_categories
from mmdet.evaluation.vis_ground_truth import GroundTruth, Video, read_ground_truth
from mmdet.evaluation.vis_tracks import Track, read_annotation, read_result, track_ious
from mmdet.occlusion import OCCLUSION_CLASSES

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_POINTS = np.linspace(0.0, 1.0, 101)
AREA_RANGES = np.array([[0, 1e10], [0, 128**2], [128**2, 256**2], [256**2, 1e10]])  # both ends belong to a range
OCCLUSION_RANGES = np.array([(0, 1), *OCCLUSION_CLASSES.values()])
ALL_CATEGORIES = -1


@dataclass(frozen=True)
class TrackAPOptions:
    """Deviations from the definition, each off by default.

    Attributes:
        class_agnostic: ignore categories: any detection may match any ground truth.
        zero_id_unmatched: a match with annotation id 0 does not count (the benchmark's evaluator keeps partners by id).
        allow_short: pair mask lists of another length than the video up to the shorter one, instead of refusing them;
            missing trailing frames are then free.
        drop_unknown_categories: leave out results of categories that the annotation file does not have.
    """

    class_agnostic: bool = False
    zero_id_unmatched: bool = False
    allow_short: bool = False
    drop_unknown_categories: bool = False

    @classmethod
    def official(cls, class_agnostic: bool = False) -> TrackAPOptions:
        """Exactly what the benchmark's evaluator does."""
        return cls(class_agnostic, zero_id_unmatched=True, allow_short=True, drop_unknown_categories=True)


def evaluate_ytvis(
    ground_truth: dict[str, Any],
    results: Sequence[dict[str, Any]],
    options: TrackAPOptions | None = None,
    source: str = 'annotations',
    results_source: str = 'results',
) -> TrackAP:
    """The 12 numbers of YouTube-VIS, per category too.

    Args:
        ground_truth: content of the annotation file; see :mod:`mmdet.evaluation.vis_ground_truth`. Not changed.
        results: dicts with ``video_id``, ``category_id``, ``score``, ``segmentations``. Not changed. An empty
            list gives zeros.
        options: deviations from the definition.
        source: name of the annotation file for messages.
        results_source: name of the result file for messages.

    Raises:
        AnnotationsMissingError: there is no ground truth.
        DataError: anything is inconsistent; the message names file, entry, video and frame.
    """
    evaluator = TrackEvaluator(read_ground_truth(ground_truth, source), options)
    return evaluate_results(evaluator, results, results_source)


def evaluate_results(evaluator: TrackEvaluator, results: Sequence[dict[str, Any]], source: str) -> TrackAP:
    """Feed a whole list of results to an evaluator, video by video.

    Raises:
        DataError: a result is not a dict, or as :meth:`TrackEvaluator.add_video`.
    """
    by_video: dict[Any, dict[str, dict[str, Any]]] = {}
    if not isinstance(results, list | tuple):
        raise DataError(f'{source}: results must be a list of dicts, found {type(results).__name__}')
    for index, entry in enumerate(results):
        video_id = entry.get('video_id') if isinstance(entry, dict) else None
        if type(video_id) is not int:
            raise DataError(f"{source}: result {index} is not a dict with a whole number as 'video_id'")
        by_video.setdefault(video_id, {})[f'{source}: result {index}'] = entry
    for video_id, entries in by_video.items():
        evaluator.add_video(video_id, entries)
    return evaluator.result()


class TrackEvaluator:
    """Evaluates one video at a time and keeps only who matched whom, so memory does not grow with the masks.

    Args:
        ground_truth: the read annotation file.
        options: deviations from the definition.
        with_occlusion: use the occlusion flags of the annotations (OVIS).
    """

    def __init__(
        self, ground_truth: GroundTruth, options: TrackAPOptions | None = None, with_occlusion: bool = False
    ) -> None:
        self.ground_truth = ground_truth
        self.options = options or TrackAPOptions()
        self.with_occlusion = with_occlusion
        self._matches: dict[tuple[int, int], Matches] = {}
        self._ious: dict[tuple[int, int], NDArray[np.float64]] = {}
        self._added: set[int] = set()
        self._detections = 0

    def add_video(self, video_id: int, results: Mapping[str, dict[str, Any]]) -> None:
        """Match all results of one video.

        Args:
            video_id: of the annotation file.
            results: result dicts under the names that messages give them, such as ``results.json: result 7``. Their
                order decides between equal scores.

        Raises:
            DataError: the video is unknown or comes twice, or a result or annotation is inconsistent.
        """
        truth = self.ground_truth
        if video_id not in truth.videos:
            known = ', '.join(str(v) for v in list(truth.videos)[:5]) + (', ...' if len(truth.videos) > 5 else '')
            where = next(iter(results), 'results')
            raise DataError(
                f'{where}: video_id {video_id} is not in {truth.source} (its ids: {known}). '
                'Results must carry the ids of the annotation file, not positions in it.'
            )
        if video_id in self._added:
            raise DataError(f'video {video_id} was already evaluated; give all its results at once')
        self._added.add(video_id)
        video = truth.videos[video_id]
        detections = self._read_results(results, video)
        self._detections += len(detections)
        annotations = self._read_annotations(video)
        for category_id, found, wanted in self._by_category(detections, annotations):
            self._match(video_id, category_id, found, wanted)

    def result(self) -> TrackAP:
        """Numbers over all videos of the annotation file; those never added count as having no detections."""
        for video_id in self.ground_truth.videos:
            if video_id not in self._added:
                self.add_video(video_id, {})
        areas, occlusions = len(AREA_RANGES), len(OCCLUSION_RANGES) if self.with_occlusion else None
        curves = [self._category_curves(category_id, areas * (occlusions or 1)) for category_id in self._category_ids()]
        precision, recall, scores = (stack_categories(arrays, areas, occlusions) for arrays in zip(*curves))
        annotations = sum(len(entries) for entries in self.ground_truth.annotations.values())
        return TrackAP(
            precision=precision,
            recall=recall,
            scores=scores,
            categories=self.ground_truth.categories,
            ious=dict(sorted(self._ious.items())),
            with_occlusion=self.with_occlusion,
            class_agnostic=self.options.class_agnostic,
            counts={
                'videos': len(self.ground_truth.videos),
                'annotations': annotations,
                'detections': self._detections,
            },
        )

    def _category_ids(self) -> list[int]:
        return [ALL_CATEGORIES] if self.options.class_agnostic else list(self.ground_truth.categories)

    def _category_curves(self, category_id: int, ranges: int) -> tuple[NDArray, NDArray, NDArray]:
        keys = ((video_id, category_id) for video_id in self.ground_truth.videos)
        parts = [self._matches[key] for key in keys if key in self._matches] or [_nothing(ranges)]
        return precision_recall(parts, RECALL_POINTS, LIMITS)

    def _read_results(self, results: Mapping[str, dict[str, Any]], video: Video) -> list[Track]:
        tracks = []
        for name, entry in results.items():
            where, category_id = f'{name} (video {video.id})', entry.get('category_id')
            if type(category_id) is not int or category_id not in self.ground_truth.categories:
                if self.options.drop_unknown_categories:
                    continue
                known = ', '.join(str(c) for c in self.ground_truth.categories)
                known = known if len(known) < 200 else f'{known[:200]}...'
                raise DataError(f'{where}: category_id {category_id!r} is not in {self.ground_truth.source}: {known}')
            tracks.append(read_result(entry, video, where, self.options.allow_short))
        return tracks

    def _read_annotations(self, video: Video) -> list[Track]:
        source = self.ground_truth.source
        return [
            read_annotation(
                entry,
                video,
                f'{source}: annotation {entry["id"]} (video {video.id})',
                self.options.allow_short,
                self.with_occlusion,
            )
            for entry in self.ground_truth.annotations[video.id]
        ]

    def _by_category(
        self, detections: list[Track], annotations: list[Track]
    ) -> Iterable[tuple[int, list[Track], list[Track]]]:
        if self.options.class_agnostic:
            pooled = (sorted(tracks, key=lambda t: t.category_id) for tracks in (detections, annotations))
            yield (ALL_CATEGORIES, *pooled)  # type: ignore[misc]
            return
        for category_id in sorted({track.category_id for track in (*detections, *annotations)}):
            yield (
                category_id,
                [track for track in detections if track.category_id == category_id],
                [track for track in annotations if track.category_id == category_id],
            )

    def _match(self, video_id: int, category_id: int, detections: list[Track], annotations: list[Track]) -> None:
        if not detections and not annotations:
            return
        scores = np.array([track.score for track in detections])
        order = np.argsort(-scores, kind='stable')[: LIMITS[-1]]
        detections = [detections[i] for i in order]
        ious = track_ious(detections, annotations)
        if ious.size:
            self._ious[video_id, category_id] = ious
        gt_ignored, outside = self._ranges(annotations, detections)
        crowd = np.array([track.crowd for track in annotations], bool)
        matched = match_greedily(ious, gt_ignored, crowd, IOU_THRESHOLDS)
        recorded = np.array([track.id != 0 for track in annotations], bool) if self.options.zero_id_unmatched else None
        self._matches[video_id, category_id] = count_matches(scores[order], matched, gt_ignored, outside, recorded)

    def _ranges(self, annotations: list[Track], detections: list[Track]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Ground truths ignored (R, G) and detections outside (R, D) in every range."""
        gt_areas = np.array([track.mean_area for track in annotations])
        gt_ignored = _outside(gt_areas, AREA_RANGES) | np.array([track.crowd for track in annotations], bool)
        outside = _outside(np.array([track.mean_area for track in detections]), AREA_RANGES)
        if self.with_occlusion:  # a detection has no occlusion, so only ground truths are split further
            shares = np.array([track.occlusion for track in annotations])
            outside = outside.repeat(len(OCCLUSION_RANGES), axis=0)  # (A * O, D)
            gt_ignored = gt_ignored[:, None] | _outside(shares, OCCLUSION_RANGES)  # (A, O, G)
            gt_ignored = gt_ignored.reshape(len(outside), len(annotations))
        return gt_ignored, outside


def _outside(values: NDArray, ranges: NDArray) -> NDArray[np.bool_]:
    """Which of (N,) values lie outside which of (R, 2) closed ranges: (R, N)."""
    return (values < ranges[:, :1]) | (values > ranges[:, 1:])


def _nothing(ranges: int) -> Matches:
    empty = np.zeros((ranges, len(IOU_THRESHOLDS), 0), bool)
    return Matches(np.zeros(0), empty, empty, np.zeros(ranges, np.int64))
