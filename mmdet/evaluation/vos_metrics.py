"""Metrics of DAVIS and YouTube-VOS that a config names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from mmengine.logging import print_log

from mmdet.errors import ConfigError, DataError
from mmdet.evaluation.davis import TASKS, DavisScores, Task, evaluate_sequence
from mmdet.evaluation.label_export import as_proposals, result_labels, write_label_maps
from mmdet.evaluation.metrics import EvaluationDataset, checked_results, require_annotations
from mmdet.evaluation.video_result import VideoResult
from mmdet.evaluation.youtube_vos import ObjectScore, VOSScores, score_object
from mmdet.registry import METRICS
from mmdet.sequences.label_maps import object_numbers
from mmdet.sequences.youtube_vos import VOSVideo, read_meta

__all__ = ['DAVISMetric', 'LabelMapDataset', 'VOSDataset', 'YouTubeVOSMetric']


class LabelMapDataset(EvaluationDataset, Protocol):
    """What :class:`DAVISMetric` needs of a data set: that of every metric, and label maps."""

    def sequence_name(self, video: Any) -> str:
        """Name of a video's folder."""

    def frame_names(self, video: Any) -> Sequence[str]:
        """Names of a video's frames without suffix."""

    def label_map(self, video: Any, frame: int) -> np.ndarray:
        """Annotated object numbers (H, W) uint8 of a frame."""


class VOSDataset(LabelMapDataset, Protocol):
    """What :class:`YouTubeVOSMetric` needs of a data set."""

    def vos_video(self, video: Any) -> VOSVideo:
        """Objects of a video and the frames in which they are scored."""


@METRICS.register_module()
class DAVISMetric:
    """J and F of DAVIS 2016 and 2017: ``J&F-Mean``, ``J-Mean``, ``J-Recall``, ``J-Decay``, ``F-Mean`` and so on.

    Args:
        task: ``semi-supervised``: identities of the results are object numbers; ``unsupervised``: the 20 tracks of
            the highest scores of every video are proposals.
    """

    def __init__(self, task: Task = 'semi-supervised') -> None:
        if task not in TASKS:
            raise ConfigError(f'DAVISMetric: task {task!r} does not exist; use {" or ".join(TASKS)}')
        self.task = task
        self.last: DavisScores | None = None

    def evaluate(self, results: Iterable[VideoResult], dataset: LabelMapDataset) -> dict[str, float]:
        """Score the results of all videos of ``dataset``; logs a table and keeps all numbers in ``last``.

        Raises:
            AnnotationsMissingError: the data set has no ground truth.
            DataError: results of a video are missing, do not fit, or name objects that are not there.
        """
        require_annotations(dataset)
        videos = {video.id: video for video in dataset.videos}
        scores = DavisScores()
        for result in checked_results(results, dataset):
            video = videos[result.video_id]
            truth = np.stack([dataset.label_map(video, frame) for frame in range(result.length)])
            found = np.stack(list(result_labels(result, self._numbers(result))))
            scores.sequences.append(evaluate_sequence(truth, found, self.task, dataset.sequence_name(video)))
        self.last = scores
        print_log('\n' + scores.table(), logger='current')
        return scores.numbers

    def export(self, results: Iterable[VideoResult], dataset: LabelMapDataset, path: str | Path) -> Path:
        """Write ``<sequence>/<frame>.png`` with the palette of DAVIS into a folder or .zip; its path."""
        videos = {video.id: video for video in dataset.videos}

        def maps() -> Iterator[tuple[str, np.ndarray]]:
            for result in checked_results(results, dataset):
                video = videos[result.video_id]
                labels = result_labels(result, self._numbers(result))
                for name, picture in zip(dataset.frame_names(video), labels):
                    yield f'{dataset.sequence_name(video)}/{name}.png', picture

        return write_label_maps(maps(), path)

    def _numbers(self, result: VideoResult) -> dict[int, int] | None:
        return as_proposals(result) if self.task == 'unsupervised' else None


@METRICS.register_module()
class YouTubeVOSMetric:
    """J and F of YouTube-VOS for seen and unseen categories; see :mod:`mmdet.evaluation.youtube_vos`.

    Args:
        train_meta: ``meta.json`` of the training set, whose categories are the seen ones; None scores all together.
    """

    def __init__(self, train_meta: str | None = None) -> None:
        self.train_meta = train_meta
        self.last: VOSScores | None = None

    def evaluate(self, results: Iterable[VideoResult], dataset: VOSDataset) -> dict[str, float]:
        """Score the results of all videos of ``dataset``; logs a table and keeps all numbers in ``last``.

        Raises:
            AnnotationsMissingError: the data set has no ground truth, as the public validation set.
            DataError: results of a video are missing, do not fit, or name objects that are not there.
        """
        require_annotations(dataset)
        videos = {video.id: video for video in dataset.videos}
        scores = VOSScores(seen_categories(self.train_meta))
        for result in checked_results(results, dataset):
            video = videos[result.video_id]
            found = list(result_labels(result))
            names = {name: index for index, name in enumerate(dataset.frame_names(video))}
            meta = dataset.vos_video(video)
            truth = {name: dataset.label_map(video, names[name]) for name in meta.frames}
            scores.objects += score_video(meta, truth, {name: found[names[name]] for name in meta.frames})
        self.last = scores
        print_log('\n' + scores.table(), logger='current')
        return scores.numbers

    def export(self, results: Iterable[VideoResult], dataset: VOSDataset, path: str | Path) -> Path:
        """Write ``Annotations/<video>/<frame>.png`` of the frames that are scored, as the server wants; its path."""
        videos = {video.id: video for video in dataset.videos}

        def maps() -> Iterator[tuple[str, np.ndarray]]:
            for result in checked_results(results, dataset):
                video = videos[result.video_id]
                wanted = set(dataset.vos_video(video).frames)
                for name, picture in zip(dataset.frame_names(video), result_labels(result)):
                    if name in wanted:
                        yield f'Annotations/{dataset.sequence_name(video)}/{name}.png', picture

        return write_label_maps(maps(), path)


def seen_categories(train_meta: str | None) -> set[str] | None:
    """Categories of a training set's meta file."""
    if train_meta is None:
        return None
    return {item.category for video in read_meta(Path(train_meta).expanduser()) for item in video.objects}


def score_video(
    video: VOSVideo, truth: dict[str, np.ndarray], found: dict[str, np.ndarray]
) -> Iterator[ObjectScore]:
    """Scores of the objects of a video that are scored in at least one frame; label maps (H, W) by frame name.

    Raises:
        DataError: the result has an object that the video has not.
    """
    known = {item.id for item in video.objects}
    for frame, labels in found.items():
        unknown = [number for number in object_numbers(labels) if number not in known]
        if unknown:
            raise DataError(
                f'video {video.name}, frame {frame}: the result has object {unknown[0]}, the video '
                f'{", ".join(map(str, sorted(known)))}; results use the numbers of the meta file'
            )
    for item in video.objects:
        frames = item.frames[1:]
        if frames:
            own, result = (np.stack([maps[frame] == item.id for frame in frames]) for maps in (truth, found))
            values = score_object(own, result)
            j, f = values.mean(0).tolist()
            yield ObjectScore(video.name, item.id, item.category, j, f, frames, values)
