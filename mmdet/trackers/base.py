"""What every tracker offers: two methods."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from mmdet.structures import FrameSample, InstanceData


class Tracker(ABC):
    """Decides who is who, frame by frame. Has no weights; all its state belongs to one video.

    Attributes:
        requires: what detections must carry: any of ``embeddings`` and ``masks``.
    """

    requires: frozenset[str] = frozenset()

    @abstractmethod
    def reset(self) -> None:
        """Forget everything: a new video begins."""

    @abstractmethod
    def update(self, detections: InstanceData, sample: FrameSample) -> InstanceData:
        """Detections of the next frame -> the rows that carry an identity, with ``instance_ids`` (N,) int64.

        Args:
            detections: CPU tensors, boxes in original pixels; ``masks`` a list of RLE; ``embeddings`` where a track
                head ran. Not changed.
            sample: meta of the frame: ``frame_id``, ``ori_shape``.
        """


def with_identities(detections: InstanceData, ids: torch.Tensor) -> InstanceData:
    """The rows of ``detections`` whose identity in ``ids`` (N,) is not negative, in their order."""
    kept = torch.nonzero(ids >= 0).flatten()
    tracks = InstanceData()
    for name, value in detections.items():
        setattr(tracks, name, [value[i] for i in kept.tolist()] if isinstance(value, list) else value[kept])
    tracks.instance_ids = ids[kept]
    return tracks
