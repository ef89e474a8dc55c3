"""Videos in which a user marks the objects to follow: what DAVIS, YouTube-VOS and VOT have in common."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import numpy as np

from mmdet.datasets.annotations import VideoInfo
from mmdet.datasets.base import VideoDataset
from mmdet.datasets.clip import FramePrompts, PipelineClip
from mmdet.errors import DataError
from mmdet.ops.rle import area, decode_all, encode, to_bbox

__all__ = ['OBJECTS_PER_VIDEO', 'PromptedVideoDataset', 'mask_track', 'read_in_threads']

OBJECTS_PER_VIDEO = 256  # annotation id = this * position of the video + number of the object
Item = TypeVar('Item')
Read = TypeVar('Read')
OnError = Callable[[DataError], None]


class PromptedVideoDataset(VideoDataset):
    """A data set whose objects are given to the model in the frame in which they begin.

    In test mode the sample of every such frame carries ``prompts`` (:mod:`mmdet.structures`), in original pixels; their
    ``instance_ids`` are the benchmark's own object numbers, which results have to use. Training goes as with every
    video data set. Annotation ids of the document are unique over the file; the object number is the id modulo 256.
    """

    prompted = True  # models are given the objects, so their classes need not be those of the set

    def sequence_name(self, video: VideoInfo) -> str:
        """The folder of a video's frames, below that of all frames."""
        return str(PurePosixPath(video.file_names[0]).parent)

    def frame_names(self, video: VideoInfo) -> list[str]:
        """Names of a video's frames without suffix."""
        return [PurePosixPath(name).stem for name in video.file_names]

    def prompts_at(self, video: VideoInfo, frame: int) -> FramePrompts | None:
        """The objects that begin in a frame: those whose first mask is there. None where there is none.

        Raises:
            DataError: a mask is damaged.
        """
        starting = [track for track in video.annotations if _first_frame(track.areas) == frame]
        if not starting:
            return None
        masks = [mask for track in starting if (mask := track.mask(frame, self.ann_file)) is not None]
        x, y, w, h = to_bbox(masks).T
        return FramePrompts(
            bboxes=np.stack([x, y, x + w, y + h], axis=1).astype(np.float32),
            ids=np.array([track.id % OBJECTS_PER_VIDEO for track in starting], dtype=np.int64),
            masks=decode_all(masks, video.height, video.width).astype(bool),
        )

    def ended_at(self, video: VideoInfo, frame: int) -> tuple[int, ...]:
        """Numbers of the objects that are no longer followed from a frame on; none unless the benchmark says so."""
        return ()

    @abstractmethod
    def label_map(self, video: VideoInfo, frame: int) -> np.ndarray:
        """Annotated object numbers (H, W) uint8 of a frame, 255 where nothing is scored.

        Raises:
            DataError: there are none, or the file is damaged.
        """

    def _clip(self, position: int, frame_ids: Sequence[int], seed: int) -> PipelineClip:
        clip = super()._clip(position, frame_ids, seed)
        if self.test_mode:
            for frame in clip.frames:
                frame.prompts = self.prompts_at(frame.video, frame.frame_id)
                frame.ended = self.ended_at(frame.video, frame.frame_id)
        return clip


def _first_frame(areas: np.ndarray) -> int:
    """Index of the first frame with a mask; areas (T,) are NaN where there is none. -1 without any."""
    present = np.flatnonzero(areas > 0)
    return int(present[0]) if len(present) else -1


def mask_track(
    position: int, number: int, category: int, length: int, masks: Sequence[tuple[int, np.ndarray]]
) -> dict[str, Any]:
    """One annotation of a YouTube-VIS document.

    Args:
        position: of the video, from 0; its id is one more.
        number: of the object, 1 to 255.
        category: id.
        length: frames of the video.
        masks: (frame, (H, W) bool) where the object is seen.
    """
    segmentations: list[Any] = [None] * length
    bboxes: list[Any] = [None] * length
    areas: list[Any] = [None] * length
    rles = [encode(mask.astype(np.uint8)) for _, mask in masks]
    for (frame, _), rle, box, size in zip(masks, rles, to_bbox(rles).tolist(), area(rles).tolist()):
        if size:
            segmentations[frame], bboxes[frame], areas[frame] = rle, box, size
    return {
        'id': OBJECTS_PER_VIDEO * position + number,
        'video_id': position + 1,
        'category_id': category,
        'iscrowd': 0,
        'segmentations': segmentations,
        'bboxes': bboxes,
        'areas': areas,
    }


def read_in_threads(
    read: Callable[[int, Item], Read], items: Sequence[Item], on_error: OnError | None = None
) -> Iterator[Read]:
    """``read(position, item)`` of all items in order, on a few threads, as decoding PNG files waits for nothing else.

    Raises:
        DataError: the first one, unless ``on_error`` takes them.
    """
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        waiting = [pool.submit(read, position, item) for position, item in enumerate(items)]
        try:
            for future in waiting:
                try:
                    yield future.result()
                except DataError as error:
                    if on_error is None:
                        raise
                    on_error(error)
        finally:
            pool.shutdown(cancel_futures=True)


def root_folder(data_root: str, name: str) -> Path:
    """Folder ``name`` below the root of a data set."""
    return Path(data_root).expanduser() / Path(name).expanduser()
