"""Detections of one video in a file: what ``tools/test_video.py --dump-detections`` writes.

``<folder>/video_<id>.npz`` is a zip of ``.npy`` arrays; ``numpy.load(path, allow_pickle=False)`` reads it. With N rows
over all T frames of the video, ordered by frame:

==============  ======================================================================================
version         () int64, 1
video_id        () int64, the annotation file's own
size            (2,) int64, height and width of the original frames in pixels
length          () int64, T
frames          (N,) int32, index of each row's frame, from 0
bboxes          (N, 4) float32, x1 y1 x2 y2 in original pixels, right and bottom exclusive
labels          (N,) int64, positions of the categories in the data set's classes
scores          (N,) float32
rle_bytes       (M,) uint8, compressed COCO RLE texts of all rows, one after the other
rle_offsets     (N + 1,) int64, row i has ``rle_bytes[rle_offsets[i]:rle_offsets[i + 1]]``; empty: no mask
embeddings      (N, D) float32, only where a track head ran
track_head      () text, class of the track head that computed the embeddings; older files lack it
==============  ======================================================================================
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from mmdet.errors import DataError
from mmdet.ops.rle import normalise_rle
from mmdet.structures import RLE

__all__ = ['VERSION', 'DetectionHead', 'Detections', 'read_detections', 'read_head']

VERSION = 1
_COLUMNS = ('frames', 'bboxes', 'labels', 'scores')
_REQUIRED = ('version', 'video_id', 'size', 'length', *_COLUMNS, 'rle_bytes', 'rle_offsets')
_UNREADABLE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile)


@dataclass(frozen=True)
class DetectionHead:
    """What a file holds, without its rows.

    Attributes:
        rows: N.
        masks: how many rows have a mask.
        embedding_dim: D, None where there are no embeddings.
        track_head: class of the track head that computed the embeddings, None where that is not known.
    """

    video_id: int
    rows: int
    masks: int
    embedding_dim: int | None
    track_head: str | None = None


@dataclass
class Detections:
    """Content of one file; see the module's table. ``embeddings`` is None where no track head ran."""

    video_id: int
    size: tuple[int, int]
    length: int
    frames: np.ndarray
    bboxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    masks: list[RLE | None]
    embeddings: np.ndarray | None = None

    def rows(self, frame: int) -> slice:
        """The rows of one frame."""
        return slice(*np.searchsorted(self.frames, [frame, frame + 1]).tolist())


def read_head(path: str | Path) -> DetectionHead:
    """Read a few small arrays of a file.

    Raises:
        DataError: as :func:`read_detections`, as far as these arrays tell.
    """
    arrays = _read(path, ('version', 'video_id', 'rle_offsets', 'track_head'))
    lengths, shape = np.diff(arrays['rle_offsets']), _shape_of_embeddings(path)
    if shape is not None and (len(shape) != 2 or shape[0] != len(lengths)):
        raise DataError(f'{path}: embeddings must be ({len(lengths)}, D), one row per detection, not {shape}')
    head = str(arrays['track_head']) if 'track_head' in arrays else None
    return DetectionHead(int(arrays['video_id']), len(lengths), int((lengths > 0).sum()), shape and shape[1], head)


def _shape_of_embeddings(path: str | Path) -> tuple[int, ...] | None:
    """Shape of the largest array, without reading it; None where there is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            if 'embeddings.npy' not in archive.namelist():
                return None
            with archive.open('embeddings.npy') as member:
                version = npy.read_magic(member)
                read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                return read(member)[0]
    except _UNREADABLE as error:
        raise DataError(f'{path}: the detections cannot be read: {error}') from error


def read_detections(path: str | Path) -> Detections:
    """Read and check one file.

    Raises:
        DataError: missing, damaged, not of this form, or with numbers that no detector gives; file and row are named.
    """
    arrays = _read(path)
    size = (int(arrays['size'][0]), int(arrays['size'][1]))
    found = Detections(
        video_id=int(arrays['video_id']),
        size=size,
        length=int(arrays['length']),
        masks=_masks(path, arrays, size),
        embeddings=arrays.get('embeddings'),
        **{name: arrays[name] for name in _COLUMNS},
    )
    _check(path, found)
    return found


def _read(path: str | Path, names: tuple[str, ...] | None = None) -> dict[str, np.ndarray]:
    """Arrays of a file of our version, those of ``names`` that it has or all."""
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in _REQUIRED if name not in file]
            if missing:
                raise DataError(f'{path}: not a file of detections, it lacks {", ".join(missing)}')
            arrays = {name: file[name] for name in file.files if names is None or name in names}
    except _UNREADABLE as error:
        raise DataError(f'{path}: the detections cannot be read: {error}') from error
    if int(arrays['version']) != VERSION:
        raise DataError(f'{path}: written in version {int(arrays["version"])}, this program reads {VERSION}')
    return arrays


def _masks(path: str | Path, arrays: Mapping[str, np.ndarray], size: tuple[int, int]) -> list[RLE | None]:
    text, offsets = arrays['rle_bytes'].tobytes().decode('latin-1'), arrays['rle_offsets'].tolist()
    if not offsets or offsets[0] != 0 or offsets[-1] != len(text) or (np.diff(offsets) < 0).any():
        raise DataError(f'{path}: rle_offsets do not divide the {len(text)} bytes of the masks')
    return [
        normalise_rle({'size': list(size), 'counts': text[start:stop]}, *size, f'{path}, row {row}')
        if stop > start
        else None
        for row, (start, stop) in enumerate(pairwise(offsets))
    ]


def _check(path: str | Path, found: Detections) -> None:
    count = len(found.masks)
    shapes = {name: getattr(found, name).shape for name in _COLUMNS}
    if found.embeddings is not None:
        shapes['embeddings'] = found.embeddings.shape
    if any(len(shape) == 0 or shape[0] != count for shape in shapes.values()):
        raise DataError(f'{path}: its columns have different lengths: {shapes} for {count} masks')
    if found.bboxes.shape != (count, 4):
        raise DataError(f'{path}: bboxes must be ({count}, 4), not {found.bboxes.shape}')
    for name in ('bboxes', 'scores', 'embeddings'):
        values = getattr(found, name)
        if values is not None and not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values).reshape(count, -1).all(1))[0])
            raise DataError(f'{path}, row {row}, frame {int(found.frames[row])}: {name} are not finite')
    steps = np.flatnonzero(np.diff(found.frames.astype(np.int64)) < 0)
    if len(steps):
        row = int(steps[0]) + 1
        before, now = int(found.frames[row - 1]), int(found.frames[row])
        raise DataError(f'{path}, row {row}: frame {now} comes after frame {before}; rows must be ordered by frame')
    outside = np.flatnonzero((found.frames < 0) | (found.frames >= found.length))
    if len(outside):
        row = int(outside[0])
        raise DataError(f'{path}, row {row}: frame {int(found.frames[row])} of a video of {found.length} frames')
