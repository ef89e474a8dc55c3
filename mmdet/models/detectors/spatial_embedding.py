"""SpatialEmbedding (arXiv 1906.11109; PointTrack's segmenter, arXiv 2007.01550): instances by clustering pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from mmdet.errors import ConfigError
from mmdet.geometry import tight_bboxes
from mmdet.models.detectors.base import Clip, Detector
from mmdet.models.embedding_maps import SIGMA_SCALE, CoordinateMode, EmbeddingMaps, coordinate_map, split_prediction
from mmdet.models.mask_size import check_mask_size
from mmdet.models.samplers import SampledRoIs
from mmdet.registry import MODELS
from mmdet.structures import BitmapMasks, Features, FrameSample, InstanceData

OFFSETS = 2  # channels: x and y
RESIZED = 'give masks of the size of the frame as it is after resizing'


@MODELS.register_module()
class SpatialEmbedding(Detector):
    """Each pixel votes for the centre of its object; votes that lie together are an instance.

    Its features are one map at the resolution of the image, ``2 + num_sigmas + num_classes`` channels: offset x and y,
    bandwidth per axis, seed per class. They are no pyramid, so RoI heads do not fit on it. Masks of a frame are
    disjoint (with several classes in the clusterer's ``compat`` mode: those of one class).

    Args:
        backbone: config of a network with the arguments ``branches`` (channels of its decoders) and a list of decoders
            of that name whose last layer is ``output``, such as ``BranchedERFNet``; ``branches`` is filled in.
        num_classes: seed maps. The published networks have one class each.
        num_sigmas: 2 for a bandwidth per axis (PointTrack), 1 for one that both share (SpatialEmbedding).
        coordinates: ``default``, or ``compat`` for the published grid; see :func:`coordinate_map`.
        unit: pixels per unit of the ``default`` grid; objects reach less than this from their centre. A few times the
            radius of usual objects learns faster than the published 1024, where an offset is a small number.
        start_radius: how far in pixels an untrained pixel thinks that its object reaches; None takes bandwidth 1 as
            published (5.7 pixels on the published grid). About the radius of usual objects is a quicker start.
        loss: config of the losses; it sees one image at a time.
        clusterer: config of what turns maps into instances.

    Raises:
        ConfigError: an argument outside its range.
    """

    provides = frozenset({'masks'})

    def __init__(
        self,
        backbone: dict,
        num_classes: int = 1,
        num_sigmas: Literal[1, 2] = 2,
        coordinates: CoordinateMode = 'default',
        unit: float = 1024.0,
        start_radius: float | None = None,
        loss: dict | None = None,
        clusterer: dict | None = None,
    ) -> None:
        super().__init__()
        if num_classes < 1 or num_sigmas not in (1, 2) or min(unit, start_radius or 1) <= 0:
            raise ConfigError(
                f'SpatialEmbedding needs num_classes of at least 1, num_sigmas of 1 or 2, and unit and start_radius '
                f'above 0, got {num_classes}, {num_sigmas}, {unit} and {start_radius}'
            )
        coordinate_map(1, 1, coordinates)  # refuses an unknown name now, not at the first image
        self.num_classes, self.num_sigmas = num_classes, num_sigmas
        self.coordinates, self.unit = coordinates, unit
        self.backbone = MODELS.build({**backbone, 'branches': (OFFSETS + num_sigmas, num_classes)})
        self.loss_of_image = MODELS.build(loss or dict(type='SpatialEmbeddingLoss'))
        self.clusterer = MODELS.build(clusterer or dict(type='EmbeddingClusterer'))
        self._check_class_weights()
        self._start_at_own_place(1.0 if start_radius is None else self._sigma_of(start_radius))

    def _check_class_weights(self) -> None:
        weight = self.loss_of_image.foreground_weight
        if not isinstance(weight, int | float) and len(weight) != self.num_classes:
            raise ConfigError(
                f'SpatialEmbeddingLoss has {len(weight)} foreground weights and the detector {self.num_classes} '
                'classes; give one number, or one per class'
            )

    def _sigma_of(self, radius: float) -> float:
        """Raw bandwidth at which closeness falls to one half after ``radius`` pixels."""
        step = float(coordinate_map(1, 2, self.coordinates, self.unit)[0, 0, 1])
        return math.log(math.log(2) / (radius * step) ** 2) / SIGMA_SCALE

    def _start_at_own_place(self, sigma: float) -> None:
        """Untrained, every pixel votes for itself with one bandwidth, whatever the image."""
        last = self.backbone.branches[0].output
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)
        with torch.no_grad():
            last.bias[OFFSETS:] = sigma

    def extract_feat(self, images: Tensor) -> Features:
        """(T, 3, H, W) -> one map (T, 2 + num_sigmas + num_classes, H, W)."""
        return (self.backbone(images),)

    def _maps(self, prediction: Tensor, size: tuple[int, int]) -> EmbeddingMaps:
        """Maps of (T, C, H, W) network output, without the padding beyond ``size``, in float32."""
        height, width = size
        grid = coordinate_map(height, width, self.coordinates, self.unit, prediction.device)
        return split_prediction(prediction[..., :height, :width], self.num_sigmas, grid)

    def loss(
        self, features: Features, samples: Sequence[FrameSample], roi_features: Features | None = None
    ) -> tuple[dict[str, Tensor], list[SampledRoIs]]:
        """Losses averaged over the frames, and each frame's true boxes as what a track head may train on."""
        with torch.autocast(features[0].device.type, enabled=False):  # exp(10 s) has no place in 16 bits
            parts = [self._loss_of_frame(features[0][i : i + 1], sample) for i, sample in enumerate(samples)]
        losses = {name: torch.stack([part[name] for part in parts]).mean() for name in parts[0]}
        return losses, [_true_boxes(sample) for sample in samples]

    def _loss_of_frame(self, prediction: Tensor, sample: FrameSample) -> dict[str, Tensor]:
        truth = sample.gt_instances
        maps = self._maps(prediction, sample.img_shape)
        check_mask_size(truth.masks, sample.img_shape, sample, RESIZED)
        ignored = None
        if 'ignored_instances' in sample and len(sample.ignored_instances.masks):
            check_mask_size(sample.ignored_instances.masks, sample.img_shape, sample, RESIZED)
            ignored = sample.ignored_instances.masks.bool().any(0)
        return self.loss_of_image(maps, truth.masks, truth.labels, ignored)

    def predict(self, clip: Clip, roi_variants: Sequence[Sequence[Features]] | None = None) -> list[InstanceData]:
        """Instances of T frames: masks of the resized frame, boxes tight around them in original pixels."""
        with torch.autocast(clip.features[0].device.type, enabled=False):
            maps = self._maps(clip.features[0], clip.samples[0].img_shape)
            clusters = self.clusterer(maps)
        found = []
        for part, sample in zip(clusters, clip.samples):
            instances = InstanceData()
            masks = BitmapMasks(part.masks, tuple(sample.ori_shape))
            instances.bboxes = tight_bboxes(masks.to_dense())
            instances.labels, instances.scores, instances.masks = part.labels, part.scores, masks
            # a mask of a pixel or two can fall between the pixels of a smaller original frame
            found.append(instances[(instances.bboxes[:, 2] > 0).nonzero().flatten()])
        return found


def _true_boxes(sample: FrameSample) -> SampledRoIs:
    truth = sample.gt_instances
    rows = torch.arange(len(truth.labels), device=truth.labels.device)
    return SampledRoIs(truth.bboxes, rows, truth.labels)
