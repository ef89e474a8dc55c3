"""Videos and tracks of an annotation file, kept in a few flat arrays.

A worker process shares its parent's memory only as long as nothing writes to it, and Python writes to every object that
it looks at (reference counts). Hundreds of thousands of masks as Python objects are therefore copied into every worker;
as rows of a few arrays, with the mask texts in one block of bytes, they are not.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmdet.datasets.schema import OCCLUSION_LEVELS, Problem
from mmdet.ops.rle import area, compact, normalise_rle, to_bbox
from mmdet.structures import RLE

__all__ = ['AnnotationTable', 'TrackAnnotation', 'VideoInfo', 'complete_annotation']

_ABSENT = (np.nan, np.nan, np.nan, np.nan)
_encode = json.JSONEncoder(separators=(',', ':')).encode


@dataclass(frozen=True)
class VideoInfo:
    """One video of an annotation file.

    Attributes:
        id: identity in the file, any whole number, never changed.
        file_names: frames in order, relative to the data set's image folder, as the file spells them.
        height: of every frame in pixels.
        width: of every frame in pixels.
    """

    id: int
    file_names: tuple[str, ...]
    height: int
    width: int
    table: AnnotationTable = field(repr=False, compare=False)
    rows: range = field(repr=False, compare=False)  # of the table

    @property
    def length(self) -> int:
        """Number of frames."""
        return len(self.file_names)

    @property
    def annotations(self) -> list[TrackAnnotation]:
        """Tracks in the file's order; crowds too."""
        return [TrackAnnotation(self, row) for row in self.rows]


@dataclass(frozen=True)
class TrackAnnotation:
    """One object of a video over all T frames: a view into the table, made when asked for."""

    video: VideoInfo
    row: int

    @property
    def id(self) -> int:
        """Identity of the annotation in the file."""
        return int(self.video.table.ids[self.row])

    @property
    def label(self) -> int:
        """Class from 0, the position in the data set's ``classes``."""
        return int(self.video.table.labels[self.row])

    @property
    def iscrowd(self) -> bool:
        """Whether it marks a group to be ignored."""
        return bool(self.video.table.crowd[self.row])

    @property
    def slots(self) -> slice:
        """Where the T frames of this track stand in the per-frame arrays of the table."""
        starts = self.video.table.slot_starts
        return slice(int(starts[self.row]), int(starts[self.row + 1]))

    @property
    def bboxes(self) -> np.ndarray:
        """Boxes (T, 4) float32 x, y, width, height as in the file; NaN where the object is absent."""
        return self.video.table.bboxes[self.slots]

    @property
    def areas(self) -> np.ndarray:
        """Mask areas (T,) float32 in pixels; NaN where the object is absent."""
        return self.video.table.areas[self.slots]

    @property
    def valid(self) -> np.ndarray:
        """Frames (T,) bool in which the object can be trained on; see :meth:`AnnotationTable.valid_slots`."""
        return self.video.table.valid[self.slots]

    @property
    def occlusion(self) -> list[str | None] | None:
        """Occlusion level of each frame (OVIS), or None where the file has none for this track."""
        levels = self.video.table.occlusion[self.slots]
        if (levels == NO_FLAGS).all():
            return None
        return [OCCLUSION_LEVELS[level] if level >= 0 else None for level in levels]

    @property
    def segmentations(self) -> list[Any]:
        """Masks of all T frames as the file spells them; None where the object is absent."""
        return [self.segmentation(frame) for frame in range(self.video.length)]

    def segmentation(self, frame: int) -> Any:
        """Mask of one frame as the file spells it, or None."""
        return self.video.table.mask_of_slot(self.slots.start + frame)

    def mask(self, frame: int, file: str = '') -> RLE | None:
        """Checked mask of one frame, or None.

        Raises:
            DataError: the mask is damaged or of another size than the frame; ``file`` stands in front of the message.
        """
        segmentation = self.segmentation(frame)
        if segmentation is None:
            return None
        where = Problem(file, '', self.video.id, self.id, frame).where
        return normalise_rle(segmentation, self.video.height, self.video.width, where)


NO_FLAGS = -2  # in ``occlusion``: the track has no flags at all; -1: null in this frame


