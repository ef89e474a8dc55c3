"""Reads the frames of a clip and their objects."""

from __future__ import annotations

import numpy as np

from mmdet.datasets.annotations import AnnotationTable
from mmdet.datasets.clip import ClipFrame, FrameObjects, PipelineClip
from mmdet.datasets.image_file import check_size, read_image
from mmdet.datasets.schema import Problem
from mmdet.errors import DataError
from mmdet.ops.rle import decode_all, normalise_rle
from mmdet.registry import TRANSFORMS
from mmdet.structures import RLE

__all__ = ['BlankFrames', 'LoadAnnotations', 'LoadFrames']


@TRANSFORMS.register_module()
class LoadFrames:
    """Read every frame as (H, W, 3) uint8 RGB.

    Raises:
        DataError: missing, empty, cut off or of another size than the annotation file says; file, video, frame named.
    """

    def __call__(self, clip: PipelineClip, rng: np.random.Generator) -> PipelineClip:
        images: dict[str, np.ndarray] = {}  # a key frame may be its own reference
        for frame in clip.frames:
            if frame.path not in images:
                images[frame.path] = self._read(clip, frame)
            frame.image = images[frame.path]
        return clip

    def _read(self, clip: PipelineClip, frame: ClipFrame) -> np.ndarray:
        image = read_image(frame.path, clip.where(frame))
        expected = (frame.video.height, frame.video.width)
        check_size(frame.path, image.shape[:2], expected, clip.where(frame))
        return image


@TRANSFORMS.register_module()
class BlankFrames:
    """Stand one black pixel in for every frame, in place of ``LoadFrames``; no image file is opened.

    For models that look at no pixel: stored detections and a tracker. Any other model refuses such frames.
    """

    def __call__(self, clip: PipelineClip, rng: np.random.Generator) -> PipelineClip:
        for frame in clip.frames:
            frame.image = np.zeros((1, 1, 3), np.uint8)
            frame.scale_factor = (1 / frame.video.width, 1 / frame.video.height)
            frame.blank = True
        return clip


@TRANSFORMS.register_module()
class LoadAnnotations:
    """Read boxes, labels, annotation ids and masks of every frame.

    Objects that cannot be trained on (see :meth:`mmdet.datasets.annotations.AnnotationTable.mark_valid`) are left out;
    crowds stay, marked. Must come before transforms that change pixels. Frames of a data set without any annotation get
    no objects, rather than none that are there.

    Raises:
        DataError: a mask is damaged, missing or of another size than the frame.
    """

    def __call__(self, clip: PipelineClip, rng: np.random.Generator) -> PipelineClip:
        for frame in clip.frames:
            if len(frame.video.table.ids):
                frame.objects = load_objects(frame, clip.source)
        return clip


def load_objects(frame: ClipFrame, source: str) -> FrameObjects:
    """Objects of one frame at original size; ``source`` names the annotation file in messages."""
    video, table = frame.video, frame.video.table
    rows = np.arange(video.rows.start, video.rows.stop)
    slots = table.slot_starts[rows] + frame.frame_id
    rows, slots = rows[table.valid[slots]], slots[table.valid[slots]]
    x, y, w, h = table.bboxes[slots].T
    masks = [_mask(table, int(row), int(slot), frame, source) for row, slot in zip(rows, slots)]
    objects = FrameObjects(
        bboxes=np.stack([x, y, x + w, y + h], axis=1),  # (N, 4)
        labels=table.labels[rows],
        ids=table.ids[rows],
        crowd=table.crowd[rows],
        masks=decode_all(masks, video.height, video.width),
    )
    return objects.clipped()


def _mask(table: AnnotationTable, row: int, slot: int, frame: ClipFrame, source: str) -> RLE:
    video = frame.video
    segmentation = table.mask_of_slot(slot)
    where = Problem(source, '', video.id, int(table.ids[row]), frame.frame_id).where
    if segmentation is None:
        raise DataError(f'{where}: there is a box but no mask; give both or neither')
    return normalise_rle(segmentation, video.height, video.width, where)
