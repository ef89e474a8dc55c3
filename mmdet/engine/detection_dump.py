"""Writes detections of every frame as one file per video: what a tracker would have been given.

The form of the files stands in :mod:`mmdet.formats.detection_file`, which reads them. Rows wait on disk, not in memory,
until their video ends.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from mmdet.errors import DataError
from mmdet.evaluation.files import atomic_file
from mmdet.formats.detection_file import VERSION, Detections, read_detections
from mmdet.structures import RLE, FrameSample

__all__ = ['DetectionDump', 'Detections', 'read_detections']

_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip members carry a date; always the same one, so that equal data gives equal bytes


class _Column:
    """One array that grows by rows, kept in a file without a name."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as the video
        self._dtype: Any = None
        self._shape: tuple[int, ...] = ()
        self._rows = 0

    def append(self, rows: np.ndarray) -> None:
        if self._dtype is None:
            self._dtype, self._shape = rows.dtype, rows.shape[1:]
        self._file.write(np.ascontiguousarray(rows).tobytes())
        self._rows += len(rows)

    def write_to(self, archive: zipfile.ZipFile, name: str) -> None:
        header = {'descr': npy.dtype_to_descr(self._dtype), 'fortran_order': False, 'shape': (self._rows, *self._shape)}
        self._file.seek(0)
        with archive.open(_member(name), 'w', force_zip64=True) as target:
            npy.write_array_header_1_0(target, header)
            shutil.copyfileobj(self._file, target)

    def close(self) -> None:
        self._file.close()


class DetectionDump:
    """Writes the detections of one video after the other.

    Args:
        folder: gets one file per video.
        track_head: class of the track head that computes the embeddings, kept with them.
    """

    def __init__(self, folder: str | Path, track_head: str | None = None) -> None:
        self.folder, self.track_head = Path(folder), track_head
        self._columns: dict[str, _Column] = {}
        self._video: dict[str, Any] = {}

    def add(self, sample: FrameSample) -> None:
        """Take the detections of the next frame.

        Raises:
            DataError: the sample has no ``pred_instances``, or the folder cannot be written.
        """
        where = f'video {sample.video_id}, frame {sample.frame_id}'
        if 'pred_instances' not in sample:
            raise DataError(f'{where}: the model gave no pred_instances, so there are no detections to dump')
        found = sample.pred_instances
        counts = [_counts(mask) for mask in found.masks]
        rows: dict[str, np.ndarray] = {
            'frames': np.full(len(found.bboxes), sample.frame_id, np.int32),
            'bboxes': np.asarray(found.bboxes, np.float32).reshape(-1, 4),
            'labels': np.asarray(found.labels, np.int64),
            'scores': np.asarray(found.scores, np.float32),
            'rle_bytes': np.frombuffer(b''.join(counts), np.uint8),
            'rle_lengths': np.array([len(text) for text in counts], np.int64),
        }
        if 'embeddings' in found:
            rows['embeddings'] = np.asarray(found.embeddings, np.float32)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, values in rows.items():
                if name not in self._columns:
                    self._columns[name] = _Column(self.folder)
                self._columns[name].append(values)
        except OSError as error:
            raise DataError(f'{self.folder}: cannot write the detections of {where}: {error.strerror}') from error
        self._video = {'video_id': int(sample.video_id), 'size': [int(v) for v in sample.ori_shape]}
        self._video['length'] = int(sample.frame_id) + 1

    def finish(self) -> Path | None:
        """End of the video: write its file, whole or not at all; None if there was no frame.

        Raises:
            DataError: it cannot be written.
        """
        if not self._video:
            return None
        columns, video = self._columns, self._video
        self._columns, self._video = {}, {}  # whatever happens, the next video begins anew
        path = self.folder / f'video_{video["video_id"]}.npz'
        try:
            with atomic_file(path) as file, zipfile.ZipFile(file, 'w') as archive:
                self._write_video(archive, video, columns)
        finally:
            for column in columns.values():
                column.close()
        return path

    def _write_video(self, archive: zipfile.ZipFile, video: dict[str, Any], columns: dict[str, _Column]) -> None:
        for name, value in {'version': VERSION, **video}.items():
            _write(archive, name, np.asarray(value, np.int64))
        if 'embeddings' in columns and self.track_head is not None:
            _write(archive, 'track_head', np.asarray(self.track_head))
        for name, column in columns.items():
            if name != 'rle_lengths':
                column.write_to(archive, name)
        lengths = columns['rle_lengths']._file
        lengths.seek(0)
        offsets = np.concatenate([[0], np.frombuffer(lengths.read(), np.int64).cumsum()])
        _write(archive, 'rle_offsets', offsets.astype(np.int64))


def _counts(mask: RLE | None) -> bytes:
    if mask is None:
        return b''
    counts = mask['counts']
    return counts if isinstance(counts, bytes) else counts.encode('ascii')


def _member(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(f'{name}.npy', _EPOCH)


def _write(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(_member(name), 'w') as target:
        npy.write_array(target, array, allow_pickle=False)
