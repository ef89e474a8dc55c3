"""The data set that training and testing see: videos in, clips out.

A subclass says how its files become a YouTube-VIS document (:meth:`VideoDataset.read_document`); everything else, from
key frames and reference frames to splits and ground truth, is here once.
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from mmdet.datasets.annotations import AnnotationTable, TrackAnnotation, VideoInfo, complete_annotation
from mmdet.datasets.clip import ClipFrame, PipelineClip
from mmdet.datasets.failure import WorkerFailure
from mmdet.datasets.image_file import find_image
from mmdet.datasets.schema import first_problem
from mmdet.errors import ConfigError, DataError, MMDetError
from mmdet.holdout import HOLDOUT_FRACTION, SplitName, split_ids
from mmdet.registry import TRANSFORMS
from mmdet.structures import VideoClip

__all__ = ['ChunkIndex', 'TrackAnnotation', 'TrainIndex', 'VideoDataset', 'VideoInfo', 'sample_seed']

_SAMPLE_STREAM = 1  # keeps the random streams of samples apart from that of the sampler


class TrainIndex(NamedTuple):
    """A key frame to train on; with ``epoch`` and ``seed`` it fixes every random choice."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nothing here needs
    epoch: int
    seed: int


class ChunkIndex(NamedTuple):
    """Frames ``start`` to ``stop - 1`` of the video at position ``video``."""

    video: int
    start: int
    stop: int