class AnnotationTable:
    """All tracks of a file, sorted by video, as flat arrays: A tracks, S = sum of their videos' lengths slots.

    Args:
        annotations: checked annotation dicts, see :func:`mmdet.datasets.schema.structure_problems`.
        positions: position of every video id.
        labels: label of every category id; annotations of other categories must not be given.

    Attributes:
        ids, labels, crowd, video: (A,) identity, class from 0, crowd flag, position of the video.
        slot_starts: (A + 1,) first slot of each track.
        bboxes, areas, occlusion: (S, 4), (S,), (S,) per frame.
        valid: (S,) bool, set by :meth:`mark_valid`.
    """

    def __init__(self, annotations: Sequence[dict], positions: dict[int, int], labels: dict[int, int]) -> None:
        ordered = sorted(annotations, key=lambda a: positions[a['video_id']])  # stable: the file's order in a video
        self.ids = np.array([a['id'] for a in ordered], dtype=np.int64)
        self.labels = np.array([labels[a['category_id']] for a in ordered], dtype=np.int64)
        self.crowd = np.array([bool(a.get('iscrowd', 0)) for a in ordered], dtype=bool)
        self.video = np.array([positions[a['video_id']] for a in ordered], dtype=np.int64)
        lengths = [len(a['segmentations']) for a in ordered]
        self.slot_starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
        boxes = [box or _ABSENT for a in ordered for box in a['bboxes']]
        self.bboxes = np.array(boxes, dtype=np.float32).reshape(-1, 4)
        self.areas = np.array([x for a in ordered for x in a['areas']], dtype=np.float32)  # None becomes NaN
        self.occlusion = np.array([x for a in ordered for x in _occlusion_codes(a)], dtype=np.int8)
        texts = [_encode(compact(mask)).encode() if mask else b'' for a in ordered for mask in a['segmentations']]
        self._text_starts = np.concatenate([[0], np.cumsum([len(t) for t in texts], dtype=np.int64)]).astype(np.int64)
        self._texts = b''.join(texts)
        self.valid = np.zeros(len(self.areas), dtype=bool)

    def __len__(self) -> int:
        return len(self.ids)

    def rows_by_video(self, num_videos: int) -> list[range]:
        """Rows of every video."""
        starts = np.searchsorted(self.video, np.arange(num_videos + 1)).tolist()
        return [range(start, stop) for start, stop in itertools.pairwise(starts)]

    def mask_of_slot(self, slot: int) -> Any:
        """Mask as the file spells it, or None."""
        text = self._texts[self._text_starts[slot] : self._text_starts[slot + 1]]
        return json.loads(text) if text else None

    def mark_valid(self, sizes: np.ndarray) -> None:
        """Decide which slots can be trained on: a box of at least 1 x 1 pixels that meets the frame, area above 0.

        Args:
            sizes: (V, 2) height and width of every video.
        """
        size = np.repeat(sizes[self.video], np.diff(self.slot_starts), axis=0).reshape(-1, 2)  # (S, 2)
        x, y, w, h = self.bboxes.T
        with np.errstate(invalid='ignore'):  # comparisons with NaN are false, as they should be
            inside = (x < size[:, 1]) & (y < size[:, 0]) & (x + w > 0) & (y + h > 0)
            self.valid = inside & (w >= 1) & (h >= 1) & (self.areas > 0)

    def trainable_frames(self, frame_starts: np.ndarray) -> np.ndarray:
        """Frames (F,) bool that hold at least one valid object that is not a crowd.

        Args:
            frame_starts: (V + 1,) number of frames before each video.
        """
        lengths = np.diff(self.slot_starts)
        frame = np.arange(len(self.valid)) - np.repeat(self.slot_starts[:-1], lengths)
        frame += np.repeat(frame_starts[self.video], lengths)  # (S,) index over all videos
        result = np.zeros(int(frame_starts[-1]), dtype=bool)
        result[frame[self.valid & ~np.repeat(self.crowd, lengths)]] = True
        return result


def _occlusion_codes(annotation: dict) -> list[int]:
    flags = annotation.get('occlusion')
    if flags is None:
        return [NO_FLAGS] * len(annotation['segmentations'])
    return [-1 if flag is None else OCCLUSION_LEVELS.index(flag) for flag in flags]


def complete_annotation(annotation: dict, height: int, width: int, file: str) -> dict:
    """The annotation with ``bboxes`` and ``areas``; where a file leaves them out they are taken from the masks.

    Raises:
        DataError: a mask that is needed for it is damaged.
    """
    if annotation.get('bboxes') is not None and annotation.get('areas') is not None:
        return annotation
    bboxes: list[list[float] | None] = []
    areas: list[int | None] = []
    for frame, mask in enumerate(annotation['segmentations']):
        if mask is None:
            bboxes.append(None)
            areas.append(None)
            continue
        where = Problem(file, '', annotation['video_id'], annotation['id'], frame).where
        rle = normalise_rle(mask, height, width, where)
        bboxes.append(to_bbox([rle])[0].tolist())
        areas.append(int(area([rle])[0]))
    return {**annotation, 'bboxes': annotation.get('bboxes') or bboxes, 'areas': annotation.get('areas') or areas}
