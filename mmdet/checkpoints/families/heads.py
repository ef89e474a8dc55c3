"""Changes of class heads between 'background first' (2019 programs, torchvision) and ours, background last.

Classification keeps the background row and moves it. Box deltas and mask logits of the background mean nothing and are
left out. Weight and bias change at the same end, or every class would answer for its neighbour.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmdet.checkpoints.families.base import Change

BOX_CODE = 4


def _drop_first(block: int) -> Change:
    def apply(tensor: Tensor) -> Tensor:
        return tensor[block:] if len(tensor) > block else tensor  # one block only: class-agnostic, no background

    def undo(tensor: Tensor) -> Tensor:
        return torch.cat([tensor.new_zeros(block, *tensor.shape[1:]), tensor]) if len(tensor) > block else tensor

    rows = 'row' if block == 1 else f'{block} rows'
    return Change(
        apply, undo, f'first {rows} (background) left out', f'{rows} of zeros for the background put first', True
    )


BACKGROUND_LAST = Change(
    apply=lambda tensor: tensor.roll(-1, dims=0),
    undo=lambda tensor: tensor.roll(1, dims=0),
    note='background row moved from first to last',
    undo_note='background row moved from last to first',
)
DROP_BACKGROUND_BOX = _drop_first(BOX_CODE)
DROP_BACKGROUND_MASK = _drop_first(1)
