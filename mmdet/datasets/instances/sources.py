"""Annotated videos as an instance database reads them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath

import numpy as np

from mmdet.datasets.annotations import VideoInfo
from mmdet.datasets.base import VideoDataset
from mmdet.datasets.clip import ClipFrame
from mmdet.datasets.image_file import check_size, read_image
from mmdet.datasets.mots import MOTSDataset
from mmdet.datasets.schema import Problem
from mmdet.datasets.transforms.loading import load_objects
from mmdet.errors import DataError
from mmdet.formats import mots_sources


@dataclass(frozen=True)
class AnnotatedFrame:
    """One frame and its N instances.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        masks: (N, H, W) bool.
        labels: (N,) class from 0.
        ids: (N,) identity in the video.
    """

    image: np.ndarray
    masks: np.ndarray
    labels: np.ndarray
    ids: np.ndarray


@dataclass(frozen=True)
class SourceVideo:
    """A video whose frames are read when they are asked for.

    Attributes:
        name: what it is called, unique in its set.
        length: number of frames.
        read: frame of an index.
        state: checksum of its annotations: classes, boxes and areas.
    """

    name: str
    length: int
    read: Callable[[int], AnnotatedFrame]
    state: int


def videos_of(dataset: VideoDataset) -> list[SourceVideo]:
    """The videos of a data set; crowds and objects that cannot be trained on are left out."""
    return [
        SourceVideo(str(video.id), video.length, partial(_read, dataset, video), _state_of(video))
        for video in dataset.videos
    ]


def _state_of(video: VideoInfo) -> int:
    """Checksum of classes, boxes and areas, track by track."""
    table, rows = video.table, slice(video.rows.start, video.rows.stop)
    slots = [slice(start, start + video.length) for start in table.slot_starts[rows].tolist()]
    parts = [table.labels[rows], *(table.bboxes[s] for s in slots), *(table.areas[s] for s in slots)]
    return zlib.crc32(b''.join(np.ascontiguousarray(part).tobytes() for part in parts))


def _read(dataset: VideoDataset, video: VideoInfo, frame: int) -> AnnotatedFrame:
    path = str(dataset.image_path(video, frame))
    where = Problem(dataset.ann_file, '', video.id, None, frame).where
    image = read_image(path, where)
    check_size(path, image.shape[:2], (video.height, video.width), where)
    objects = load_objects(ClipFrame(video, frame, path), dataset.ann_file)
    objects = objects.select(~objects.crowd)
    # numbered by their place in the video: a file's ids may depend on the other videos in it
    numbers = {identity: place for place, identity in enumerate(video.table.ids[video.rows.start : video.rows.stop])}
    ids = np.array([numbers[identity] for identity in objects.ids.tolist()], np.int64)
    return AnnotatedFrame(image, objects.masks.astype(bool), objects.labels, ids)


def mots_videos(
    root: str | Path, images: str | Path = '', sequences: Sequence[str] = (), part: str | None = None
) -> list[SourceVideo]:
    """Sequences in the layout of KITTI MOTS, called by their names; regions to be ignored are left out.

    Args:
        root: with ``instances_txt``, or ``instances`` (maps) where there are no texts. Both hold the same sequences.
        images: folder of the frames, one folder per sequence; '' is ``training/image_02`` of the root.
        sequences: names of the wanted ones, in this order; all in the order of their names if empty.
        part: ``train``, ``val`` or ``test``: the benchmark's own sequences, instead.

    Raises:
        DataError: a folder, sequence or frame is missing, or a file is damaged: positions in a track are frames.
    """
    texts, maps = Path(root) / 'instances_txt', Path(root) / 'instances'
    if texts.is_dir() and maps.is_dir():
        differ = sorted(set(mots_sources(texts)) ^ set(mots_sources(maps)))
        if differ:
            raise DataError(f'{root}: sequence {differ[0]} is in one of instances_txt and instances only')
    dataset = MOTSDataset(
        'instances_txt' if texts.is_dir() else 'instances',
        str(root),
        str(Path(images).absolute()) if images else 'training/image_02',
        test_mode=True,
        sequences=list(sequences) or None,
        part=part,
    )
    names = [PurePath(video.file_names[0]).parts[0] for video in dataset.videos]
    return [replace(video, name=name) for name, video in zip(names, videos_of(dataset))]
