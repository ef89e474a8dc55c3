"""The metrics that a config names. They read results video by video and ask the data set for its ground truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from mmengine.logging import print_log

from mmdet.errors import AnnotationsMissingError, ConfigError, DataError
from mmdet.evaluation.coco import coco_results, evaluate_coco, to_coco_ground_truth
from mmdet.evaluation.track_ap import TrackAP
from mmdet.evaluation.video_result import VideoResult
from mmdet.evaluation.vis_ground_truth import read_ground_truth
from mmdet.evaluation.vis_results import to_results, write_results
from mmdet.evaluation.ytvis import TrackAPOptions, TrackEvaluator
from mmdet.registry import METRICS


class EvaluationVideo(Protocol):
    """What a metric needs to know of a video; ``length`` in frames, sizes in pixels."""

    @property
    def id(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def length(self) -> int: ...


class EvaluationDataset(Protocol):
    """What a metric needs of a data set; every video data set has it."""

    @property
    def videos(self) -> Sequence[EvaluationVideo]: ...
    @property
    def category_ids(self) -> Sequence[int]: ...
    @property
    def has_annotations(self) -> bool: ...
    @property
    def ann_file(self) -> str: ...
    def ground_truth(self) -> dict[str, Any]:
        """Videos, categories and annotations in YouTube-VIS form, limited to the data set's split."""


@METRICS.register_module()
class YTVISMetric:
    """YouTube-VIS average precision of mask tracks: AP, AP50, ... AR_large in [0, 1], -1 where nothing was to be found.

    Args:
        metrics: kinds of overlap; only ``segm`` exists.
        class_agnostic: let any category match any other.
    """

    with_occlusion = False

    def __init__(self, metrics: Sequence[str] = ('segm',), class_agnostic: bool = False) -> None:
        if tuple(metrics) != ('segm',):
            raise ConfigError(f"{type(self).__name__} compares masks: metrics must be ('segm',), got {tuple(metrics)}")
        self.options = TrackAPOptions(class_agnostic=class_agnostic)
        self.last: TrackAP | None = None

    def evaluate(self, results: Iterable[VideoResult], dataset: EvaluationDataset) -> dict[str, float]:
        """Score the results of all videos of ``dataset``; logs a table and keeps all numbers in ``last``.

        Raises:
            AnnotationsMissingError: the data set has no ground truth.
            DataError: results of a video are missing, or do not fit their video.
        """
        require_annotations(dataset)
        truth = read_ground_truth(dataset.ground_truth(), dataset.ann_file)
        evaluator = TrackEvaluator(truth, self.options, self.with_occlusion)
        for result in checked_results(results, dataset):
            entries = to_results(result, dataset.category_ids)
            evaluator.add_video(result.video_id, {f'results: track {i}': entry for i, entry in enumerate(entries)})
        self.last = evaluator.result()
        print_log('\n' + self.last.table(), logger='current')
        return self.last.numbers

    def export(self, results: Iterable[VideoResult], dataset: EvaluationDataset, path: str | Path) -> Path:
        """Write the submission file (.json, .zip, or .pkl.json for .pkl) and give its path back."""
        return write_results(self._entries(results, dataset), path)

    def _entries(self, results: Iterable[VideoResult], dataset: EvaluationDataset) -> Iterator[dict[str, Any]]:
        for result in checked_results(results, dataset):
            yield from to_results(result, dataset.category_ids, extras=self.with_occlusion)


@METRICS.register_module()
class OVISMetric(YTVISMetric):
    """The numbers of :class:`YTVISMetric` and AP and AR of lightly, moderately and heavily occluded objects.

    The exported file also holds boxes and labels per frame, as that of the OVIS tools does.
    """

    with_occlusion = True


@METRICS.register_module()
class COCOMetric:
    """COCO box and mask average precision on data sets of one-frame videos: ``bbox_AP``, ``segm_AP50`` and so on.

    Args:
        metrics: ``bbox``, ``segm`` or both.
    """

    def __init__(self, metrics: Sequence[str] = ('bbox', 'segm')) -> None:
        unknown = sorted(set(metrics) - {'bbox', 'segm'})
        if unknown or not metrics:
            raise ConfigError(f"COCOMetric: metrics must be of 'bbox' and 'segm', got {tuple(metrics)}")
        self.metrics = tuple(metrics)

    def evaluate(self, results: Iterable[VideoResult], dataset: EvaluationDataset) -> dict[str, float]:
        """Score the results of all images of ``dataset`` and log a table.

        Raises:
            AnnotationsMissingError: the data set has no ground truth.
            DataError: results of an image are missing, or do not fit it.
        """
        require_annotations(dataset)
        truth = to_coco_ground_truth(dataset.ground_truth())
        entries = coco_results(checked_results(results, dataset), dataset.category_ids)
        found = evaluate_coco(truth, entries, self.metrics, dataset.ann_file)
        for kind in self.metrics:
            print_log('\n' + found[kind].table(), logger='current')
        return {f'{kind}_{name}': value for kind in self.metrics for name, value in found[kind].numbers.items()}

    def export(self, results: Iterable[VideoResult], dataset: EvaluationDataset, path: str | Path) -> Path:
        """Write the detections as a COCO result file and give its path back."""
        parts = (coco_results([result], dataset.category_ids) for result in checked_results(results, dataset))
        return write_results(chain.from_iterable(parts), path)


def require_annotations(dataset: EvaluationDataset) -> None:
    """Refuse to score a data set without ground truth.

    Raises:
        AnnotationsMissingError: it has none.
    """
    if not dataset.has_annotations:
        raise AnnotationsMissingError(
            f'{dataset.ann_file} has no annotations, so nothing can be evaluated with it; export a submission file '
            'instead, or evaluate on a hold-out split of the training file.'
        )


def checked_results(results: Iterable[VideoResult], dataset: EvaluationDataset) -> Iterator[VideoResult]:
    """Pass results through; each video of the data set must come exactly once and have the size it has there."""
    waiting = {video.id: video for video in dataset.videos}
    for result in results:
        video = waiting.pop(result.video_id, None)
        if video is None:
            raise DataError(f'results of video {result.video_id} came twice, or {dataset.ann_file} has no such video')
        size, expected = (result.length, result.height, result.width), (video.length, video.height, video.width)
        if size != expected:
            raise DataError(
                f'results of video {result.video_id} are for (frames, height, width) {size}, '
                f'but {dataset.ann_file} says {expected}'
            )
        yield result
    if waiting:
        names = ', '.join(str(video_id) for video_id in list(waiting)[:10]) + (', ...' if len(waiting) > 10 else '')
        raise DataError(f'no results for {len(waiting)} of {len(dataset.videos)} videos of {dataset.ann_file}: {names}')
