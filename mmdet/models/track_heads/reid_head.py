"""Appearance of image crops as embeddings: a re-identification network on any detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from mmdet.errors import ConfigError
from mmdet.models.detectors import Clip
from mmdet.models.reid.embedder import ReIDEmbedder
from mmdet.models.samplers import SampledRoIs
from mmdet.models.track_heads.base import TrackHead
from mmdet.registry import MODELS
from mmdet.structures import InstanceData


@MODELS.register_module()
class ReIDTrackHead(TrackHead):
    """Cuts every detection out of its 8-bit frame and describes it with a vector of length 1.

    Cut out are the pixels that a box touches in the frame as the detector sees it. deep_sort_pytorch cuts the original
    frame instead, with corners truncated to whole pixels and at most W - 1 and H - 1; crops then differ by a pixel at
    their borders and by how the frame was resized.

    Needs no features of the detector, so it also serves one that reads its detections from files. The network is
    trained by itself (:class:`mmdet.models.reid.ReIDNet`); here it never changes.

    Args:
        embedder: config dict of :class:`ReIDEmbedder`, the same as that of the network that was trained.
        weights: file with weights of a ``ReIDNet``: the ``last.safetensors`` of its training, or a converted
            ``ckpt.t7``. It fills this head wherever the model's own checkpoint has no weights for it.

    Attributes:
        own_weights: ``weights``; see :mod:`mmdet.checkpoints.parts`.
    """

    requires = frozenset({'frames'})
    trains = False

    def __init__(self, embedder: dict, weights: str | None = None) -> None:
        super().__init__()
        self.embedder: ReIDEmbedder = MODELS.build(embedder)
        self.embedding_dim = self.embedder.embedding_dim
        self.own_weights = weights
        self.requires_grad_(False)
        self.train()

    def own_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Those weights of a ``ReIDNet`` that this head uses, under its own names, which are the same."""
        return {key: value for key, value in state.items() if key.startswith('embedder.')}

    def train(self, mode: bool = True) -> ReIDTrackHead:
        """Stay in evaluation mode: batch statistics would make a vector depend on who else is in the frame."""
        return super().train(False)

    def embed(self, clip: Clip, detections: Sequence[InstanceData]) -> list[Tensor]:
        """Unit vectors (N_t, D) of detections whose boxes are in original pixels.

        Raises:
            ConfigError: the clip does not carry its 8-bit frames.
        """
        if clip.frames is None:
            raise ConfigError('ReIDTrackHead crops images: the Clip must carry its 8-bit frames (Clip.frames)')
        boxes = [clip.convention.to_resized(d.bboxes, s.scale_factor) for d, s in zip(detections, clip.samples)]
        return self.embedder.vectors(clip.frames, boxes)

    def loss(self, key: Clip, references: Clip, sampled: Sequence[SampledRoIs]) -> dict[str, Tensor]:
        """Nothing: this head does not train with its detector."""
        return {}
