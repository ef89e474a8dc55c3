"""One trial: a tracker with given parameters over all videos, and the metric's numbers."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import MMLogger

from mmdet.engine.config import load_config
from mmdet.engine.stored_run import track_videos
from mmdet.engine.tuning.journal import Trial
from mmdet.engine.tuning.objectives import OBJECTIVES
from mmdet.engine.video_test import require_annotations
from mmdet.errors import ConfigError, IncompatibleSlotsError
from mmdet.formats.detect import recognise
from mmdet.models.detectors import PrecomputedDetector
from mmdet.registry import DATASETS, METRICS, MODELS, TRACKERS, register_all

__all__ = ['TrialRunner', 'TuningTask', 'content_hash']

log = logging.getLogger('mmdet.tune')

STORED = ('.npz', '.json', '.zip', '.txt')  # what a folder of detections has; frames may lie beside it


@dataclass(frozen=True)
class TuningTask:
    """What is searched for; every worker process reads it for itself.

    Attributes:
        config: config file with ``model.tracker`` and ``test_dataloader``.
        detections: stored detections, see :class:`mmdet.models.detectors.PrecomputedDetector`.
        objective: name in :data:`OBJECTIVES`.
        overrides: of the config.
    """

    config: str
    detections: str
    objective: str
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> Config:
        """The config, with the parts that a search needs.

        Raises:
            ConfigError: it cannot be read or lacks one.
        """
        config = load_config(self.config, self.overrides)
        if not (config.get('model') or {}).get('tracker') or not config.get('test_dataloader'):
            raise ConfigError(f'{self.config}: needs model.tracker and test_dataloader to tune a tracker')
        return config

    def runner(self, worker: int = 0) -> TrialRunner:
        """A runner of this process; all workers compute on the CPU."""
        return TrialRunner(self)


class _EvaluatedData:
    """A data set as a metric sees it, whose annotation file is read once for all trials."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dataset, name)

    @functools.cached_property
    def _truth(self) -> dict[str, Any]:
        return self._dataset.ground_truth()

    def ground_truth(self) -> dict[str, Any]:
        return self._truth


class TrialRunner:
    """Builds data set, detections and metric once, and a tracker per trial.

    Args:
        task: what is searched for.

    Attributes:
        tracker: config of the tracker before parameters are replaced.

    Raises:
        ConfigError: the config lacks something, the tracker needs what the detections do not have, or it gets
            embeddings of another track head than the config's.
        DataError: the data set or the detections cannot be read.
    """

    def __init__(self, task: TuningTask) -> None:
        config = task.load()
        register_all()
        self.tracker: dict[str, Any] = config.model.tracker.to_dict()
        self.data = _EvaluatedData(DATASETS.build(config.test_dataloader.dataset))
        require_annotations(self.data)
        detector = self._detector_config(config, task.detections)
        self.detector: PrecomputedDetector = MODELS.build(detector)
        self._check_track_head((config.model.get('track_head') or {}).get('type'))
        self.objective = OBJECTIVES[task.objective]
        metric = self.objective.metric_of(config.to_dict())
        self.metric: Any = METRICS.build(metric)
        self.fingerprint = {
            'tracker': self.tracker,
            'detector': {key: value for key, value in detector.items() if key != 'path'},
            'detections': content_hash(Path(task.detections).expanduser()),
            'objective': task.objective,
            'metric': metric,
            'annotations': truth_hash(self.data.ground_truth()),
            'videos': [int(video.id) for video in self.data.videos],
        }

    def _detector_config(self, config: Config, path: str) -> dict[str, Any]:
        """The config's own where it reads stored detections, else one that fits files and data set."""
        stored = config.model.get('detector') or {}
        if stored.get('type') == 'PrecomputedDetector':
            return {**stored, 'path': path}
        detector: dict[str, Any] = {'type': 'PrecomputedDetector', 'path': path}
        form = recognise(Path(path).expanduser())
        if form in ('ytvis', 'mots'):  # their categories are the data set's
            detector.update(category_ids=self.data.category_ids, drop_other_categories=form == 'mots')
        return detector

    def _check_track_head(self, wanted: str | None) -> None:
        """Refuse embeddings of another track head than the config's: the best settings would be best for that one."""
        source = self.detector.source
        if wanted is None or 'embeddings' not in self.detector.provides:
            return
        if 'embeddings' not in TRACKERS.build(self.tracker).requires:
            return
        if source.track_head is None:
            log.warning('%s does not say which track head computed its embeddings; is it %s?', source.path, wanted)
        elif source.track_head != wanted:
            raise ConfigError(
                f'{source.path} has embeddings of {source.track_head}, but the config has {wanted}: store detections '
                'with the model of this config, or tune with the config whose model stored these'
            )

    def run(self, params: Mapping[str, Any]) -> Trial:
        """Track every video and evaluate.

        Raises:
            DataError: stored detections are damaged or do not fit a video.
            IncompatibleSlotsError: the tracker needs what the detections do not have.
        """
        start = time.perf_counter()
        try:
            tracker = TRACKERS.build({**self.tracker, **params})
        except IncompatibleSlotsError:
            raise
        except ConfigError as error:  # such as thresholds in the wrong order
            return Trial(dict(params), {}, str(error))
        results = track_videos(self.data, self.detector, tracker)
        with _quiet():  # a table for every trial is more than anybody reads
            numbers = self.metric.evaluate(results, self.data)
        seconds = round(time.perf_counter() - start, 3)
        return Trial(dict(params), {name: float(value) for name, value in numbers.items()}, seconds=seconds)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what metrics log to warnings."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def content_hash(path: Path) -> str:
    """Hash of a file, or of the names and contents of a folder's files other than images."""
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob('*') if p.suffix in STORED and p.is_file()) if path.is_dir() else [path]:
        digest.update(str(file.relative_to(path)).encode() + b'\0')
        with open(file, 'rb') as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:16]


def truth_hash(document: Mapping[str, Any]) -> str:
    """Hash of a data set's ground truth, whatever files it stands in."""
    digest = hashlib.sha256()
    for part in (document['videos'], document['categories'], *document['annotations']):
        digest.update(json.dumps(part, default=repr).encode())
    return digest.hexdigest()[:16]
