"""Builds the loaders of training and testing from config dicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from mmdet.datasets.base import VideoDataset
from mmdet.datasets.crops.base import CropDataset
from mmdet.datasets.failure import WorkerFailure
from mmdet.datasets.transfer import PackedBatch, pack, unpack
from mmdet.errors import ConfigError
from mmdet.registry import DATA_SAMPLERS, DATASETS
from mmdet.structures import FrameSample, VideoClip

__all__ = ['Batch', 'ClipLoader', 'build_test_loader', 'build_train_loader', 'check_loader_keys', 'collate_clips']

_KEYS = (
    'batch_size',
    'num_workers',
    'dataset',
    'sampler',
    'persistent_workers',
    'pin_memory',
    'prefetch_factor',
)


class Batch(TypedDict):
    """B clips: what a model's data preprocessor gets."""

    inputs: list[Tensor]  # B x (T, 3, H, W) uint8
    data_samples: list[list[FrameSample]]  # B x T


def collate_clips(clips: Sequence[VideoClip]) -> Batch:
    """Gather clips without stacking them, as their sizes differ."""
    return Batch(inputs=[clip['inputs'] for clip in clips], data_samples=[clip['data_samples'] for clip in clips])


def _collate_for_transfer(clips: Sequence[VideoClip] | WorkerFailure) -> PackedBatch | WorkerFailure:
    return clips if isinstance(clips, WorkerFailure) else pack(collate_clips(clips))


class ClipLoader(DataLoader):
    """A data loader that unpacks what workers sent, and raises their errors with their own type and message."""

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        for batch in super().__iter__():
            if isinstance(batch, WorkerFailure):
                batch.reraise()
            yield unpack(batch)


def build_train_loader(cfg: dict[str, Any], seed: int, rank: int = 0, world_size: int = 1) -> ClipLoader:
    """Loader of training batches; its ``batch_sampler`` keeps the position (``set_position``).

    Args:
        cfg: ``dataset`` (config or object), ``batch_size`` per process, ``num_workers`` (2), ``sampler`` (config of a
            class from DATA_SAMPLERS; by default the data set's ``train_sampler``), ``persistent_workers`` (True),
            ``pin_memory`` (False), ``prefetch_factor`` (2).
        seed: of order and augmentation.
        rank: of this process.
        world_size: number of processes.

    Raises:
        ConfigError: unknown keys, or a data set in test mode.
        DataError: the data set cannot be read.
    """
    check_loader_keys(cfg)
    dataset = _dataset(cfg, test_mode=False)
    sampler = {'type': getattr(dataset, 'train_sampler', 'ClipBatchSampler'), **cfg.get('sampler', {})}
    arguments = {'dataset': dataset, 'batch_size': cfg.get('batch_size', 1), 'seed': seed}
    return _loader(cfg, DATA_SAMPLERS.build({**sampler, **arguments, 'rank': rank, 'world_size': world_size}))


def build_test_loader(cfg: dict[str, Any], chunk_size: int, rank: int = 0, world_size: int = 1) -> ClipLoader:
    """Loader of chunks of whole videos, or of crops, in order, for this rank.

    Args:
        cfg: as for :func:`build_train_loader`; ``batch_size`` can only be 1.
        chunk_size: frames or crops per chunk.
        rank: of this process.
        world_size: number of processes.

    Raises:
        ConfigError: unknown keys, another batch size, or a data set that is not in test mode.
        DataError: the data set cannot be read.
    """
    check_loader_keys(cfg)
    if cfg.get('batch_size', 1) != 1:
        raise ConfigError(
            f'testing runs one video at a time: batch_size must be 1, got {cfg["batch_size"]}; '
            f'chunk_size sets how many of its frames go through the detector together'
        )
    dataset = _dataset(cfg, test_mode=True)
    sampler = {'type': getattr(dataset, 'test_sampler', 'ChunkSampler'), **cfg.get('sampler', {})}
    arguments = {'dataset': dataset, 'chunk_size': chunk_size}
    return _loader(cfg, DATA_SAMPLERS.build({**sampler, **arguments, 'rank': rank, 'world_size': world_size}))


def check_loader_keys(cfg: Mapping[str, Any]) -> None:
    """Refuse keys that no loader takes, and a loader without data set.

    Raises:
        ConfigError: the message lists what it takes.
    """
    unknown = sorted(set(cfg) - set(_KEYS))
    if unknown or 'dataset' not in cfg:
        state = f'does not take {", ".join(unknown)}' if unknown else "needs the key 'dataset'"
        raise ConfigError(f'a data loader config {state}. It takes: {", ".join(_KEYS)}')


def _dataset(cfg: dict[str, Any], test_mode: bool) -> VideoDataset | CropDataset:
    dataset = DATASETS.build(cfg['dataset'])
    if dataset.test_mode != test_mode:
        raise ConfigError(
            f'a data set for {"testing" if test_mode else "training"} needs test_mode={test_mode} '
            f'({dataset.ann_file})'
        )
    return dataset


def _loader(cfg: dict[str, Any], sampler: Any) -> ClipLoader:
    workers = cfg.get('num_workers', 2)
    return ClipLoader(
        sampler.dataset,
        batch_sampler=sampler,
        num_workers=workers,
        collate_fn=_collate_for_transfer,
        worker_init_fn=_start_worker,
        persistent_workers=workers > 0 and cfg.get('persistent_workers', True),
        prefetch_factor=cfg.get('prefetch_factor', 2) if workers > 0 else None,
        pin_memory=cfg.get('pin_memory', False),
        generator=torch.Generator(),  # its own: starting an epoch must not advance the global random state
    )


def _start_worker(worker_id: int) -> None:
    """One core per worker: libraries that start a thread per core fight over them."""
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
