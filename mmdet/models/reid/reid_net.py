"""The model that is trained to tell identities apart; its embedder then serves a track head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mmdet.errors import ConfigError
from mmdet.models.losses import batch_count
from mmdet.models.reid.embedder import ReIDEmbedder, unit
from mmdet.registry import MODELS
from mmdet.structures import FrameSample, InstanceData


@MODELS.register_module()
class ReIDNet(nn.Module):
    """An appearance network with what training it takes: a classifier of identities, a triplet loss, or both.

    Only ``embedder`` is used afterwards: ``ReIDTrackHead(embedder=..., weights=FILE)`` reads it out of this model's
    checkpoints.

    Args:
        embedder: config dict of :class:`ReIDEmbedder`.
        loss_softmax: config dict of a loss on the logits of identities; None trains without a classifier.
        loss_triplet: config dict of a loss on unit vectors and identities, or None.
        num_identities: of the training set; None takes as many as it has.

    Attributes:
        training_only: beginnings of the names of weights that testing does without.
    """

    task = 'retrieval'
    training_only = ('classifier.',)

    def __init__(
        self,
        embedder: dict,
        loss_softmax: dict | None = None,
        loss_triplet: dict | None = None,
        num_identities: int | None = None,
    ) -> None:
        super().__init__()
        self.embedder: ReIDEmbedder = MODELS.build(embedder)
        self.loss_softmax = MODELS.build(loss_softmax) if loss_softmax else None
        self.loss_triplet = MODELS.build(loss_triplet) if loss_triplet else None
        self.num_identities = num_identities
        self.classifier: nn.Module | None = None
        if num_identities is not None:
            self._add_classifier(num_identities)

    def fit_to(self, dataset: Any) -> None:
        """Give the classifier as many rows as the training set has identities.

        Raises:
            ConfigError: the config names another number, or there is no loss.
        """
        count = dataset.num_identities
        if self.loss_softmax is None and self.loss_triplet is None:
            raise ConfigError('ReIDNet has nothing to train on: give it loss_softmax, loss_triplet or both')
        if self.num_identities is None:
            self.num_identities = count
            self._add_classifier(count)
        elif self.num_identities != count:
            raise ConfigError(
                f'model.num_identities is {self.num_identities}, but {dataset.ann_file} has {count}; set it to None'
            )

    def _add_classifier(self, count: int) -> None:
        if self.loss_softmax is not None:
            self.classifier = self.embedder.backbone.make_classifier(count)

    def forward(
        self,
        inputs: Sequence[Tensor],
        data_samples: Sequence[Sequence[FrameSample]],
        mode: Literal['loss', 'predict', 'tensor'] = 'tensor',
    ) -> Any:
        """One step on B crops.

        Args:
            inputs: B crops (1, 3, H, W) uint8 RGB.
            data_samples: B lists of one sample; training ones have ``gt_instances.instance_ids`` (1,), counted from 0.
            mode: ``loss`` -> dict of scalars; ``predict`` -> B samples with ``pred_instances.embeddings`` (1, D), of
                unit length, on the CPU; ``tensor`` -> (B, D) unit vectors.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode == 'tensor':
            return unit(self.embedder(self.embedder.images(inputs)))
        raise ConfigError(f"mode {mode!r} does not exist; use 'loss', 'predict' or 'tensor'")

    def loss(self, inputs: Sequence[Tensor], data_samples: Sequence[Sequence[FrameSample]]) -> dict[str, Tensor]:
        """``loss_softmax`` with ``acc`` (percent), and ``loss_triplet``; those that are configured."""
        vectors = self.embedder(self.embedder.images(inputs))  # (B, D)
        identities = torch.cat([clip[0].gt_instances.instance_ids for clip in data_samples]).to(vectors.device)  # (B,)
        losses = {}
        if self.loss_softmax is not None and self.classifier is not None:
            logits, count = self.classifier(vectors).float(), batch_count(len(vectors), vectors)
            losses['loss_softmax'] = self.loss_softmax(logits, identities, count)
            losses['acc'] = (logits.argmax(1) == identities).sum() / count * 100
        if self.loss_triplet is not None:
            losses['loss_triplet'] = self.loss_triplet(unit(vectors), identities)
        return losses

    @torch.no_grad()
    def predict(self, inputs: Sequence[Tensor], data_samples: Sequence[Sequence[FrameSample]]) -> list[FrameSample]:
        """The samples of B crops with ``pred_instances.embeddings`` (1, D)."""
        vectors = self(inputs, data_samples, mode='tensor').cpu()
        found = []
        for clip, vector in zip(data_samples, vectors):
            sample = FrameSample(metainfo=clip[0].metainfo)
            sample.pred_instances = InstanceData(embeddings=vector[None])
            found.append(sample)
        return found
