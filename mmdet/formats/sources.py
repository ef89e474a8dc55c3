"""Stored detections, whatever wrote them, one video at a time.

=================  =====================================================  ==========================================
format             files                                                  a video's detections are found by
=================  =====================================================  ==========================================
``dump``           folder of ``video_<id>.npz``, or one of them           ``video_id``
``ytvis``          result file ``.json`` or ``.zip``                      ``video_id``
``motchallenge``   folder of ``<name>/det/det.txt`` or ``<name>.txt``,    its name: the deepest folder of the frame's
                   or one of these files                                  path that is called like a file
``mots``           folder of ``<name>.txt``, or one of them               its name
=================  =====================================================  ==========================================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmdet.errors import DataError
from mmdet.formats.boxes import read_boxes
from mmdet.formats.detection_file import DetectionHead, read_detections, read_head
from mmdet.formats.masks import IGNORE, read_masks
from mmdet.formats.ytvis_results import load_results
from mmdet.ops.rle import area, normalise_rle, to_bbox
from mmdet.structures import RLE, FrameSample

__all__ = [
    'DetectionSource',
    'DumpSource',
    'MOTChallengeSource',
    'MOTSSource',
    'StoredVideo',
    'YTVISSource',
    'video_name',
]

_ENTRY: dict[str, type | tuple[type, ...]] = {
    'video_id': int,
    'category_id': int,
    'score': (int, float),
    'segmentations': list,
}


@dataclass(frozen=True)
class StoredVideo:
    """Detections of one video, N rows ordered by frame.

    Attributes:
        source: file, for messages.
        frames: (N,) index of each row's frame, from 0.
        bboxes: (N, 4) float32 x1 y1 x2 y2 in original pixels, right and bottom exclusive.
        categories: (N,) int64, what the file calls them.
        scores: (N,) float32 as in the file.
        masks: N masks, None where the file has none.
        embeddings: (N, D) float32, None where the file has none.
    """

    source: str
    frames: np.ndarray
    bboxes: np.ndarray
    categories: np.ndarray
    scores: np.ndarray
    masks: list[RLE] | None = None
    embeddings: np.ndarray | None = None

    @classmethod
    def empty(cls) -> StoredVideo:
        """A video without detections."""
        numbers = np.zeros(0, np.int64)
        return cls('', numbers, np.zeros((0, 4), np.float32), numbers, np.zeros(0, np.float32), [])

    def rows(self, frame: int) -> slice:
        """The rows of one frame."""
        return slice(*np.searchsorted(self.frames, [frame, frame + 1]).tolist())


class DetectionSource(ABC):
    """Stored detections of many videos.

    Attributes:
        path: file or folder.
        provides: any of ``masks`` and ``embeddings``, where every detection has them.
        categories: whether the file's categories are ``labels``, ``ids`` of an annotation file, or ``none``.
        default_category_ids: ids by label where the form fixes them.
        track_head: class of the track head that computed the embeddings, None where that is not known.
    """

    provides: frozenset[str] = frozenset()
    categories: str = 'ids'
    default_category_ids: tuple[int, ...] = ()
    track_head: str | None = None

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def read(self, sample: FrameSample) -> StoredVideo | None:
        """Detections of the video that a frame belongs to; None where nothing is stored for it.

        Args:
            sample: meta of any of its frames: ``video_id``, ``video_length`` (-1 while unknown), ``ori_shape``, and
                ``img_path`` where videos are found by name.

        Raises:
            DataError: the file is damaged or belongs to another video; file and line or row are named.
        """

    @abstractmethod
    def known(self) -> str:
        """A clause that says for which videos something is stored, for messages."""


class DumpSource(DetectionSource):
    """What ``--dump-detections`` wrote; the heads of all files are read at once, rows when their video comes."""

    categories = 'labels'

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        files = sorted(path.glob('video_*.npz')) if path.is_dir() else [path]
        self._files: dict[int, Path] = {}
        heads: dict[Path, DetectionHead] = {}
        for file in files:
            head = read_head(file)
            if head.video_id in self._files:
                raise DataError(f'{file}: holds video {head.video_id}, as {self._files[head.video_id].name} does')
            self._files[head.video_id] = file
            heads[file] = head
        self.provides = self._common_words(heads)
        self.track_head = next((head.track_head for head in heads.values() if head.rows), None)

    def _common_words(self, heads: Mapping[Path, DetectionHead]) -> frozenset[str]:
        """What all files with detections have; files without any say nothing."""
        filled = {file: head for file, head in heads.items() if head.rows}
        for file, head in filled.items():
            if 0 < head.masks < head.rows:
                raise DataError(f'{file}: {head.masks} of {head.rows} detections have a mask; all or none must')
        for what, values in (
            ('masks', {file: 'masks' if head.masks else 'no masks' for file, head in filled.items()}),
            ('embeddings', {file: f'length {head.embedding_dim or 0}' for file, head in filled.items()}),
            ('track head', {file: head.track_head or 'unknown' for file, head in filled.items()}),
        ):
            if len(set(values.values())) > 1:
                examples = {state: file for file, state in values.items()}
                listed = ', '.join(f'{state} in {file.name}' for state, file in examples.items())
                raise DataError(f'{self.path}: files differ in their {what}: {listed}; dump them with one model')
        words = {'masks'} if all(head.masks for head in filled.values()) else set()
        if filled and all(head.embedding_dim for head in filled.values()):
            words.add('embeddings')
        return frozenset(words)

    def read(self, sample: FrameSample) -> StoredVideo | None:
        file = self._files.get(int(sample.video_id))
        if file is None:
            return None
        found = read_detections(file)
        length, size = int(sample.get('video_length', -1)), tuple(int(v) for v in sample.ori_shape)
        if found.size != size or length not in (-1, found.length):
            raise DataError(
                f'{file}: made for {found.length} frames of {found.size[0]} x {found.size[1]} pixels (height x width), '
                f'but video {sample.video_id} has {length} frames of {size[0]} x {size[1]}'
            )
        masks = [mask for mask in found.masks if mask is not None] if 'masks' in self.provides else None
        columns = (found.frames.astype(np.int64), found.bboxes, found.labels, found.scores)
        return StoredVideo(str(file), *columns, masks, found.embeddings)

    def known(self) -> str:
        return f'it has files for the videos {_listed(self._files)}'


class YTVISSource(DetectionSource):
    """A result file of YouTube-VIS; every mask of a track is a detection with the track's score and a tight box.

    The file is one list, so all of it is in memory. A video without entries has no detections.
    """

    provides = frozenset({'masks'})

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._entries: dict[int, list[tuple[int, Mapping[str, Any]]]] = {}
        for index, entry in enumerate(load_results(path)):
            for key, kind in _ENTRY.items():
                if not isinstance(entry.get(key), kind) or isinstance(entry[key], bool):
                    raise DataError(f'{path}: result {index}: {key} is missing or of a wrong type')
            if not np.isfinite(entry['score']):
                raise DataError(f'{path}: result {index}: score {entry["score"]} is not finite')
            self._entries.setdefault(entry['video_id'], []).append((index, entry))

    def read(self, sample: FrameSample) -> StoredVideo:
        size, length = tuple(int(v) for v in sample.ori_shape), int(sample.get('video_length', -1))
        rows: list[tuple[int, int, float, RLE]] = []
        for index, entry in self._entries.get(int(sample.video_id), []):
            where, masks = f'{self.path}: result {index} (video {sample.video_id})', entry['segmentations']
            if length not in (-1, len(masks)):
                raise DataError(f'{where}: {len(masks)} segmentations, but the video has {length} frames')
            for frame, mask in enumerate(masks):
                if mask is not None:
                    rle = normalise_rle(mask, size[0], size[1], f'{where}, frame {frame}')
                    rows.append((frame, entry['category_id'], entry['score'], rle))
        rows.sort(key=lambda row: row[0])  # stable: within a frame in the file's order
        frames, categories, scores = (np.array([row[column] for row in rows]) for column in range(3))
        return _masked(str(self.path), frames, categories, scores, [row[3] for row in rows])

    def known(self) -> str:
        return f'it has results for the videos {_listed(self._entries)}'


class _NamedSource(DetectionSource):
    """Text files that are called like their videos.

    Args:
        path: file or folder.
        first_frame: what the files call a video's first frame.
    """

    def __init__(self, path: Path, first_frame: int) -> None:
        super().__init__(path)
        self.first_frame = first_frame
        self.files = text_files(path)

    def read(self, sample: FrameSample) -> StoredVideo | None:
        name = video_name(self.files, str(sample.get('img_path', None) or ''))
        return None if name is None else self._read(self.files[name], sample)

    def known(self) -> str:
        return f"it has files for {_listed(self.files)}, and a folder of the frame's path must be called like one"

    @abstractmethod
    def _read(self, file: Path, sample: FrameSample) -> StoredVideo:
        """Detections in one file."""


class MOTChallengeSource(_NamedSource):
    """Boxes and scores of MOTChallenge; there are no categories."""

    categories = 'none'

    def _read(self, file: Path, sample: FrameSample) -> StoredVideo:
        table = read_boxes(file, 'det', _length(sample), self.first_frame)
        columns = table.bboxes.astype(np.float32), np.zeros_like(table.frames), table.scores.astype(np.float32)
        return StoredVideo(table.source, table.frames, *columns)


class MOTSSource(_NamedSource):
    """Masks of KITTI MOTS or MOTSChallenge with tight boxes and score 1; regions to ignore are left out."""

    provides = frozenset({'masks'})
    default_category_ids = (1, 2)  # car, pedestrian

    def _read(self, file: Path, sample: FrameSample) -> StoredVideo:
        height, width = (int(v) for v in sample.ori_shape)
        table = read_masks(file, _length(sample), self.first_frame, (height, width), classes=None, detections=True)
        table = table.take(table.class_ids != IGNORE)
        return _masked(table.source, table.frames, table.class_ids, np.ones(len(table)), table.masks.rles())


def text_files(path: Path) -> dict[str, Path]:
    """Text files by the name of their video: ``<name>/det/det.txt`` or ``<name>.txt``."""
    if path.is_dir():
        files = sorted(path.glob('*/det/det.txt')) or sorted(path.glob('*.txt'))
    else:
        files = [path]
    return {_named(file): file for file in files}


def _named(file: Path) -> str:
    file = file.absolute()
    return file.parents[1].name if (file.parent.name, file.name) == ('det', 'det.txt') else file.stem


def video_name(names: Mapping[str, Any], img_path: str) -> str | None:
    """The one of ``names`` that is the deepest folder of a frame's path, None if no folder is called so."""
    return next((folder for folder in reversed(Path(img_path).parts[:-1]) if folder in names), None)


def _listed(names: Iterable[object], most: int = 5) -> str:
    shown = [str(name) for name in names]
    return ', '.join(shown[:most]) + (f' and {len(shown) - most} more' if len(shown) > most else '')


def _length(sample: FrameSample) -> int | None:
    length = int(sample.get('video_length', -1))
    return None if length < 0 else length


def _masked(
    source: str, frames: np.ndarray, categories: np.ndarray, scores: np.ndarray, masks: list[RLE]
) -> StoredVideo:
    """Rows whose boxes are those of their masks; rows without a pixel are left out."""
    kept = np.flatnonzero(area(masks) > 0)
    masks = [masks[row] for row in kept.tolist()]
    corner, extent = np.split(to_bbox(masks), 2, axis=1)
    bboxes = np.concatenate([corner, corner + extent], 1).astype(np.float32)
    columns = frames[kept].astype(np.int64), bboxes, categories[kept].astype(np.int64), scores[kept].astype(np.float32)
    return StoredVideo(source, *columns, masks)