def sample_seed(seed: int, epoch: int, index: int) -> int:
    """Number in [0, 2**63) that belongs to one training sample and to no other."""
    state = np.random.SeedSequence([seed, epoch, index, _SAMPLE_STREAM]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


class VideoDataset(torch.utils.data.Dataset, ABC):
    """Videos with tracks, read from one annotation file.

    A subclass with arguments of its own repeats those that it passes on and sets its own attributes before it calls
    ``super().__init__``, which reads the file; see ``docs/data.md``.

    Args:
        ann_file: annotation file, relative to ``data_root``.
        data_root: folder that the other paths are relative to.
        img_prefix: folder of the frames, relative to ``data_root``; file names of the annotation file follow.
        pipeline: transforms as config dicts or objects; the last one must be ``PackClip``.
        split: ``None`` for all videos, ``'holdout'`` for the held-out part, ``'train-holdout'`` for the rest.
        holdout_fraction: share of the videos that is held out, see :func:`mmdet.holdout.holdout_ids`.
        test_mode: read videos in order (``ChunkIndex``); no ground truth is needed.
        num_ref_frames: reference frames that follow the key frame in a training clip.
        max_ref_distance: largest distance in frames between key and reference frame, None for the whole video. A
            key frame without a valid frame that near takes any other of its video, and itself if there is none.
        filter_empty: train only on frames with a valid object that is not a crowd.
        classes: names in the order of the labels; None takes all of the file in its order.

    Attributes:
        videos: of the split, in the file's order.
        classes: names by label.
        category_ids: the file's category id by label.
        has_annotations: whether there is ground truth to train on or to evaluate with.
        ann_file: path of the annotation file.
        train_sampler, test_sampler: what loaders use where their config names no sampler.

    Raises:
        DataError: the file is damaged, inconsistent or has nothing to train on; file, video, annotation are named.
        ConfigError: an argument that does not fit the file.
    """

    train_sampler = 'ClipBatchSampler'
    test_sampler = 'ChunkSampler'

    def __init__(
        self,
        ann_file: str,
        data_root: str = '',
        img_prefix: str = '',
        pipeline: Sequence[Any] = (),
        split: SplitName | None = None,
        holdout_fraction: float = HOLDOUT_FRACTION,
        test_mode: bool = False,
        num_ref_frames: int = 1,
        max_ref_distance: int | None = None,
        filter_empty: bool = True,
        classes: Sequence[str] | None = None,
    ) -> None:
        root = Path(data_root).expanduser()
        self.ann_file = str(root / Path(ann_file).expanduser())
        self.img_prefix = str(root / Path(img_prefix).expanduser())
        self.split = split
        self.holdout_fraction = holdout_fraction
        self.test_mode = test_mode
        self.num_ref_frames = num_ref_frames
        self.max_ref_distance = max_ref_distance
        self.filter_empty = filter_empty
        self._check_reference_arguments()
        self.pipeline = [TRANSFORMS.build(transform) for transform in pipeline]
        document = self.read_document()
        first_problem(document, self.ann_file)
        self.classes, self.category_ids = self._choose_classes(document['categories'], classes)
        self._load(document)
        if not test_mode:
            self._require_training_frames()

    @abstractmethod
    def read_document(self) -> dict[str, Any]:
        """The annotation file as a YouTube-VIS document: ``videos``, ``categories``, ``annotations`` (or None).

        Called again by :meth:`ground_truth`, so that nothing of the document need stay in memory.

        Raises:
            DataError: the file is missing or damaged.
        """

    def check_document(self, document: dict[str, Any]) -> None:
        """Further demands of a data set on its structurally sound document; a DataError says what. Default: none."""

    # ---- construction -------------------------------------------------------------------------------------------

    def _check_reference_arguments(self) -> None:
        if self.num_ref_frames < 0:
            raise ConfigError(f'num_ref_frames must be 0 or more, got {self.num_ref_frames}')
        if self.max_ref_distance is not None and self.max_ref_distance < 1:
            raise ConfigError(f'max_ref_distance must be at least 1 frame or None, got {self.max_ref_distance}')

    def _choose_classes(
        self, categories: list[dict], wanted: Sequence[str] | None
    ) -> tuple[tuple[str, ...], tuple[int, ...]]:
        names = [str(category['name']) for category in categories]
        if isinstance(wanted, str):
            raise ConfigError(f"classes is a list of names, got '{wanted}': write ['{wanted}']")
        if wanted is None:
            return tuple(names), tuple(category['id'] for category in categories)
        for name in wanted:
            if names.count(name) != 1:
                close = difflib.get_close_matches(name, names, n=3) or names[:10]
                state = 'twice' if name in names else 'not'
                raise ConfigError(f"class '{name}' is {state} in {self.ann_file}; it has {', '.join(close)}, ...")
        return tuple(wanted), tuple(categories[names.index(name)]['id'] for name in wanted)

    def _kept(self, document: dict[str, Any]) -> tuple[list[dict], list[dict]]:
        """Videos of the split, and their annotations of the chosen classes with boxes and areas filled in."""
        ids = split_ids((video['id'] for video in document['videos']), self.split, self.holdout_fraction)
        videos = {video['id']: video for video in document['videos'] if video['id'] in ids}
        chosen = set(self.category_ids)
        annotations = [
            complete_annotation(a, videos[a['video_id']]['height'], videos[a['video_id']]['width'], self.ann_file)
            for a in document.get('annotations') or ()
            if a['video_id'] in videos and a['category_id'] in chosen
        ]
        return list(videos.values()), annotations

    def _load(self, document: dict[str, Any]) -> None:
        self.check_document(document)
        videos, annotations = self._kept(document)
        positions = {video['id']: position for position, video in enumerate(videos)}
        labels = {category: label for label, category in enumerate(self.category_ids)}
        self.table = AnnotationTable(annotations, positions, labels)
        self.videos = [
            VideoInfo(video['id'], tuple(video['file_names']), video['height'], video['width'], self.table, rows)
            for video, rows in zip(videos, self.table.rows_by_video(len(videos)))
        ]
        self.has_annotations = len(self.table) > 0
        self.table.mark_valid(np.array([(video.height, video.width) for video in self.videos]))
        lengths = np.array([video.length for video in self.videos], dtype=np.int64)
        self._frame_starts = np.concatenate([[0], np.cumsum(lengths)])  # (V + 1,)
        trainable = self.table.trainable_frames(self._frame_starts)  # (F,)
        self._valid_frames = np.flatnonzero(trainable)
        self._key_frames = self._valid_frames if self.filter_empty else np.arange(len(trainable))

    def _require_training_frames(self) -> None:
        if not self.has_annotations:
            raise DataError(
                f'{self.ann_file}: there are no annotations to train on; is it a validation or test file? '
                f'To run a model on it set test_mode=True'
            )
        if len(self._key_frames) == 0:
            raise DataError(
                f'{self.ann_file}: none of {int(self._frame_starts[-1])} frames has an object to train on '
                f'(box of at least 1 x 1 pixels inside the frame, area above 0, not a crowd)'
            )

    # ---- what samplers and metrics ask --------------------------------------------------------------------------

    def __len__(self) -> int:
        """Training: number of key frames. Testing: number of frames."""
        return int(self._frame_starts[-1]) if self.test_mode else len(self._key_frames)

    @property
    def key_videos(self) -> np.ndarray:
        """Position of each key frame's video: (len,) int."""
        return np.searchsorted(self._frame_starts, self._key_frames, side='right') - 1

    @property
    def tracks_per_video(self) -> np.ndarray:
        """Number of annotated tracks of each video: (V,) int."""
        return np.array([len(video.rows) for video in self.videos])

    @property
    def key_sizes(self) -> np.ndarray:
        """(height, width) of each key frame's file: (len, 2) int."""
        return np.array([(video.height, video.width) for video in self.videos]).reshape(-1, 2)[self.key_videos]

    def key_frame(self, index: int) -> tuple[int, int]:
        """Position of the video and index of the frame of a training sample."""
        if not 0 <= index < len(self._key_frames):
            raise IndexError(f'training sample {index} of {len(self._key_frames)}')
        frame = int(self._key_frames[index])
        video = int(np.searchsorted(self._frame_starts, frame, side='right')) - 1
        return video, frame - int(self._frame_starts[video])

    def valid_frames(self, video: int) -> np.ndarray:
        """Frames (K,) of a video that hold an object to train on."""
        start, stop = self._frame_starts[video], self._frame_starts[video + 1]
        low, high = np.searchsorted(self._valid_frames, [start, stop])
        return self._valid_frames[low:high] - start

    def reference_frames(self, video: int, frame: int, rng: np.random.Generator) -> list[int]:
        """Draw ``num_ref_frames`` other valid frames of the video, uniformly among those near enough.

        Without one near enough, any other valid frame will do; without any other, the key frame itself is used. Frames
        repeat only where there are fewer than wanted.
        """
        valid = self.valid_frames(video)
        others = valid[valid != frame]
        if self.max_ref_distance is not None:
            near = others[np.abs(others - frame) <= self.max_ref_distance]
            others = near if len(near) else others
        if len(others) == 0:
            return [frame] * self.num_ref_frames
        return rng.choice(others, self.num_ref_frames, replace=len(others) < self.num_ref_frames).tolist()

    def ground_truth(self) -> dict[str, Any]:
        """The annotation file's content for this split and these classes, ids as in the file, read afresh.

        Nothing is kept in memory for it. ``annotations`` is an empty list where there is no ground truth.
        """
        document = self.read_document()
        videos, annotations = self._kept(document)
        by_id = {category['id']: category for category in document['categories']}
        categories = [by_id[category_id] for category_id in self.category_ids]
        return {**document, 'videos': videos, 'categories': categories, 'annotations': annotations}

    # ---- clips --------------------------------------------------------------------------------------------------

    def __getitem__(self, index: TrainIndex | ChunkIndex) -> VideoClip:
        """Load a clip.

        Raises:
            DataError: an image or annotation of it is missing or damaged.
        """
        if isinstance(index, TrainIndex):
            video, frame = self.key_frame(index.index)
            rng = np.random.default_rng([index.seed, index.epoch, index.index, _SAMPLE_STREAM])
            frames = [frame, *self.reference_frames(video, frame, rng)]
            clip = self._clip(video, frames, sample_seed(index.seed, index.epoch, index.index))
        elif isinstance(index, ChunkIndex):
            video = index.video
            if not 0 <= video < len(self.videos) or not 0 <= index.start < index.stop <= self.videos[video].length:
                raise IndexError(f'{index} of {len(self.videos)} videos')
            rng = np.random.default_rng(video)  # the same for all chunks of a video
            clip = self._clip(video, list(range(index.start, index.stop)), 0)
        else:
            raise TypeError(f'a data set is indexed by TrainIndex or ChunkIndex, as samplers make them, got {index!r}')
        result: Any = clip
        for transform in self.pipeline:
            result = transform(result, rng)
        if isinstance(result, PipelineClip):
            raise ConfigError('the pipeline must end with PackClip')
        return result

    def __getitems__(self, indices: Sequence[TrainIndex | ChunkIndex]) -> list[VideoClip] | WorkerFailure:
        """Load several clips for a data loader, which may do so in another process.

        Our own errors come back as a value: a loader would bury their message in a traceback of its worker.
        """
        try:
            return [self[index] for index in indices]
        except MMDetError as error:
            return WorkerFailure.of(error)

    def image_path(self, video: VideoInfo, frame: int) -> Path:
        """File of frame ``frame`` of ``video``; names without a suffix are completed."""
        return find_image(Path(self.img_prefix) / video.file_names[frame])

    def _clip(self, position: int, frame_ids: Sequence[int], seed: int) -> PipelineClip:
        video = self.videos[position]
        frames = [ClipFrame(video, t, str(self.image_path(video, t))) for t in frame_ids]
        return PipelineClip(frames, self.ann_file, seed)
