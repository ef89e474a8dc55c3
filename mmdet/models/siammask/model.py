"""SiamMask: follow objects that a user marks, with masks (arXiv 1812.05050), and its refined and two-stage variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mmdet.errors import ConfigError, IncompatibleSlotsError
from mmdet.models.samplers import sampling_generator
from mmdet.models.siammask.candidates import decode, target_probability
from mmdet.models.siammask.options import TrackingOptions
from mmdet.models.siammask.responses import Responses
from mmdet.models.siammask.search import CropGeometry
from mmdet.models.siammask.session import SiamMaskSession
from mmdet.models.siammask.target import Kernels
from mmdet.models.siammask.targets import AnchorTargets
from mmdet.models.video.stream import StreamedModel
from mmdet.registry import MODELS
from mmdet.structures import FrameSample

PARTS = ('backbone', 'neck', 'rpn_head', 'mask_head', 'refine_head', 'stage2_head')
ANCHORS = 1  # purposes of random numbers, see sampling_generator
JITTER = 2
PairInput = Sequence[Tensor]  # template (3, 127, 127) and search crop (3, S, S)


@MODELS.register_module()
class SiamMask(StreamedModel):
    """Backbone, neck, a head that scores anchors, and what makes the mask.

    With ``mask_head`` alone it is the base variant (masks of 63 x 63), with ``refine_head`` too the sharp one (127 x
    127), with ``stage2_head`` instead the two-stage one; without all three it is a tracker of boxes (SiamRPN++), whose
    masks are filled boxes.

    Nothing of an object that is followed is kept in the model: :meth:`start_video` gives a session that owns it.

    Args:
        backbone, neck, rpn_head, mask_head, refine_head, stage2_head: config dicts.
        data_preprocessor: config dict; by default BGR pixel values 0..255 as they are, as the published weights need.
        anchors, anchor_target: config dicts of the anchors and of what they are trained to say.
        geometry: sizes of crops, see :class:`~mmdet.models.siammask.search.CropGeometry`.
        frozen_parts: slots that do not train and stay in evaluation mode (``('backbone', 'neck', 'rpn_head')`` for the
            sharp variant). They give no losses.
        test_cfg: see :class:`~mmdet.models.siammask.options.TrackingOptions`.

    Raises:
        IncompatibleSlotsError: two slots cannot work together.
        ConfigError: a value that cannot be.
    """

    needs_prompts = True
    class_agnostic = True
    frame_pipeline = (dict(type='LoadFrames'), dict(type='PackClip'))

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        rpn_head: dict,
        mask_head: dict | None = None,
        refine_head: dict | None = None,
        stage2_head: dict | None = None,
        data_preprocessor: dict | None = None,
        anchors: dict | None = None,
        anchor_target: dict | None = None,
        geometry: dict | None = None,
        frozen_parts: Sequence[str] = (),
        test_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        _check_slots(mask_head, refine_head, stage2_head, frozen_parts)
        raw = dict(type='VideoDataPreprocessor', mean=(0, 0, 0), std=(1, 1, 1), channel_order='bgr', pad_size_divisor=1)
        self.data_preprocessor = MODELS.build(data_preprocessor or raw)
        self.backbone, self.neck = MODELS.build(backbone), MODELS.build(neck)
        self.rpn_head = MODELS.build(rpn_head)
        self.mask_head: Any = MODELS.build(mask_head) if mask_head else None
        self.refine_head: Any = MODELS.build(refine_head) if refine_head else None
        self.stage2_head: Any = MODELS.build(stage2_head) if stage2_head else None
        self.anchors = MODELS.build(anchors or dict(type='SiamAnchorGenerator'))
        self.anchor_target = MODELS.build(anchor_target or dict(type='SiamAnchorTarget'))
        self.geometry = _crop_geometry(geometry)
        self.options = TrackingOptions.from_config(test_cfg)
        self.frozen_parts = tuple(frozen_parts)
        self.classes = ('object',)
        for module in self._frozen_modules():
            module.requires_grad_(False)

    @property
    def stays_as_loaded(self) -> tuple[str, ...]:
        """Beginnings of the names of weights that training does not change, so that they must be there before it."""
        return tuple(f'{part}.' for part in self.frozen_parts)

    def _frozen_modules(self) -> list[nn.Module]:
        frozen: list[nn.Module] = [getattr(self, part) for part in self.frozen_parts]
        if self.refine_head is not None:  # it reads the correlation, so these layers have nothing to learn from
            frozen += [self.mask_head.hidden, self.mask_head.out]
        return frozen

    def train(self, mode: bool = True) -> SiamMask:
        """Switch to training, keeping frozen parts in evaluation mode."""
        super().train(mode)
        for module in self._frozen_modules():
            module.eval()
        return self

    def forward(
        self,
        inputs: Sequence[Any],
        data_samples: Sequence[Sequence[FrameSample]],
        mode: Literal['loss', 'predict', 'tensor'] = 'tensor',
    ) -> Any:
        """One step.

        Args:
            inputs: ``loss`` and ``tensor``: B pairs ``[template (3, 127, 127), search (3, S, S)]``, RGB 0..255, uint8
                or float; ``predict``: one clip (T, 3, H, W) uint8 RGB.
            data_samples: B lists of two samples, or one list of T.
            mode: ``loss`` -> dict of scalars; ``predict`` -> finished frames of the current video; ``tensor`` -> the
                :class:`~mmdet.models.siammask.responses.Responses` of the pairs.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode == 'tensor':
            templates, searches = self._stack(inputs)
            return self.respond(self.encode_templates(templates), searches)
        raise ConfigError(f"mode {mode!r} does not exist; use 'loss', 'predict' or 'tensor'")

    def _stack(self, pairs: Sequence[PairInput]) -> tuple[Tensor, Tensor]:
        """Network inputs (B, 3, 127, 127) and (B, 3, S, S) of B pairs."""
        templates, searches = ([pair[i][None] for pair in pairs] for i in (0, 1))
        return self.data_preprocessor(templates)[:, 0], self.data_preprocessor(searches)[:, 0]

    def encode_templates(self, images: Tensor) -> Kernels:
        """What is remembered of N templates (N, 3, 127, 127): kernels (N, C, 5, 5) by branch."""
        template = self.neck(self.backbone(images)[-1])
        kernels = self.rpn_head.kernels(template)
        if self.mask_head is not None:
            kernels['mask'] = self.mask_head.conv_kernel(template)
        if self.stage2_head is not None:
            kernels['stage2'] = self.stage2_head.conv_kernel(template)
        return kernels

    def respond(self, kernels: Kernels, images: Tensor) -> Responses:
        """What N search crops (N, 3, S, S) show of N templates; one pass through the backbone."""
        *skips, last = self.backbone(images)
        search = self.neck(last)
        cls, loc = self.rpn_head(kernels, search)
        correlation = None
        if self.mask_head is not None:
            correlation = self.mask_head.correlation(kernels['mask'], search)
        elif self.stage2_head is not None:
            correlation = self.stage2_head.correlation(kernels['stage2'], search)
        return Responses(cls, loc, search, tuple(skips), correlation)

    def start_video(self) -> SiamMaskSession:
        """A session that owns everything about the objects of one new video."""
        return SiamMaskSession(self)

    # ---- training -----------------------------------------------------------------------------------------------

    def loss(self, inputs: Sequence[PairInput], data_samples: Sequence[Sequence[FrameSample]]) -> dict[str, Tensor]:
        """Losses of B pairs; docs/design.md describes the batch."""
        templates, searches = self._stack(inputs)
        response = self.respond(self.encode_templates(templates), searches)
        samples = [pair[1] for pair in data_samples]
        bboxes = [_target_box(sample, searches.device) for sample in samples]
        targets = self._targets(response.cls, searches.shape[-1], bboxes, samples)
        losses = {}
        if 'rpn_head' not in self.frozen_parts:
            losses.update(self.rpn_head.loss(response.cls, response.loc, targets))
        if self.mask_head is not None:
            losses.update(self._mask_loss(response, targets, samples, searches))
        elif self.stage2_head is not None:
            losses.update(self._stage2_loss(response, bboxes, samples, searches))
        return losses

    def _targets(
        self, cls: Tensor, side: int, bboxes: Sequence[Tensor | None], samples: Sequence[FrameSample]
    ) -> list[AnchorTargets]:
        cells = cls.shape[-1]
        anchors = self.anchors.grid(cells, (side - 1) / 2).to(cls.device)
        generators = [sampling_generator(sample.sample_seed, ANCHORS) for sample in samples]
        return [self.anchor_target(anchors, cells, *rest) for rest in zip(bboxes, generators)]

    def _mask_loss(
        self,
        response: Responses,
        targets: Sequence[AnchorTargets],
        samples: Sequence[FrameSample],
        searches: Tensor,
    ) -> dict[str, Tensor]:
        """Masks are trained at the cells that have a positive anchor, in pairs whose mask is known."""
        masks, known = _search_masks(samples, searches)
        positive = torch.stack([target.mask_weights for target in targets]) == 1  # (B, n, n)
        cells = torch.nonzero(positive & known[:, None, None])
        if self.refine_head is not None:
            return self.refine_head.loss(response.skips, response.correlation, cells, masks)
        return self.mask_head.loss(response.correlation, cells, masks)

    def _stage2_loss(
        self,
        response: Responses,
        bboxes: Sequence[Tensor | None],
        samples: Sequence[FrameSample],
        searches: Tensor,
    ) -> dict[str, Tensor]:
        side = searches.shape[-1]
        masks, known = _search_masks(samples, searches)
        anchors = self.anchors.grid(response.cls.shape[-1], (side - 1) / 2).to(searches.device)
        scores = target_probability(response.cls.detach())
        boxes = to_corners(decode(response.loc.detach(), anchors))
        wanted = [bbox if has_mask else None for bbox, has_mask in zip(bboxes, known.tolist())]
        generators = [sampling_generator(sample.sample_seed, JITTER) for sample in samples]
        return self.stage2_head.loss(
            response.search, response.correlation, list(zip(scores, boxes)), wanted, masks, generators
        )


