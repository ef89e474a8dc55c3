"""Annotated videos as an instance database reads them: from any data set, or from MOTS label maps."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mmdet.datasets.annotations import VideoInfo
from mmdet.datasets.base import VideoDataset
from mmdet.datasets.clip import ClipFrame
from mmdet.datasets.image_file import check_size, find_image, read_image
from mmdet.datasets.schema import Problem
from mmdet.datasets.tracking_files import list_frames
from mmdet.datasets.transforms.loading import load_objects
from mmdet.errors import DataError
from mmdet.formats.masks_png import check_complete, list_mask_pngs

MOTS_CLASSES = ('car', 'pedestrian')
INSTANCES_PER_CLASS = 1000  # a MOTS label is class * 1000 + instance
MOTS_IGNORE = 10


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
        state: checksum of its annotations: of boxes and areas, or of label maps.
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
    """Checksum of identities, classes, boxes and areas."""
    table, rows = video.table, slice(video.rows.start, video.rows.stop)
    slots = [slice(start, start + video.length) for start in table.slot_starts[rows].tolist()]
    parts = [table.ids[rows], table.labels[rows], *(table.bboxes[s] for s in slots), *(table.areas[s] for s in slots)]
    return zlib.crc32(b''.join(np.ascontiguousarray(part).tobytes() for part in parts))


def _read(dataset: VideoDataset, video: VideoInfo, frame: int) -> AnnotatedFrame:
    path = str(dataset.image_path(video, frame))
    where = Problem(dataset.ann_file, '', video.id, None, frame).where
    image = read_image(path, where)
    check_size(path, image.shape[:2], (video.height, video.width), where)
    objects = load_objects(ClipFrame(video, frame, path), dataset.ann_file)
    objects = objects.select(~objects.crowd)
    return AnnotatedFrame(image, objects.masks.astype(bool), objects.labels, objects.ids)


def mots_videos(maps: str | Path, images: str | Path, sequences: Sequence[str] = ()) -> list[SourceVideo]:
    """Sequences of 16-bit label maps ``<maps>/<sequence>/<frame>.png`` with frames of the same names in ``images``.

    A pixel of class c and instance i has the value 1000 c + i; 0 and class 10 (to be ignored) belong to nobody.

    Args:
        maps: folder of the label maps, one folder per sequence.
        images: folder of the frames, one folder per sequence.
        sequences: names of the wanted ones, in this order; all in the order of their names if empty.

    Raises:
        DataError: a folder is missing or empty, or a frame has no label map: positions in a track are frames.
    """
    maps, images = Path(maps), Path(images)
    if not maps.is_dir():
        raise DataError(f'there is no folder {maps} of label maps')
    names = list(sequences) or sorted(path.name for path in maps.iterdir() if path.is_dir())
    return [_mots_video(maps / name, images / name) for name in names]


def _mots_video(maps: Path, images: Path) -> SourceVideo:
    files = list_mask_pngs(maps) if maps.is_dir() else []
    if not files:
        raise DataError(f'{maps}: there are no label maps (.png) of this sequence')
    frames = list_frames(images)
    numbered = bool(frames) and Path(frames[0]).stem.isdecimal()
    check_complete(files, maps, len(frames) or None, int(Path(frames[0]).stem) if numbered else int(files[0].stem))
    state = zlib.crc32(b''.join(hashlib.blake2b(file.read_bytes()).digest() for file in files))
    return SourceVideo(maps.name, len(files), partial(_read_map, files, images), state)


def _read_map(files: Sequence[Path], images: Path, frame: int) -> AnnotatedFrame:
    file = files[frame]
    where = f'sequence {images.name}, frame {frame}'
    values = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim != 2:
        raise DataError(f'{file}: {where}: not a label map (a PNG of one 16-bit channel)')
    path = find_image(images / file.stem)
    image = read_image(path, where)
    check_size(path, image.shape[:2], values.shape[:2], where)
    ids = np.unique(values)
    ids = ids[(ids > 0) & (ids // INSTANCES_PER_CLASS != MOTS_IGNORE)].astype(np.int64)
    labels = ids // INSTANCES_PER_CLASS - 1
    unknown = ids[(labels < 0) | (labels >= len(MOTS_CLASSES))]
    if len(unknown):
        raise DataError(
            f'{file}: {where}: value {unknown[0]} is of class {unknown[0] // INSTANCES_PER_CLASS}, which MOTS does not '
            'have; 1 is car, 2 pedestrian, 10 to be ignored'
        )
    return AnnotatedFrame(image, values[None] == ids[:, None, None], labels, ids)
