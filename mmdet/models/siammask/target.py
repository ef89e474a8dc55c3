"""All that is remembered of one object that is followed; never part of the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmdet.errors import PromptError
from mmdet.structures import FrameSample, InstanceData

Kernels = dict[str, Tensor]
MOST_FRAMES = 4  # sides of the frame that a box may have; crops around larger ones would fill the memory


@dataclass(frozen=True)
class ObjectPrompt:
    """One object that a user marked in a frame.

    Attributes:
        instance_id: its identity.
        bbox: (4,) float64 x1 y1 x2 y2 in pixels of the frame.
        mask: (H, W) bool, None where only a box was given.
    """

    instance_id: int
    bbox: NDArray[np.float64]
    mask: NDArray[np.bool_] | None = None


@dataclass
class Target:
    """An object that is followed.

    Attributes:
        instance_id: its identity.
        centre: (2,) float64 x, y in pixels of the frame.
        size: (2,) float64 width, height.
        colour: (3,) uint8 of what lies outside the frame: the mean of the frame in which it was marked.
        kernels: by branch, (1, C, 5, 5), from the template; never updated.
    """

    instance_id: int
    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    colour: NDArray[np.uint8]
    kernels: Kernels


def stack_kernels(targets: list[Target]) -> Kernels:
    """Kernels of N targets by branch, (N, C, 5, 5)."""
    return {name: torch.cat([target.kernels[name] for target in targets]) for name in targets[0].kernels}


def split_kernels(kernels: Kernels) -> list[Kernels]:
    """Inverse of :func:`stack_kernels`: those of every object on its own."""
    count = len(next(iter(kernels.values())))
    return [{name: part[i : i + 1] for name, part in kernels.items()} for i in range(count)]


def prompts_of(sample: FrameSample) -> list[ObjectPrompt]:
    """The checked prompts of a frame, [] where there are none.

    Raises:
        PromptError: no identities, one twice, a box that is not finite, has no area, lies outside the frame or is
            many times as large, or a mask that is empty or of another size.
    """
    given = sample.get('prompts')
    if given is None or len(given.bboxes) == 0:
        return []
    where = f'video {sample.video_id}, frame {sample.frame_id}'
    if 'instance_ids' not in given:
        raise PromptError(f'{where}: prompts need instance_ids, one per object')
    height, width = sample.ori_shape
    boxes = np.asarray(given.bboxes, dtype=np.float64)
    ids = [int(i) for i in given.instance_ids]
    if len(set(ids)) != len(ids):
        raise PromptError(f'{where}: two prompts have the same identity ({ids}); give every object its own')
    masks = _masks(given) if 'masks' in given else [None] * len(ids)
    prompts = [ObjectPrompt(identity, box, mask) for identity, box, mask in zip(ids, boxes, masks)]
    for prompt in prompts:
        _check(prompt, int(height), int(width), f'{where}, object {prompt.instance_id}')
    return prompts


def _masks(given: InstanceData) -> list[NDArray[np.bool_] | None]:
    masks = given.masks.cpu().numpy() if isinstance(given.masks, Tensor) else np.asarray(given.masks)
    counts = given.has_mask.tolist() if 'has_mask' in given else [True] * len(masks)
    return [mask.astype(bool) if count else None for mask, count in zip(masks, counts)]


def _check(prompt: ObjectPrompt, height: int, width: int, where: str) -> None:
    x1, y1, x2, y2 = prompt.bbox.tolist()
    text = f'the box ({x1:g}, {y1:g}, {x2:g}, {y2:g})'
    if not np.isfinite(prompt.bbox).all():
        raise PromptError(f'{where}: {text} is not finite')
    if x2 <= x1 or y2 <= y1:
        raise PromptError(f'{where}: {text} has no area; it must be x1, y1, x2, y2 with x1 < x2 and y1 < y2')
    if x2 - x1 > MOST_FRAMES * width or y2 - y1 > MOST_FRAMES * height:
        raise PromptError(
            f'{where}: {text} is more than {MOST_FRAMES} times as large as the frame of {width} x {height} pixels'
        )
    if min(x2, width) - max(x1, 0) <= 0 or min(y2, height) - max(y1, 0) <= 0:
        raise PromptError(f'{where}: {text} lies outside the frame of {width} x {height} pixels')
    if prompt.mask is not None:
        if prompt.mask.shape != (height, width):
            size = ' x '.join(map(str, prompt.mask.shape))
            raise PromptError(f'{where}: the mask is {size} but the frame is {height} x {width} (height x width)')
        if not prompt.mask.any():
            raise PromptError(f'{where}: the mask is empty; leave the prompt out of frames without the object')
