"""The VOT metric that a config names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from mmengine.logging import print_log

from mmdet.errors import ConfigError, DataError
from mmdet.evaluation.metrics import EvaluationDataset, checked_results, require_annotations
from mmdet.evaluation.one_pass import evaluate_one_pass
from mmdet.evaluation.tables import text_table
from mmdet.evaluation.video_result import STATES, FrameTracks, VideoResult
from mmdet.evaluation.vot import PROTOCOLS, attribute_table, evaluate_vot, interval_of, per_attribute
from mmdet.evaluation.vot import Protocol as Definition
from mmdet.evaluation.vot_files import rectangle_corners, result_path, write_trajectory
from mmdet.evaluation.vot_runs import TRACKED, Trajectory, VOTRun
from mmdet.registry import METRICS
from mmdet.sequences.regions import polygon_bounds

__all__ = ['RegionDataset', 'VOTMetric', 'trajectory_of']


class RegionDataset(EvaluationDataset, Protocol):
    """What :class:`VOTMetric` needs of a data set: that of every metric, and polygons."""

    def sequence_name(self, video: Any) -> str:
        """Name of a video's folder."""

    def polygons(self, video: Any) -> np.ndarray:
        """Annotated corners (T, 4, 2) of a video."""

    def attributes(self, video: Any) -> dict[str, np.ndarray]:
        """(T,) bool by name of what is annotated about the frames of a video."""


@METRICS.register_module()
class VOTMetric:
    """EAO, accuracy and robustness of VOT, or success and precision of one pass without resets.

    With this metric in ``test_evaluator`` the test runs the reset protocol (``mmdet.engine.vot_reset``), unless
    ``protocol`` is ``one-pass``.

    Args:
        protocol: ``pysot`` or ``toolkit``, definitions that :mod:`mmdet.evaluation.vot` compares, or ``one-pass``.
        year: of the benchmark; gives the interval of EAO.
        interval: lengths of that interval, instead of the year's.
    """

    def __init__(
        self,
        protocol: Literal['pysot', 'toolkit', 'one-pass'] = 'pysot',
        year: int = 2018,
        interval: tuple[int, int] | None = None,
    ) -> None:
        if protocol not in (*PROTOCOLS, 'one-pass'):
            known = ', '.join((*PROTOCOLS, 'one-pass'))
            raise ConfigError(f'VOTMetric: protocol {protocol!r} does not exist; use one of {known}')
        self.protocol = protocol
        self.interval: tuple[int, int] | None = None
        if protocol != 'one-pass':
            self.interval = (interval[0], interval[1]) if interval else interval_of(year, protocol)

    @property
    def resets(self) -> bool:
        """Whether a lost target is given again, so that the test has to compare with the ground truth as it runs."""
        return self.protocol != 'one-pass'

    def evaluate(self, results: Iterable[VideoResult], dataset: RegionDataset) -> dict[str, float]:
        """Score the results of all videos of ``dataset`` and log a table.

        Raises:
            AnnotationsMissingError: the data set has no ground truth.
            DataError: results of a video are missing, or made without the protocol.
        """
        require_annotations(dataset)
        videos = {video.id: video for video in dataset.videos}
        runs = []
        for result in checked_results(results, dataset):
            video = videos[result.video_id]
            trajectory = trajectory_of(result) if self.resets else _plain_trajectory(result)
            size, name = (video.height, video.width), dataset.sequence_name(video)
            runs.append(VOTRun(name, dataset.polygons(video), size, (trajectory,), dataset.attributes(video)))
        numbers = self._numbers(runs)
        print_log('\n' + text_table(list(numbers), [list(numbers.values())]), logger='current')
        if self.protocol != 'one-pass' and (attributes := per_attribute(runs, self.protocol)):
            print_log('\n' + attribute_table(attributes), logger='current')
        return numbers

    def export(self, results: Iterable[VideoResult], dataset: RegionDataset, path: str | Path) -> Path:
        """Write ``baseline/<sequence>/<sequence>_001.txt`` into a folder; its path."""
        if Path(path).suffix in ('.json', '.zip', '.pkl'):
            raise ConfigError(f'{path}: VOT results are written to a folder')
        videos = {video.id: video for video in dataset.videos}
        for result in checked_results(results, dataset):
            trajectory = trajectory_of(result) if self.resets else _plain_trajectory(result)
            write_trajectory(result_path(path, dataset.sequence_name(videos[result.video_id])), trajectory)
        return Path(path)

    def _numbers(self, runs: list[VOTRun]) -> dict[str, float]:
        if self.interval is not None and self.protocol != 'one-pass':
            definition: Definition = self.protocol
            return evaluate_vot(runs, self.interval, definition)
        return evaluate_one_pass(
            [(polygon_bounds(run.truth), polygon_bounds(run.repetitions[0].polygons)) for run in runs]
        )


def trajectory_of(result: VideoResult) -> Trajectory:
    """What a run under the reset protocol did.

    Raises:
        DataError: the result is of another kind of run.
    """
    if result.states is None:
        raise DataError(
            f'result of video {result.video_id} was made without resets; test again with VOTMetric in test_evaluator, '
            f"or score it with protocol='one-pass'"
        )
    states = np.array([STATES.index(state) for state in result.states])
    polygons = np.full((result.length, 4, 2), np.nan)
    for index in np.flatnonzero(states == TRACKED):
        polygons[index] = _corners(result.frames[index], f'result of video {result.video_id}, frame {index}')
    return Trajectory(states, polygons)


def _plain_trajectory(result: VideoResult) -> Trajectory:
    where = f'result of video {result.video_id}'
    polygons = [_corners(frame, f'{where}, frame {index}') for index, frame in enumerate(result.frames)]
    return Trajectory(np.full(result.length, TRACKED), np.stack(polygons))


def _corners(frame: FrameTracks, where: str) -> np.ndarray:
    """(4, 2) of the one track of a frame."""
    if len(frame) != 1:
        raise DataError(f'{where} has {len(frame)} tracks; VOT follows one object, which is never left out')
    if frame.rotated_boxes is not None:
        return np.array(frame.rotated_boxes[0])
    return rectangle_corners(np.array(frame.bboxes[0]))
