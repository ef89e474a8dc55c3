"""What flows between rooms: one sample per frame, the names of its fields, their shapes and units.

``FrameSample`` meta (all optional until the stage that sets them):

==============  ======================================================================================
video_id        identity of the video in its annotation file (any int), unchanged in results
frame_id        index of the frame in its video, from 0
video_length    number of frames of the video; -1 while unknown (camera)
img_path        file of the frame, for messages
source_frame    index of the frame in a live source; runs ahead of frame_id where frames were dropped
ori_shape       (H, W) of the original frame in pixels
img_shape       (H, W) after resizing, before padding
scale_factor    (w_scale, h_scale) from original to resized pixels
frame_window    where the image is a cut-out: (x, y, width, height), its place in and the size of the whole
                frame, in pixels of the image
flip            whether the resized frame was flipped left to right
ended_ids       numbers of marked objects that are no longer followed from this frame on; absent where there are none
blank           True where the frame's file was not read, so that its pixels mean nothing; absent otherwise
sample_seed     int that drives every random choice made for this sample inside the model (RoI sampling)
==============  ======================================================================================

Fields: ``gt_instances``, ``ignored_instances`` (boxes and masks in *resized* pixels while training),
``pred_instances`` (detections, original pixels), ``pred_tracks`` (detections that carry an identity), ``prompts``
(objects that a user marks in this frame: ``bboxes``, ``instance_ids`` and, where given, ``masks`` (N, H, W) bool with
``has_mask`` (N,) bool where only some have one; original pixels).

Instances (``mmengine.structures.InstanceData``), N rows:

==============  ======================================================================================
bboxes          (N, 4) float32, x1 y1 x2 y2, right and bottom exclusive
labels          (N,) int64 from 0, the position of the category in the data set's ``classes``
scores          (N,) float32 in [0, 1]
masks           training: (N, H, W) uint8 0/1; inside the model: :class:`InstanceMasks`; outside: list of COCO RLE
instance_ids    (N,) int64, the annotation's or the track's identity; negative in training: a part of the
                scene that is nobody to follow
embeddings      (N, D) float32 where a track head ran
forecasts       (N, K, 4) float32 boxes expected in the next K frames, NaN where unknown; on request
rotated_boxes   (N, 4, 2) float32 corners x, y in order, of tracks of objects that a user marked
lost            (N,) bool, whether such an object is out of sight in this frame
==============  ======================================================================================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import torch
from mmengine.structures import BaseDataElement, InstanceData
from torch import Tensor

__all__ = [
    'RLE',
    'BitmapMasks',
    'EncodedMasks',
    'Features',
    'FrameSample',
    'InstanceData',
    'InstanceMasks',
    'RoIMasks',
    'VideoClip',
    'empty_instances',
]

Features = tuple[Tensor, ...]  # one map (B, C, H_l, W_l) per pyramid level, finest first


class RLE(TypedDict):
    """A COCO run-length encoded mask: ``size`` is [height, width], ``counts`` compressed ASCII text."""

    size: list[int]
    counts: str


class VideoClip(TypedDict):
    """One item of a data set: T frames of one video. Batches hold lists of these two values."""

    inputs: Tensor  # (T, 3, H, W) uint8 RGB
    data_samples: list[FrameSample]  # T samples


class FrameSample(BaseDataElement):
    """Everything known about one frame; see the module's table for meta keys and fields."""

    gt_instances: InstanceData
    ignored_instances: InstanceData
    pred_instances: InstanceData
    pred_tracks: InstanceData
    prompts: InstanceData


class InstanceMasks(ABC):
    """Masks of the N detections of one frame while they are inside the model, in whatever form the detector makes them.

    Rows can be chosen (``masks[index]``) and joined (``type(masks).cat``), as ``InstanceData`` wants it.
    """

    canvas: tuple[int, int]  # (H, W) of the original frame

    @abstractmethod
    def __len__(self) -> int:
        """N."""

    @abstractmethod
    def tensors(self) -> tuple[Tensor, ...]:
        """What lies on the device and has to cross to the host, in a fixed order."""

    @abstractmethod
    def with_tensors(self, *tensors: Tensor) -> InstanceMasks:
        """The same masks with :meth:`tensors` replaced."""

    @abstractmethod
    def to_rle(self) -> list[RLE]:
        """Every mask at canvas size, encoded. Tensors must be in host memory."""

    @abstractmethod
    def to_dense(self) -> Tensor:
        """(N, H, W) bool masks at canvas size on the masks' device, for heads that sample pixels and for tests."""


