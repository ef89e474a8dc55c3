"""Crops cut out of a video data set: every track is an identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mmdet.datasets.base import VideoDataset
from mmdet.datasets.crops.base import CropDataset, CropTable
from mmdet.datasets.image_file import check_size, read_image
from mmdet.datasets.schema import Problem
from mmdet.errors import ConfigError, DataError
from mmdet.geometry import whole_pixels
from mmdet.registry import DATASETS

__all__ = ['VideoCropDataset', 'spread']


def spread(count: int, most: int | None) -> np.ndarray:
    """Positions of at most ``most`` of ``count`` things, spread evenly, the first and the last among them."""
    if most is None or most >= count:
        return np.arange(count)
    return np.unique(np.round(np.linspace(0, count - 1, most)).astype(np.int64))


@DATASETS.register_module()
class VideoCropDataset(CropDataset):
    """Boxes of the tracks of any video data set, in pixels of the original frames.

    Crowds and boxes that cannot be trained on are left out. When testing, some frames of each track are queries, and
    all crops, those of other videos too, are the gallery.

    Args:
        videos: config dict of the video data set, without ``pipeline`` and ``test_mode``; its ``split`` and ``classes``
            choose videos and objects.
        pipeline, test_mode: see :class:`CropDataset`.
        max_per_track: frames taken of each track, spread over it; None takes all.
        min_per_track: tracks with fewer frames are left out.
        queries_per_track: of a test, spread over the track; None makes every crop a query.
        camera_frames: a query is not compared with its own track in the same stretch of this many frames. 1 leaves out
            the query alone; more leaves out neighbours, which look alike.
        min_size: smallest (width, height) of a box in pixels.
    """

    def __init__(
        self,
        videos: Mapping[str, Any],
        pipeline: Sequence[Any] = (),
        test_mode: bool = False,
        max_per_track: int | None = None,
        min_per_track: int = 2,
        queries_per_track: int | None = 2,
        camera_frames: int = 1,
        min_size: Sequence[float] = (1, 1),
    ) -> None:
        for name, value in (('max_per_track', max_per_track), ('queries_per_track', queries_per_track)):
            if value is not None and value < 1:
                raise ConfigError(f'{name} must be at least 1 or None, got {value}')
        if camera_frames < 1 or min_per_track < 1 or len(min_size) != 2:
            raise ConfigError('camera_frames and min_per_track are at least 1, min_size is (width, height)')
        self.max_per_track, self.min_per_track, self.queries_per_track = max_per_track, min_per_track, queries_per_track
        self.camera_frames, self.min_size = camera_frames, np.array(min_size, dtype=np.float32)
        self.source: VideoDataset = DATASETS.build({**videos, 'test_mode': True})
        self.ann_file = self.source.ann_file
        super().__init__(pipeline, test_mode)

    def read_table(self) -> CropTable:
        """Crops of all tracks, track by track."""
        if not self.source.has_annotations:
            raise DataError(f'{self.ann_file} has no annotations, so there are no tracks to cut out')
        parts: list[tuple[np.ndarray, ...]] = []
        for row in np.flatnonzero(~self.source.table.crowd):
            frames = self._frames(int(row))
            if len(frames) < self.min_per_track:
                continue
            query = np.zeros(len(frames), dtype=bool)
            query[spread(len(frames), self.queries_per_track)] = True
            parts.append((np.full(len(frames), row), np.full(len(frames), len(parts)), frames, query))
        if not parts:
            raise DataError(
                f'{self.ann_file}: no track has {self.min_per_track} boxes of at least '
                f'{self.min_size[0]:g} x {self.min_size[1]:g} pixels'
            )
        self._rows, identities, self._frame_ids, query = (np.concatenate(column) for column in zip(*parts))
        return CropTable(identities, self._frame_ids // self.camera_frames, query, np.ones(len(query), dtype=bool))

    def _frames(self, row: int) -> np.ndarray:
        """Frames (K,) of a track that are taken."""
        table = self.source.table
        slots = slice(int(table.slot_starts[row]), int(table.slot_starts[row + 1]))
        large = (np.nan_to_num(table.bboxes[slots, 2:]) >= self.min_size).all(1)
        frames = np.flatnonzero(table.valid[slots] & large)
        return frames[spread(len(frames), self.max_per_track)] if len(frames) else frames

    def read_crop(self, index: int) -> np.ndarray:
        """The pixels that the annotated box touches."""
        table, frame = self.source.table, int(self._frame_ids[index])
        row = int(self._rows[index])
        video = self.source.videos[int(table.video[row])]
        path = self.source.image_path(video, frame)
        where = Problem(self.ann_file, '', video.id, int(table.ids[row]), frame).where
        image = read_image(path, where)
        check_size(path, image.shape[:2], (video.height, video.width), where)
        x, y, width, height = table.bboxes[int(table.slot_starts[row]) + frame].tolist()
        box = torch.tensor([[x, y, x + width, y + height]])
        x1, y1, x2, y2 = whole_pixels(box, (video.height, video.width))[0].tolist()
        return np.ascontiguousarray(image[y1:y2, x1:x2])

    def name(self, index: int) -> str:
        """File of the frame, and the annotation."""
        table, row = self.source.table, int(self._rows[index])
        video = self.source.videos[int(table.video[row])]
        return f'{video.file_names[int(self._frame_ids[index])]}#{int(table.ids[row])}'
