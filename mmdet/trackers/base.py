"""What every tracker offers: two methods."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from mmdet.structures import FrameSample, InstanceData


class Tracker(ABC):
    """Decides who is who, frame by frame. Has no weights; all its state belongs to one video.

    Duties, which ``tests/trackers/test_contract.py`` checks for every registered tracker:

    * the rows returned are rows of the detections with all their fields, never new ones; a row that carries no
      identity is left out (a tracker whose documentation says so may give its motion model's boxes instead);
    * identities are 0 or greater, and none comes twice in a frame (a setting that copies a paper's flaw may break
      this, the default may not);
    * frames without detections may come at any time, the first included, and give no rows;
    * ``masks`` may be ``[None, ...]`` unless ``requires`` names them;
    * after :meth:`reset` identities start again as in a new object: the same video gives the same identities.

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
            detections: CPU tensors, boxes in original pixels; ``masks`` a list of RLE, or of None where the detector
                has no masks; ``embeddings`` where a track head ran. Not changed.
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