@dataclass
class RoIMasks(InstanceMasks):
    """Masks of N detections as probabilities on a small grid stretched over each box; nothing dense.

    Attributes:
        probabilities: (N, S, S) float32 in [0, 1], already the channel of the detection's own class.
        bboxes: (N, 4) boxes in pixels of the canvas, in the detector's own paste convention.
        canvas: (H, W) of the original frame.
        threshold: a pixel belongs to the mask where its interpolated probability is greater.
        legacy: paste as the original MaskTrack R-CNN does (integer box, edge-clamped) instead of sub-pixel.
    """

    probabilities: Tensor
    bboxes: Tensor
    canvas: tuple[int, int]
    threshold: float = 0.5
    legacy: bool = False

    def __len__(self) -> int:
        return len(self.probabilities)

    def __getitem__(self, index: Tensor | slice | int | np.ndarray | list) -> RoIMasks:
        if isinstance(index, int):
            index = slice(index, index + 1 or None)
        return RoIMasks(self.probabilities[index], self.bboxes[index], self.canvas, self.threshold, self.legacy)

    @staticmethod
    def cat(parts: Sequence[RoIMasks]) -> RoIMasks:
        """Join masks of one frame (the name is what ``InstanceData.cat`` looks for)."""
        first = parts[0]
        probabilities = torch.cat([p.probabilities for p in parts])
        bboxes = torch.cat([p.bboxes for p in parts])
        return RoIMasks(probabilities, bboxes, first.canvas, first.threshold, first.legacy)

    def tensors(self) -> tuple[Tensor, ...]:
        return self.probabilities, self.bboxes

    def with_tensors(self, *tensors: Tensor) -> RoIMasks:
        probabilities, bboxes = tensors
        return replace(self, probabilities=probabilities, bboxes=bboxes)

    def to_rle(self) -> list[RLE]:
        """Encode every mask at canvas size, working inside its box only."""
        from mmdet.ops.mask_paste import paste_to_rle

        return paste_to_rle(self)

    def to_dense(self) -> Tensor:
        """(N, H, W) bool masks at canvas size, for heads that sample pixels and for tests."""
        from mmdet.ops.mask_paste import paste_dense

        return paste_dense(self)


@dataclass
class BitmapMasks(InstanceMasks):
    """Masks of a detector that labels pixels.

    Attributes:
        bitmaps: (N, h, w) bool, of the resized frame without padding.
        canvas: (H, W) of the original frame; where it differs from (h, w), pixel i shows floor(i * h / H).
    """

    bitmaps: Tensor
    canvas: tuple[int, int]

    def __len__(self) -> int:
        return len(self.bitmaps)

    def __getitem__(self, index: Tensor | slice | int | np.ndarray | list) -> BitmapMasks:
        if isinstance(index, int):
            index = slice(index, index + 1 or None)
        return BitmapMasks(self.bitmaps[index], self.canvas)

    @staticmethod
    def cat(parts: Sequence[BitmapMasks]) -> BitmapMasks:
        """Join masks of one frame."""
        return BitmapMasks(torch.cat([part.bitmaps for part in parts]), parts[0].canvas)

    def tensors(self) -> tuple[Tensor, ...]:
        return (self.bitmaps,)

    def with_tensors(self, *tensors: Tensor) -> BitmapMasks:
        return BitmapMasks(tensors[0], self.canvas)

    def to_rle(self) -> list[RLE]:
        from mmdet.ops.rle import encode

        return [encode(mask) for mask in self.to_dense().numpy()]

    def to_dense(self) -> Tensor:
        if tuple(self.bitmaps.shape[1:]) == tuple(self.canvas):
            return self.bitmaps
        rows, columns = (
            torch.arange(new, device=self.bitmaps.device) * old // new
            for new, old in zip(self.canvas, self.bitmaps.shape[1:])
        )
        return self.bitmaps[:, rows[:, None], columns]


@dataclass
class EncodedMasks(InstanceMasks):
    """Masks that were made elsewhere and come from a file; nothing of them is on a device.

    Attributes:
        rles: N masks at canvas size.
        canvas: (H, W) of the original frame.
    """

    rles: list[RLE]
    canvas: tuple[int, int]

    def __len__(self) -> int:
        return len(self.rles)

    def __getitem__(self, index: Tensor | slice | int | np.ndarray | list) -> EncodedMasks:
        rows = np.atleast_1d(np.arange(len(self))[np.asarray(index) if not isinstance(index, slice) else index])
        return EncodedMasks([self.rles[row] for row in rows], self.canvas)

    @staticmethod
    def cat(parts: Sequence[EncodedMasks]) -> EncodedMasks:
        """Join masks of one frame."""
        return EncodedMasks([rle for part in parts for rle in part.rles], parts[0].canvas)

    def tensors(self) -> tuple[Tensor, ...]:
        return ()

    def with_tensors(self, *tensors: Tensor) -> EncodedMasks:
        return self

    def to_rle(self) -> list[RLE]:
        return self.rles

    def to_dense(self) -> Tensor:
        from mmdet.ops.rle import decode_all

        return torch.from_numpy(decode_all(self.rles, *self.canvas).astype(bool))


def empty_instances(embedding_dim: int | None = None) -> InstanceData:
    """Instances of a frame in which nothing was found: all fields there, zero rows, masks an empty list."""
    instances = InstanceData()
    instances.bboxes = torch.zeros(0, 4)
    instances.labels = torch.zeros(0, dtype=torch.int64)
    instances.scores = torch.zeros(0)
    instances.masks = []
    if embedding_dim is not None:
        instances.embeddings = torch.zeros(0, embedding_dim)
    return instances
