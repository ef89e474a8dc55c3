"""What every track head offers: one vector per detection."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mmdet.models.detectors import Clip
from mmdet.models.samplers import SampledRoIs
from mmdet.structures import InstanceData


class TrackHead(nn.Module):
    """Base of track heads.

    Attributes:
        requires: what it uses of ``pyramid`` and ``masks``, which the detector must provide, and ``frames``, the clip's
            8-bit frames, which every video session has; see :mod:`mmdet.models.video.slots`.
        embedding_dim: D, length of the vectors.
        trains: whether it trains with the detector, on pairs of frames; one that does not adds no loss.
        max_references: reference frames of a key frame that the loss takes at most; None takes all that clips bring.
    """

    requires: frozenset[str] = frozenset()
    max_references: int | None = 1
    embedding_dim: int
    trains: bool = True

    def embed(self, clip: Clip, detections: Sequence[InstanceData]) -> list[Tensor]:
        """Embeddings (N_t, D) of each of the T frames' detections."""
        raise NotImplementedError(f'{type(self).__name__} needs a method embed')

    def loss(self, key: Clip, references: Clip, sampled: Sequence[SampledRoIs]) -> dict[str, Tensor]:
        """Losses on B key frames and R reference frames of each, all annotated.

        Args:
            key: clip of B frames.
            references: clip of B * R frames, those of key frame i from i * R on; R = 1 where ``max_references`` is 1.
            sampled: boxes drawn on the key frames by the detector's loss, or all annotated ones where it has none.
        """
        raise NotImplementedError(f'{type(self).__name__} needs a method loss, or trains = False')
