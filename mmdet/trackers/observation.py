"""Detections of one frame as a tracker without gradients wants them: checked, in numpy, in double precision."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from mmdet.errors import DataError
from mmdet.structures import RLE, FrameSample, InstanceData
from mmdet.trackers.assignment import IntArray
from mmdet.trackers.kalman import FloatArray


@dataclass(frozen=True)
class Observation:
    """N detections of one frame.

    Attributes:
        bboxes: (N, 4) ``x1 y1 x2 y2``.
        scores: (N,).
        labels: (N,).
        embeddings: (N, D) float32 where the tracker requires them.
        masks: N masks where the tracker requires them.
    """

    bboxes: FloatArray
    scores: FloatArray
    labels: IntArray
    embeddings: np.ndarray | None = None
    masks: list[RLE] | None = None

    def __len__(self) -> int:
        return len(self.bboxes)


def observe(detections: InstanceData, sample: FrameSample, requires: Collection[str] = ()) -> Observation:
    """Check detections and turn them into arrays.

    Args:
        requires: what the tracker uses beside boxes: any of ``embeddings`` and ``masks``.

    Raises:
        DataError: numbers that are NaN or infinite, boxes turned inside out, lists of different lengths, or something
            that is required and not there. The message names video and frame.
    """
    bboxes = detections.bboxes.numpy().astype(np.float64)
    scores = detections.scores.numpy().astype(np.float64)
    labels = detections.labels.numpy()
    if not (bboxes.ndim == 2 and bboxes.shape[1] == 4 and len(bboxes) == len(scores) == len(labels)):
        shapes = f'boxes {bboxes.shape}, scores {scores.shape}, labels {labels.shape}'
        raise DataError(f'{place(sample)}: detections must be (N, 4) boxes with N scores and N labels, got {shapes}')
    _check_finite(bboxes, 'box', sample)
    _check_finite(scores, 'score', sample)
    inside_out = np.flatnonzero((bboxes[:, 2:] < bboxes[:, :2]).any(1))
    if len(inside_out):
        row = int(inside_out[0])
        box = bboxes[row].tolist()
        raise DataError(f'{place(sample)}: box {box} of detection {row} ends before it begins (x1 y1 x2 y2)')
    embeddings = check_embeddings(detections, sample) if 'embeddings' in requires and len(bboxes) else None
    masks = _checked_masks(detections, sample) if 'masks' in requires and len(bboxes) else None
    return Observation(bboxes, scores, labels, embeddings, masks)


def place(sample: FrameSample) -> str:
    """Video and frame of a sample, for messages."""
    return f'video {sample.get("video_id", "?")}, frame {sample.get("frame_id", "?")}'


def check_embeddings(detections: InstanceData, sample: FrameSample, dim: int | None = None) -> np.ndarray:
    """Embeddings (N, D) float32 of detections.

    Args:
        dim: D of the frames before, if there were any.

    Raises:
        DataError: there are none, not one per detection, not finite, or of another length than ``dim``.
    """
    if 'embeddings' not in detections:
        raise DataError(
            f'{place(sample)}: detections carry no embeddings; add a track head, or use a tracker that needs none'
        )
    embeddings = detections.embeddings.numpy().astype(np.float32, copy=False)
    if embeddings.ndim != 2 or len(embeddings) != len(detections.bboxes):
        count = len(detections.bboxes)
        raise DataError(
            f'{place(sample)}: embeddings must be ({count}, D), one row per detection, got {embeddings.shape}'
        )
    _check_finite(embeddings, 'embedding', sample)
    if dim is not None and embeddings.shape[1] != dim:
        raise DataError(
            f'{place(sample)}: embeddings have length {embeddings.shape[1]}, but {dim} in earlier frames of this '
            'video; one track head must describe all frames'
        )
    return embeddings


def _check_finite(values: np.ndarray, what: str, sample: FrameSample) -> None:
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(1))[0])
        shown = f' {values[row].tolist()}' if values[row].size <= 4 else ''
        raise DataError(f'{place(sample)}: the {what}{shown} of detection {row} is not finite')


def _checked_masks(detections: InstanceData, sample: FrameSample) -> list[RLE]:
    masks = list(detections.get('masks', []))
    if len(masks) != len(detections.bboxes) or any(mask is None for mask in masks):
        raise DataError(f'{place(sample)}: a detection has no mask; use a detector with a mask head, or box IoU')
    return masks
