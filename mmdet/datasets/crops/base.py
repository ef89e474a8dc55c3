"""The data set that re-identification sees: crops in, one-frame clips out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mmdet.datasets.annotations import AnnotationTable, VideoInfo
from mmdet.datasets.base import TrainIndex, sample_seed
from mmdet.datasets.clip import ClipFrame, PipelineClip
from mmdet.datasets.failure import WorkerFailure
from mmdet.errors import ConfigError, DataError, MMDetError
from mmdet.registry import TRANSFORMS
from mmdet.structures import InstanceData, VideoClip

__all__ = ['CropDataset', 'CropTable']

_CROP_STREAM = 3  # keeps the random streams of crops apart from those of clips and samplers
_NO_TRACKS = AnnotationTable([], {}, {})


@dataclass(frozen=True)
class CropTable:
    """N crops as parallel arrays.

    Attributes:
        identities: (N,) int64, who is seen. In a training set from 0 without gaps; -1 is nobody, and such a crop can
            only be in the gallery, where it never matches.
        cameras: (N,) int64. A query is not compared with crops of its own identity from its own camera.
        query: (N,) bool, looked for when testing.
        gallery: (N,) bool, looked among when testing.
    """

    identities: np.ndarray
    cameras: np.ndarray
    query: np.ndarray
    gallery: np.ndarray

    def __len__(self) -> int:
        return len(self.identities)


class CropDataset(torch.utils.data.Dataset, ABC):
    """Crops of people or things with identities.

    A subclass lists its crops and reads one. Indexed by :class:`TrainIndex` (augmented, a pure function of index, epoch
    and seed) or by a number (testing).

    Args:
        pipeline: transforms as config dicts or objects; the last one must be ``PackClip``. For training they must end
            in one size for all, ``Resize(scale=..., keep_ratio=False)``.
        test_mode: for testing: queries and gallery in order.

    Attributes:
        table: what is known of every crop.
        num_identities: of a training set; None in test mode.
        has_annotations: always True; identities are what a crop set is made of.
        ann_file: file or folder that the crops come from, for messages.

    Raises:
        DataError: there are no crops.
        ConfigError: an argument that does not fit.
    """

    task = 'retrieval'
    train_sampler = 'IdentityBatchSampler'
    test_sampler = 'CropSampler'
    classes: tuple[str, ...] = ()  # crops have identities instead
    has_annotations = True
    ann_file: str
    table: CropTable

    def __init__(self, pipeline: Sequence[Any] = (), test_mode: bool = False) -> None:
        self.pipeline = [TRANSFORMS.build(transform) for transform in pipeline]
        self.test_mode = test_mode
        self.table = self.read_table()
        self.num_identities = None if test_mode else len(np.unique(self.table.identities))
        self._check()

    @abstractmethod
    def read_table(self) -> CropTable:
        """All crops of this set.

        Raises:
            DataError: files are missing or damaged.
        """

    @abstractmethod
    def read_crop(self, index: int) -> np.ndarray:
        """Pixels (H, W, 3) uint8 RGB of a crop.

        Raises:
            DataError: the image is missing or damaged.
        """

    @abstractmethod
    def name(self, index: int) -> str:
        """File of a crop and, where a file holds several, which one; for messages and result files."""

    def _check(self) -> None:
        if len(self.table) == 0:
            raise DataError(f'{self.ann_file}: there are no crops of identities')
        if not self.test_mode and self.num_identities == 1:
            raise DataError(f'{self.ann_file}: all crops are of one identity, so there is nothing to tell apart')
        if self.test_mode and not (self.table.query.any() and self.table.gallery.any()):
            raise DataError(f'{self.ann_file}: a test needs queries and a gallery; one of them is empty')

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index: TrainIndex | int) -> VideoClip:
        """A crop as a clip of one frame; ``gt_instances.instance_ids`` (1,) of its sample is the identity."""
        if isinstance(index, TrainIndex):
            seed = sample_seed(index.seed, index.epoch, index.index)
            rng = np.random.default_rng([index.seed, index.epoch, index.index, _CROP_STREAM])
            return self._load(index.index, rng, seed)
        return self._load(int(index), np.random.default_rng(0), 0)

    def __getitems__(self, indices: Sequence[TrainIndex | int]) -> list[VideoClip] | WorkerFailure:
        """Load several crops for a data loader; errors come back as a value, see ``VideoDataset``."""
        try:
            return [self[index] for index in indices]
        except MMDetError as error:
            return WorkerFailure.of(error)

    def _load(self, index: int, rng: np.random.Generator, seed: int) -> VideoClip:
        pixels = self.read_crop(index)
        # a crop is a video of one frame, so that the transforms of clips serve it
        video = VideoInfo(index, (self.name(index),), pixels.shape[0], pixels.shape[1], _NO_TRACKS, range(0))
        result: Any = PipelineClip([ClipFrame(video, 0, self.name(index), pixels)], self.ann_file, seed)
        for transform in self.pipeline:
            result = transform(result, rng)
        if isinstance(result, PipelineClip):
            raise ConfigError('the pipeline must end with PackClip')
        identity = torch.tensor([int(self.table.identities[index])])
        result['data_samples'][0].gt_instances = InstanceData(instance_ids=identity)
        return result
