"""Which objects of a data set pairs can be made of, and how one of them is read in one frame."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mmdet.datasets.annotations import TrackAnnotation
from mmdet.datasets.base import VideoDataset
from mmdet.datasets.image_file import check_size, read_image
from mmdet.datasets.schema import Problem
from mmdet.datasets.siam.crop_space import CropView
from mmdet.errors import DataError
from mmdet.ops.rle import decode

__all__ = ['ObjectSource', 'ObjectTable', 'VideoObjects', 'object_slots']

Indices = NDArray[np.int64]


class ObjectTable:
    """Objects of videos and the frames in which each is annotated, as flat arrays that workers share.

    Args:
        videos: (F,) video of every annotated frame of every object.
        objects: (F,) object; rows of one object stand together, objects of one video too.
        frames: (F,) index of the frame, rising within an object.

    Attributes:
        frames: as given.
        starts: (A + 1,) first row of every object.
        video_starts: (V + 1,) first object of every video; videos without any are left out.
    """

    def __init__(self, videos: Indices, objects: Indices, frames: Indices) -> None:
        self.frames = frames
        first = np.flatnonzero(np.diff(objects, prepend=-1)) if len(objects) else np.zeros(0, np.int64)
        self.starts = np.append(first, len(frames))
        of_object = videos[first]
        self.video_starts = np.append(np.flatnonzero(np.diff(of_object, prepend=-1)), len(first))

    @property
    def num_videos(self) -> int:
        """V, videos with at least one object."""
        return len(self.video_starts) - 1

    @property
    def num_objects(self) -> int:
        """A."""
        return len(self.starts) - 1

    def draw(self, video: int, frame_range: int, count: int, rng: np.random.Generator) -> list[int]:
        """Rows of one random object of a video: the first anywhere, others near it.

        Args:
            video: position among those with objects.
            frame_range: largest distance to the first, in annotated frames of the object.
            count: rows to draw; they may repeat.
            rng: draws.
        """
        chosen = int(rng.integers(self.video_starts[video], self.video_starts[video + 1]))
        start, stop = int(self.starts[chosen]), int(self.starts[chosen + 1])
        row = int(rng.integers(start, stop))
        low, high = max(row - frame_range, start), min(row + frame_range + 1, stop)
        return [row, *rng.integers(low, high, count - 1).tolist()]


class ObjectSource(Protocol):
    """A data set whose objects can be seen one by one."""

    @property
    def objects(self) -> ObjectTable:
        """All objects and their frames."""

    @property
    def ann_file(self) -> str:
        """Annotation file, for messages."""

    def view(self, row: int) -> CropView:
        """An object in a frame, by its row in the table.

        Raises:
            DataError: an image or mask is missing or damaged.
        """


def object_slots(dataset: VideoDataset, min_area: float = 0) -> tuple[Indices, Indices]:
    """What can be trained on: slots (F,) of the annotation table and their rows (F,); no crowds.

    Args:
        dataset: any video data set.
        min_area: objects of fewer pixels in a frame are left out there.
    """
    table = dataset.table
    lengths = np.diff(table.slot_starts)
    usable = table.valid & (table.areas >= min_area) & ~np.repeat(table.crowd, lengths)
    slots = np.flatnonzero(usable)
    return slots, np.repeat(np.arange(len(table)), lengths)[slots]


class VideoObjects:
    """Objects of a video data set, cut out of its frames when they are needed.

    Args:
        dataset: in training mode; its pipeline is not used.
        min_area: objects of fewer pixels in a frame are left out there.

    Raises:
        DataError: nothing is left.
    """

    def __init__(self, dataset: VideoDataset, min_area: float = 0) -> None:
        self.dataset = dataset
        self._slots, self._rows = object_slots(dataset, min_area)
        if len(self._slots) == 0:
            raise DataError(f'{dataset.ann_file}: no object of at least {min_area} pixels to make pairs of')
        table = dataset.table
        frames = self._slots - table.slot_starts[self._rows]
        self.objects = ObjectTable(table.video[self._rows], self._rows, frames)

    @property
    def ann_file(self) -> str:
        """Annotation file of the data set."""
        return self.dataset.ann_file

    def view(self, row: int) -> CropView:
        """An object in a frame, by its row in the table."""
        return slot_view(self.dataset, int(self._rows[row]), int(self._slots[row]))


def slot_view(dataset: VideoDataset, row: int, slot: int, image: NDArray[np.uint8] | None = None) -> CropView:
    """The object of a row of the annotation table in the frame of a slot; ``image`` where it is read already.

    Raises:
        DataError: the image or the mask is missing, damaged or of another size than the annotation file says.
    """
    table = dataset.table
    video = dataset.videos[int(table.video[row])]
    frame = slot - int(table.slot_starts[row])
    path = str(dataset.image_path(video, frame))
    where = Problem(dataset.ann_file, '', video.id, int(table.ids[row]), frame).where
    if image is None:
        image = read_image(path, where)
        check_size(path, image.shape[:2], (video.height, video.width), where)
    rle = TrackAnnotation(video, row).mask(frame, dataset.ann_file)
    mask = None if rle is None else decode(rle)
    x, y, w, h = table.bboxes[slot].astype(np.float64)
    bbox = np.array([x, y, x + w, y + h])
    return CropView.around(image, mask, bbox, 1, video.id, frame, path)
