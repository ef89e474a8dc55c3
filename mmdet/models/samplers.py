"""Which assigned boxes a loss looks at: a seeded random subset with a share of positives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmdet.models.assigners import BACKGROUND
from mmdet.registry import MODELS


@dataclass
class SampledRoIs:
    """The boxes of one image that a head trains on, positives first.

    Attributes:
        bboxes: (R, 4) boxes in resized pixels.
        gt_inds: (P,) ground truth index of each positive, P <= R.
        labels: (R,) class of each box; the number of classes (background) for negatives.
    """

    bboxes: Tensor
    gt_inds: Tensor
    labels: Tensor

    @property
    def num_positives(self) -> int:
        """P, the number of leading rows that belong to an object."""
        return len(self.gt_inds)

    @property
    def positive_bboxes(self) -> Tensor:
        """(P, 4) boxes that belong to an object."""
        return self.bboxes[: self.num_positives]


@MODELS.register_module()
class RandomSampler:
    """Draw at most ``num`` boxes, at most ``pos_fraction`` of them positive; negatives fill the rest.

    Args:
        num: boxes per image.
        pos_fraction: largest share of positives.
        add_gt_as_proposals: let the ground truth boxes themselves be drawn as positives.
    """

    def __init__(self, num: int, pos_fraction: float, add_gt_as_proposals: bool = False) -> None:
        self.num, self.pos_fraction, self.add_gt_as_proposals = num, pos_fraction, add_gt_as_proposals

    def sample(self, assigned: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Indices of the drawn positives and negatives of an assignment (N,); ``generator`` lives on the CPU."""
        positives = self._draw(torch.nonzero(assigned >= 0).flatten(), int(self.num * self.pos_fraction), generator)
        negatives = torch.nonzero(assigned == BACKGROUND).flatten()
        return positives, self._draw(negatives, self.num - len(positives), generator)

    @staticmethod
    def _draw(candidates: Tensor, count: int, generator: torch.Generator) -> Tensor:
        if len(candidates) <= count:
            return candidates
        order = torch.randperm(len(candidates), generator=generator)[:count]
        return candidates[order.to(candidates.device)]


def sampling_generator(sample_seed: int, purpose: int) -> torch.Generator:
    """Generator for one image and one purpose; the same on any process, device and batch layout."""
    return torch.Generator().manual_seed((sample_seed * 1_000_003 + purpose) % (2**63))
