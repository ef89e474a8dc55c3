"""The training set of SiamMask: pairs of template and search image, drawn from several data sets."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmdet.datasets.base import TrainIndex, VideoDataset, sample_seed
from mmdet.datasets.failure import WorkerFailure
from mmdet.datasets.siam.augment import Picture, SiamPairAugmentation
from mmdet.datasets.siam.crop_space import CROP_SIZE, TEMPLATE_SIZE, CropView
from mmdet.datasets.siam.objects import ObjectSource, VideoObjects
from mmdet.errors import ConfigError, MMDetError
from mmdet.registry import DATASETS, TRANSFORMS
from mmdet.structures import FrameSample, InstanceData

__all__ = ['PairClip', 'PairSource', 'SiamPairDataset']

STRIDE = 8  # of the network's cells, in pixels
_PAIR_STREAM, _ORDER_STREAM = 3, 4  # keep these random streams apart from each other and those of samplers


@dataclass(frozen=True)
class PairSource:
    """One data set and how often it is drawn from.

    Attributes:
        data: config of a :class:`~mmdet.datasets.siam.crop_folder.Crop511Dataset` or of any video data set.
        frame_range: largest distance between template and search frame, in annotated frames of the object.
        num_use: videos of it in an epoch's list, repeated or left out as needed; None takes each once.
        min_area: with a video data set, objects of fewer pixels in a frame are left out there.
    """

    data: Any
    frame_range: int = 1
    num_use: int | None = None
    min_area: float = 0

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> PairSource:
        """A source of a config's ``sources``.

        Raises:
            ConfigError: unknown keys or impossible values.
        """
        known = [field.name for field in fields(cls)]
        for key in config:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                hint = f" Did you mean '{close[0]}'?" if close else ''
                raise ConfigError(f"a source of SiamPairDataset has no key '{key}'.{hint} It takes: {', '.join(known)}")
        if 'data' not in config:
            raise ConfigError("a source of SiamPairDataset needs 'data', the config of a data set")
        source = cls(**config)
        if source.frame_range < 0 or (source.num_use is not None and source.num_use < 1):
            raise ConfigError(
                f'frame_range is 0 or more and num_use 1 or more, got {source.frame_range} and {source.num_use}'
            )
        return source

    def objects(self) -> ObjectSource:
        """The data set, built."""
        dataset = DATASETS.build(self.data)
        if isinstance(dataset, VideoDataset):
            if dataset.test_mode:
                raise ConfigError(f'{dataset.ann_file}: pairs are drawn from a data set without test_mode')
            return VideoObjects(dataset, self.min_area)
        if self.min_area:
            raise ConfigError(f'{type(dataset).__name__} has no areas: min_area belongs to data sets with annotations')
        if not (hasattr(dataset, 'objects') and hasattr(dataset, 'view')):
            raise ConfigError(f'pairs cannot be drawn from {type(dataset).__name__}: it has no objects and view()')
        return dataset


class PairClip(TypedDict):
    """One training pair."""

    inputs: list[Tensor]  # template (3, 127, 127) and search image (3, S, S), RGB
    data_samples: list[FrameSample]  # of both


@DATASETS.register_module()
class SiamPairDataset(torch.utils.data.Dataset):
    """Pairs of template and search image from several data sets.

    An epoch is a list of videos: of every source ``num_use``, all in random order, cut or repeated to ``num_pairs``. A
    pair shows a random object of its video in two frames. A negative pair shows an object of that video and, to be
    searched, an object of any data set, each as likely. Everything random follows from (seed, epoch, index), so that
    a resumed run and any number of processes see the same pairs.

    Batches are those that :meth:`mmdet.models.siammask.SiamMask.forward` describes. ``gt_instances`` of the search
    sample has one object in pixels of the search image, with its mask where that is known, or none in a negative pair.

    Args:
        sources: dicts of :class:`PairSource`.
        num_pairs: of an epoch; None takes one for every video in the list.
        negative_ratio: share of negative pairs.
        search_size: side of search images: 255, or 143 for a refine head as the original trains it.
        augmentation: config of a :class:`~mmdet.datasets.siam.augment.SiamPairAugmentation`.

    Attributes:
        sources: as objects.
        ann_file: of all sources, for messages.

    Raises:
        ConfigError: a value that cannot be.
        DataError: a source cannot be read.
    """

    test_mode = False
    classes = ('object',)

    def __init__(
        self,
        sources: Sequence[Mapping[str, Any]],
        num_pairs: int | None = None,
        negative_ratio: float = 0.0,
        search_size: int = 255,
        augmentation: Mapping[str, Any] | None = None,
    ) -> None:
        if not sources:
            raise ConfigError('SiamPairDataset needs at least one source')
        if not 0 <= negative_ratio <= 1:
            raise ConfigError(f'negative_ratio is a share of 0 to 1, got {negative_ratio}')
        if not TEMPLATE_SIZE <= search_size <= CROP_SIZE or (search_size - TEMPLATE_SIZE) % STRIDE:
            raise ConfigError(
                f'search_size is {TEMPLATE_SIZE} plus a multiple of {STRIDE}, up to {CROP_SIZE}, as the middle of the '
                f'network\'s cells is that of the crop only then; got {search_size}'
            )
        self.sources = [PairSource.from_config(source) for source in sources]
        self._objects = [source.objects() for source in self.sources]
        self._uses = [s.num_use or o.objects.num_videos for s, o in zip(self.sources, self._objects)]
        self.num_pairs = sum(self._uses) if num_pairs is None else num_pairs
        if self.num_pairs < 1:
            raise ConfigError(f'num_pairs is 1 or more, got {num_pairs}')
        self.negative_ratio = negative_ratio
        self.sizes = (TEMPLATE_SIZE, search_size)
        self.augmentation: SiamPairAugmentation = TRANSFORMS.build(augmentation or dict(type='SiamPairAugmentation'))
        self.ann_file = ', '.join(objects.ann_file for objects in self._objects)
        self._order: tuple[tuple[int, int], NDArray[np.int32]] | None = None

    def __len__(self) -> int:
        """Pairs of an epoch."""
        return self.num_pairs

    @property
    def key_sizes(self) -> NDArray[np.int64]:
        """(len, 2) sizes by which a sampler may group; all pairs are of one size."""
        return np.full((len(self), 2), self.sizes[1])

    def order(self, seed: int, epoch: int) -> NDArray[np.int32]:
        """(num_pairs, 2) source and video of every pair of an epoch."""
        if self._order is None or self._order[0] != (seed, epoch):
            rng = np.random.default_rng([seed, epoch, 0, _ORDER_STREAM])
            parts = []
            for number, (objects, uses) in enumerate(zip(self._objects, self._uses)):
                videos = _repeated(objects.objects.num_videos, uses, rng)
                parts.append(np.stack([np.full_like(videos, number), videos], 1))
            listed = rng.permutation(np.concatenate(parts))
            self._order = (seed, epoch), np.resize(listed, (self.num_pairs, 2)).astype(np.int32)
        return self._order[1]

    def views(self, index: TrainIndex, rng: np.random.Generator) -> tuple[CropView, CropView, bool]:
        """Template and search view of a pair, not varied yet, and whether they show the same object.

        Raises:
            DataError: an image or annotation of it is missing or damaged.
        """
        source, video = self.order(index.seed, index.epoch)[index.index].tolist()
        objects, reach = self._objects[source], self.sources[source].frame_range
        if rng.random() >= self.negative_ratio:
            first, second = objects.objects.draw(video, reach, 2, rng)
            template = objects.view(first)
            return template, template if first == second else objects.view(second), True
        template = objects.view(objects.objects.draw(video, 0, 1, rng)[0])
        other = self._objects[int(rng.integers(len(self._objects)))]
        elsewhere = int(rng.integers(other.objects.num_videos))
        return template, other.view(other.objects.draw(elsewhere, 0, 1, rng)[0]), False

    def __getitem__(self, index: TrainIndex) -> PairClip:
        """Load a pair.

        Raises:
            DataError: an image or annotation of it is missing or damaged.
        """
        if not isinstance(index, TrainIndex):
            raise TypeError(f'a training set is indexed by TrainIndex, as samplers make it, got {index!r}')
        if not 0 <= index.index < len(self):
            raise IndexError(f'pair {index.index} of {len(self)}')
        rng = np.random.default_rng([index.seed, index.epoch, index.index, _PAIR_STREAM])
        template, search, same = self.views(index, rng)
        pictures = self.augmentation((template, search), self.sizes, rng)
        seed = sample_seed(index.seed, index.epoch, index.index)
        samples = [_sample(view, picture, seed) for view, picture in zip((template, search), pictures)]
        samples[1].gt_instances = _instances(pictures[1]) if same else InstanceData(bboxes=torch.zeros(0, 4))
        return PairClip(inputs=[_tensor(picture.image) for picture in pictures], data_samples=samples)

    def __getitems__(self, indices: Sequence[TrainIndex]) -> list[PairClip] | WorkerFailure:
        """Load several pairs for a data loader; our own errors come back as a value."""
        try:
            return [self[index] for index in indices]
        except MMDetError as error:
            return WorkerFailure.of(error)


def _repeated(count: int, length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """0 ... count - 1 in random order, repeated in new orders to ``length``."""
    rounds = np.tile(np.arange(count), (-(-length // count), 1))
    return rng.permuted(rounds, axis=1).ravel()[:length]


def _tensor(image: NDArray) -> Tensor:
    """(S, S, 3) to (3, S, S)."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _sample(view: CropView, picture: Picture, seed: int) -> FrameSample:
    height, width = view.image.shape[:2]
    side = picture.image.shape[0]
    return FrameSample(
        metainfo={
            'video_id': view.video_id,
            'frame_id': view.frame_id,
            'img_path': view.path,
            'ori_shape': (height, width),
            'img_shape': (side, side),
            'flip': picture.flip,
            'sample_seed': seed,
        }
    )


def _instances(picture: Picture) -> InstanceData:
    found = InstanceData(bboxes=torch.from_numpy(picture.box[None].astype(np.float32)))
    if picture.mask is not None:
        found.masks = torch.from_numpy(np.ascontiguousarray(picture.mask[None]))
    return found
