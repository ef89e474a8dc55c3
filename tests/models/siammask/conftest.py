"""SiamMask small enough to run many times in a test, training pairs for it, and one whose response is dictated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mmdet.models.siammask.responses import Responses
from mmdet.registry import MODELS, register_all
from mmdet.structures import FrameSample, InstanceData

CHANNELS = 8
PARTS: dict[str, dict] = {
    'boxes': {},
    'base': dict(mask_head=dict(type='SiamMaskHead', in_channels=CHANNELS, channels=CHANNELS)),
    'sharp': dict(
        mask_head=dict(type='SiamMaskHead', in_channels=CHANNELS, channels=CHANNELS),
        refine_head=dict(type='SiamRefineHead', skip_channels=(4, 4, 8), channels=CHANNELS),
    ),
    'stage2': dict(stage2_head=dict(type='S2MaskHead', in_channels=CHANNELS, num_votes=3)),
}


def tiny_config(kind: str = 'base', **changes: Any) -> dict:
    parts = dict(
        backbone=dict(type='SiamResNet', depth=18, base_channels=4, norm_eval=True),
        neck=dict(type='CenterCropNeck', in_channels=16, out_channels=CHANNELS),
        rpn_head=dict(type='SiamRPNHead', in_channels=CHANNELS, channels=CHANNELS),
    )
    return dict(type='SiamMask', **{**parts, **PARTS[kind], **changes})


@torch.no_grad()
def _moderate(model: Any) -> None:
    """Scale random weights so that logits and deltas are as small as those of a trained model."""
    crops = torch.rand(1, 3, 127, 127) * 255, torch.rand(1, 3, 255, 255) * 255
    response = model.respond(model.encode_templates(crops[0]), crops[1])
    for head, maps, wanted in ((model.rpn_head.cls, response.cls, 1.0), (model.rpn_head.loc, response.loc, 0.1)):
        head.out.weight *= wanted / maps.std()
        head.out.bias.zero_()


@pytest.fixture
def build_siammask() -> Callable[..., Any]:
    """``build_siammask(kind, **changes)`` makes a tiny model in evaluation mode, seeded; kinds are those of PARTS."""

    def make(kind: str = 'base', **changes: Any) -> Any:
        register_all()
        torch.manual_seed(0)
        model = MODELS.build(tiny_config(kind, **changes)).eval()
        _moderate(model)
        return model

    return make


@pytest.fixture
def pairs() -> Callable[..., dict]:
    """``pairs(kinds, side)`` makes a training batch; kinds are 'mask', 'box' (mask unknown) and 'negative'."""

    def make(kinds: tuple[str, ...] = ('mask', 'box', 'negative'), side: int = 255) -> dict:
        generator = torch.Generator().manual_seed(1)
        inputs, samples = [], []
        for index, kind in enumerate(kinds):
            sizes = (127, side)
            inputs.append([torch.randint(0, 256, (3, s, s), generator=generator, dtype=torch.uint8) for s in sizes])
            middle = (side - 1) / 2
            found = InstanceData(bboxes=torch.tensor([[middle - 32, middle - 32, middle + 32, middle + 32]]))
            if kind == 'mask':
                found.masks = torch.zeros(1, side, side, dtype=torch.uint8)
                found.masks[:, side // 2 - 30 : side // 2 + 30, side // 2 - 30 : side // 2 + 30] = 1
            if kind == 'negative':
                found = InstanceData(bboxes=torch.zeros(0, 4))
            search = FrameSample(metainfo=dict(video_id=1, frame_id=1, sample_seed=index), gt_instances=found)
            template = FrameSample(metainfo=dict(video_id=1, frame_id=0, sample_seed=index))
            samples.append([template, search])
        return dict(inputs=inputs, data_samples=samples)

    return make


@pytest.fixture
def frame_sample() -> Callable[..., FrameSample]:
    """``frame_sample(index, size, boxes, ids, masks)`` makes the sample of a frame with what is marked in it."""

    def make(
        index: int,
        size: tuple[int, int] = (120, 160),
        boxes: list | None = None,
        ids: list[int] | None = None,
        masks: torch.Tensor | None = None,
    ) -> FrameSample:
        meta = dict(video_id=5, frame_id=index, ori_shape=size, img_shape=size, video_length=-1)
        sample = FrameSample(metainfo=meta)
        if boxes is not None:
            sample.prompts = InstanceData(bboxes=torch.tensor(boxes, dtype=torch.float64))
            sample.prompts.instance_ids = torch.arange(len(boxes)) if ids is None else torch.tensor(ids)
            if masks is not None:
                sample.prompts.masks = masks
        return sample

    return make


class Dictated:
    """A tiny model whose scores, boxes and masks are given, so that the arithmetic of a step can be told exactly."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.cls, self.loc = torch.zeros(1, 10, 25, 25), torch.zeros(1, 20, 25, 25)
        self.mask = torch.zeros(127, 127)
        model.respond = self._respond
        if model.refine_head is not None:
            model.refine_head.masks = lambda skips, correlation, cells: self.mask.expand(len(cells), -1, -1)
        elif model.mask_head is not None:
            model.mask_head.masks = lambda correlation, cells: self.mask.expand(len(cells), -1, -1)

    def _respond(self, kernels: dict, images: torch.Tensor) -> Responses:
        count = len(images)
        cls, loc = self.cls.expand(count, -1, -1, -1), self.loc.expand(count, -1, -1, -1)
        return Responses(cls, loc, torch.zeros(count, 8, 31, 31), (), torch.zeros(count, 8, 25, 25))


@pytest.fixture
def dictated(build_siammask: Callable[..., Any]) -> Callable[..., Dictated]:
    """``dictated(kind, **changes)`` wraps a tiny model as :class:`Dictated`."""
    return lambda kind='sharp', **changes: Dictated(build_siammask(kind, **changes))
