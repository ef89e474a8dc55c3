"""A detector that reads what another program found, instead of running a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from mmdet.errors import ConfigError, DataError
from mmdet.formats.detect import open_detections
from mmdet.formats.json_file import read_json
from mmdet.formats.sources import DetectionSource, StoredVideo
from mmdet.models.detectors.base import Clip, Detector
from mmdet.models.samplers import SampledRoIs
from mmdet.ops.rle import from_bboxes
from mmdet.registry import MODELS
from mmdet.structures import EncodedMasks, Features, FrameSample, InstanceData


@MODELS.register_module()
class PrecomputedDetector(Detector):
    """Detections from files: ``--dump-detections``, YouTube-VIS results, MOTChallenge ``det.txt``, MOTS text.

    Which file belongs to a video, and the forms themselves, stand in :mod:`mmdet.formats.sources` and in
    ``docs/cached_detections.md``. One video is in memory at a time, except for YouTube-VIS results, which are one list.
    There is nothing to train and no checkpoint to load.

    Args:
        path: file or folder.
        format: ``dump``, ``ytvis``, ``motchallenge``, ``mots``, or ``auto`` to look at the files.
        score_threshold: leave out detections with a lower score; None keeps all.
        scores: ``probability`` refuses scores outside [0, 1]; ``logit`` puts them through a sigmoid.
        annotations: annotation file of the data set. A category's label is its position among the file's
            ``categories``, as in the data set.
        classes: names in the order of the labels, as the data set's ``classes``; needs ``annotations``. Detections of
            other categories are left out.
        category_ids: the file's category of every label, instead of ``annotations``. ``ytvis`` needs one of the two;
            ``mots`` takes (1, 2), car and pedestrian, without.
        drop_other_categories: leave out detections of categories that are no label, which are errors otherwise.
        first_frame: what text files call a video's first frame; None takes 1 for MOTChallenge and 0 for MOTS (KITTI).
        missing_videos: ``error`` refuses videos that the files do not have, ``empty`` takes them as videos without
            detections.
        use_embeddings: hand on embeddings where the files have them.
        box_masks: where the files have no masks, a box's rectangle, cut at the frame's border, stands in for one.

    Attributes:
        provides: ``masks`` and ``embeddings`` where the files have them.

    Raises:
        DataError: nothing is at ``path``, or it is damaged.
        ConfigError: the form cannot be told, or arguments do not fit it.
    """

    reads_pixels = False

    def __init__(
        self,
        path: str,
        format: Literal['auto', 'dump', 'ytvis', 'motchallenge', 'mots'] = 'auto',
        score_threshold: float | None = None,
        scores: Literal['probability', 'logit'] = 'probability',
        annotations: str | None = None,
        classes: Sequence[str] | None = None,
        category_ids: Sequence[int] | None = None,
        drop_other_categories: bool = False,
        first_frame: int | None = None,
        missing_videos: Literal['error', 'empty'] = 'error',
        use_embeddings: bool = True,
        box_masks: bool = False,
    ) -> None:
        super().__init__()
        if scores not in ('probability', 'logit'):
            raise ConfigError(f"scores {scores!r} does not exist; use 'probability' or 'logit'")
        if missing_videos not in ('error', 'empty'):
            raise ConfigError(f"missing_videos {missing_videos!r} does not exist; use 'error' or 'empty'")
        self.source: DetectionSource = open_detections(path, format, first_frame)
        self.score_threshold, self.logits = score_threshold, scores == 'logit'
        self.missing_videos, self.drop_other_categories = missing_videos, drop_other_categories
        self.labels = self._choose_labels(annotations, classes, category_ids)
        self.box_masks = box_masks and 'masks' not in self.source.provides
        words = self.source.provides if use_embeddings else self.source.provides - {'embeddings'}
        self.provides = words | {'masks'} if self.box_masks else words
        self._current: tuple[tuple[int, str], StoredVideo] | None = None

    def extract_feat(self, images: Tensor) -> Features:
        """Nothing: there is no network."""
        return ()

    def loss(
        self, features: Features, samples: Sequence[FrameSample], roi_features: Features | None = None
    ) -> tuple[dict[str, Tensor], list[SampledRoIs]]:
        """Refuses: there is nothing to train.

        Raises:
            ConfigError: always.
        """
        raise ConfigError('PrecomputedDetector reads detections from files and cannot be trained; test it instead')

    def predict(self, clip: Clip, roi_variants: Sequence[Sequence[Features]] | None = None) -> list[InstanceData]:
        """Detections of T frames, on the device of the clip.

        Raises:
            DataError: as :meth:`detections`.
        """
        return [self.detections(sample).to(clip.images.device) for sample in clip.samples]

    def detections(self, sample: FrameSample) -> InstanceData:
        """Detections of one frame, on the CPU: ``bboxes``, ``labels``, ``scores``, and what :attr:`provides` names.

        Args:
            sample: meta of the frame: ``video_id``, ``frame_id``, ``video_length``, ``ori_shape``, ``img_path``.

        Raises:
            DataError: a file is damaged, is not this video's, or there is none for it.
        """
        video = self._video_of(sample)
        rows = video.rows(int(sample.frame_id))
        found = InstanceData()
        # copies, so that whoever changes a result leaves what is stored alone
        found.bboxes = torch.tensor(video.bboxes[rows])
        found.labels = torch.tensor(video.categories[rows])
        found.scores = torch.tensor(video.scores[rows])
        canvas = (int(sample.ori_shape[0]), int(sample.ori_shape[1]))
        if 'masks' in self.provides:
            masks = from_bboxes(video.bboxes[rows], *canvas) if video.masks is None else video.masks[rows]
            found.masks = EncodedMasks(masks, canvas)
        if video.embeddings is not None and 'embeddings' in self.provides:
            found.embeddings = torch.tensor(video.embeddings[rows])
        return found

    def _video_of(self, sample: FrameSample) -> StoredVideo:
        """The video of a frame, read once; only one is kept."""
        key = (int(sample.video_id), str(Path(str(sample.get('img_path', None) or '')).parent))
        if self._current is None or self._current[0] != key:
            self._current = None  # two at once would be twice the memory
            self._current = (key, self._read(sample))
        return self._current[1]

    def _read(self, sample: FrameSample) -> StoredVideo:
        """The video of a frame with labels for categories, without the rows that are not wanted."""
        video = self.source.read(sample)
        if video is None:
            if self.missing_videos == 'error':
                raise DataError(
                    f'{self.source.path}: no stored detections for video {sample.video_id} '
                    f"({sample.get('img_path', None) or 'no file name'}); {self.source.known()}. "
                    "missing_videos='empty' takes such videos as empty"
                )
            return StoredVideo.empty()
        scores = self._probabilities(video)
        labels = self._to_labels(video)
        kept = labels >= 0
        if self.score_threshold is not None:
            kept &= scores >= self.score_threshold
        return _chosen(video, np.flatnonzero(kept), categories=labels, scores=scores)

    def _probabilities(self, video: StoredVideo) -> np.ndarray:
        """Scores (N,) in [0, 1]."""
        if self.logits:
            return (0.5 * (1 + np.tanh(0.5 * video.scores.astype(np.float64)))).astype(np.float32)
        outside = np.flatnonzero((video.scores < 0) | (video.scores > 1))
        if len(outside):
            row = int(outside[0])
            raise DataError(
                f'{video.source}: score {video.scores[row]:g} in frame {video.frames[row]} (from 0) is not between 0 '
                "and 1; scores='logit' puts such scores through a sigmoid"
            )
        return video.scores

    def _to_labels(self, video: StoredVideo) -> np.ndarray:
        """Labels (N,) of the categories, -1 for those that are left out."""
        if self.source.categories != 'ids':
            return video.categories
        present, inverse = np.unique(video.categories, return_inverse=True)
        labels = np.array([self.labels.get(int(c), -2) for c in present], np.int64)[inverse.reshape(-1)]
        wrong = labels == -2
        if wrong.any() and not self.drop_other_categories:
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f'{video.source}: category {video.categories[row]} in frame {video.frames[row]} (from 0) is no label; '
                'give annotations or category_ids that have it, or drop_other_categories=True'
            )
        return np.where(wrong, -1, labels)

    def _choose_labels(
        self, annotations: str | None, classes: Sequence[str] | None, category_ids: Sequence[int] | None
    ) -> dict[int, int]:
        """Label of every category, -1 for those to leave out; empty where the source has no category ids."""
        given = [name for name, value in (('annotations', annotations), ('category_ids', category_ids)) if value]
        if given and self.source.categories != 'ids':
            raise ConfigError(f'{self.source.path} has no category ids, so {given[0]} has no use; leave it out')
        if len(given) > 1 or (classes and not annotations):
            raise ConfigError('labels follow from annotations (and classes, if given), or from category_ids')
        if annotations:
            return _labels_of(annotations, classes)
        category_ids = category_ids or self.source.default_category_ids
        if self.source.categories == 'ids' and not category_ids:
            raise ConfigError(
                f'{self.source.path} has category ids of an annotation file: give that file as annotations, or the ids '
                'in the order of the labels as category_ids'
            )
        return {int(category): label for label, category in enumerate(category_ids)}


def _labels_of(annotations: str, classes: Sequence[str] | None) -> dict[int, int]:
    """Labels by category id as a data set with these ``classes`` gives them; -1 for its other categories."""
    document = read_json(annotations, 'annotation')
    try:
        ids = {str(category['name']): int(category['id']) for category in document['categories']}
    except (KeyError, TypeError, ValueError):
        raise DataError(f'{annotations}: has no list of categories with id and name') from None
    names = list(classes or ids)
    missing = [name for name in names if name not in ids]
    if missing:
        known = ', '.join(list(ids)[:10])
        raise ConfigError(f'{annotations} has no category {", ".join(missing)}; it has {known}, ...')
    return {category: names.index(name) if name in names else -1 for name, category in ids.items()}


def _chosen(video: StoredVideo, rows: np.ndarray, **columns: Any) -> StoredVideo:
    """``rows`` of a video, with ``columns`` in place of its own."""
    values: dict[str, Any] = {**vars(video), **columns}
    masks: list | None = values.pop('masks')
    source = values.pop('source')
    taken: Mapping[str, Any] = {name: None if value is None else value[rows] for name, value in values.items()}
    return StoredVideo(source, masks=None if masks is None else [masks[row] for row in rows.tolist()], **taken)