def to_corners(boxes: Tensor) -> Tensor:
    """Centre and size (..., 4) to x1 y1 x2 y2."""
    half = boxes[..., 2:] / 2
    return torch.cat([boxes[..., :2] - half, boxes[..., :2] + half], -1)


def _target_box(sample: FrameSample, device: torch.device) -> Tensor | None:
    """(4,) box of the object in the search crop; None in a negative pair."""
    bboxes = sample.gt_instances.bboxes
    return bboxes[0].to(device) if len(bboxes) else None


def _search_masks(samples: Sequence[FrameSample], searches: Tensor) -> tuple[Tensor, Tensor]:
    """Masks (B, S, S) of the search crops, and (B,) which of them are known."""
    masks = searches.new_zeros(len(samples), *searches.shape[-2:])
    known = torch.zeros(len(samples), dtype=torch.bool)
    for row, sample in enumerate(samples):
        found = sample.gt_instances
        if len(found.bboxes) and 'masks' in found:
            masks[row], known[row] = found.masks[0].to(masks), True
    return masks, known.to(searches.device)


def _crop_geometry(config: dict | None) -> CropGeometry:
    try:
        return CropGeometry(**(config or {}))
    except TypeError as error:
        names = ', '.join(field.name for field in fields(CropGeometry))
        raise ConfigError(f'geometry of SiamMask: {error}; it takes {names}') from error


def _check_slots(mask_head: Any, refine_head: Any, stage2_head: Any, frozen_parts: Sequence[str]) -> None:
    given = dict(mask_head=mask_head, refine_head=refine_head, stage2_head=stage2_head)
    if refine_head and not mask_head:
        raise IncompatibleSlotsError('a refine_head needs the correlation of a mask_head: add one')
    if mask_head and stage2_head:
        raise IncompatibleSlotsError(
            'mask_head and stage2_head both make the mask; keep one of them (the second stage replaces the first '
            "stage's masks)"
        )
    for part in frozen_parts:
        if part not in PARTS or (part in given and not given[part]):
            present = [name for name in PARTS if given.get(name, True)]
            raise ConfigError(f"frozen_parts names '{part}', which this model does not have; it has {present}")
