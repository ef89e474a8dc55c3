"""What transforms work on: the frames of one clip with their objects, before they become tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mmdet.datasets.annotations import VideoInfo
from mmdet.datasets.schema import Problem

__all__ = ['ClipFrame', 'ClipTransform', 'FrameObjects', 'FramePrompts', 'PipelineClip']


@dataclass
class FrameObjects:
    """Objects of one frame, crowds among them, so that row i of every array is the same object.

    Attributes:
        bboxes: (N, 4) float32 x1 y1 x2 y2, right and bottom exclusive, in pixels of the frame as it is now.
        labels: (N,) int64 from 0.
        ids: (N,) int64 annotation ids.
        crowd: (N,) bool.
        masks: (N, H, W) uint8 0/1.
    """

    bboxes: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    crowd: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        return len(self.bboxes)

    def select(self, keep: np.ndarray) -> FrameObjects:
        """The rows that ``keep`` (bool or indices) names."""
        return FrameObjects(self.bboxes[keep], self.labels[keep], self.ids[keep], self.crowd[keep], self.masks[keep])

    def clipped(self) -> FrameObjects:
        """Boxes cut at the frame's border; objects of which no box is left are removed with mask and id."""
        height, width = self.masks.shape[1:]
        self.bboxes = self.bboxes.clip(0, np.array([width, height, width, height], dtype=np.float32))
        alive = np.flatnonzero((self.bboxes[:, 2:] > self.bboxes[:, :2]).all(1))
        return self if len(alive) == len(self) else self.select(alive)


@dataclass
class FramePrompts:
    """Objects that a user marks in a frame, in pixels of the original frame, which transforms leave alone.

    Attributes:
        bboxes: (N, 4) float32 x1 y1 x2 y2, right and bottom exclusive.
        ids: (N,) int64 numbers of the objects, which results use.
        masks: (N, H, W) bool, or None where only boxes are known.
    """

    bboxes: np.ndarray
    ids: np.ndarray
    masks: np.ndarray | None = None


@dataclass
class ClipFrame:
    """One frame on its way through the transforms.

    Attributes:
        video: the video it belongs to.
        frame_id: its index there.
        path: file to read.
        image: (H, W, 3) uint8 RGB once loaded.
        objects: once annotations are loaded.
        scale_factor: (w_scale, h_scale) from original to present pixels.
        flip: whether it was mirrored left to right.
        blank: whether ``image`` stands for a frame that was not read.
        prompts: objects that begin here, in data sets that give them to the model.
        ended: numbers of such objects that are no longer followed from here on.
    """

    video: VideoInfo
    frame_id: int
    path: str
    image: np.ndarray | None = None
    objects: FrameObjects | None = None
    scale_factor: tuple[float, float] = (1.0, 1.0)
    flip: bool = False
    blank: bool = False
    prompts: FramePrompts | None = None
    ended: tuple[int, ...] = ()

    @property
    def pixels(self) -> np.ndarray:
        """The image.

        Raises:
            RuntimeError: ``LoadFrames`` has not run.
        """
        if self.image is None:
            raise RuntimeError('the frame has no image yet: LoadFrames must be the first transform of the pipeline')
        return self.image


@dataclass
class PipelineClip:
    """Frames of one video that go through the transforms together.

    Attributes:
        frames: in the order in which the model gets them (training: key frame first).
        source: annotation file, for messages.
        sample_seed: number that the model's own random choices for this clip start from.
    """

    frames: list[ClipFrame]
    source: str
    sample_seed: int

    def where(self, frame: ClipFrame) -> str:
        """File, video and frame as text, for messages."""
        return Problem(self.source, '', frame.video.id, None, frame.frame_id).where


class ClipTransform(Protocol):
    """A step of a pipeline. All randomness comes from ``rng``, drawn once per clip, never per frame."""

    def __call__(self, clip: PipelineClip, rng: np.random.Generator) -> PipelineClip: ...
