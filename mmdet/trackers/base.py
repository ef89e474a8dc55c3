"""What every tracker offers: two methods that each tracker has to write, and one that it may."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray

from mmdet.structures import FrameSample, InstanceData
from mmdet.trackers.kalman import FloatArray


class Tracker(ABC):
    """Decides who is who, frame by frame. Has no weights; all its state belongs to one video.

    Duties, which ``tests/trackers/test_contract.py`` checks for every registered tracker:

    * the rows returned are rows of the detections with all their fields, never new ones; a row that carries no
      identity is left out (a tracker whose documentation says so may give its motion model's boxes instead);
    * identities are 0 or greater, and none comes twice in a frame (a setting that copies a paper's flaw may break
      this, the default may not);
    * frames without detections may come at any time, the first included, and give no rows;
    * ``masks`` may be ``[None, ...]`` unless ``requires`` names them;
    * after :meth:`reset` identities start again as in a new object: the same video gives the same identities;
    * :meth:`forecast` changes nothing; it gives nothing, or at least every identity of the latest frame.

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
            sample: meta of the frame: ``frame_id``, ``ori_shape``; ``source_frame`` where frames may have been dropped.
        """

    def forecast(self, steps: int) -> dict[int, FloatArray]:
        """Where the motion model expects the live tracks in the next ``steps`` frames, for pictures.

        Returns:
            Boxes (steps, 4) ``x1 y1 x2 y2`` in original pixels by identity, tracks that were not seen in the last frame
            included; {} where a tracker has no motion model, which is the default.
        """
        return {}


def with_identities(detections: InstanceData, ids: torch.Tensor | NDArray[np.int64]) -> InstanceData:
    """The rows of ``detections`` whose identity in ``ids`` (N,) is not negative, in their order.

    Raises:
        ValueError: there are not as many identities as detections.
    """
    if len(ids) != len(detections.bboxes):
        raise ValueError(f'a tracker gave {len(ids)} identities for {len(detections.bboxes)} detections')
    ids = torch.as_tensor(ids)
    kept = torch.from_numpy(np.flatnonzero(ids.numpy() >= 0))
    rows = kept.tolist()
    tracks = InstanceData()
    for name, value in detections.items():
        # all are of one length, so the check of InstanceData, which costs more than the rest of this, is left out
        tracks.set_field([value[i] for i in rows] if isinstance(value, list) else value[kept], name)
    tracks.set_field(ids[kept], 'instance_ids')
    return tracks
