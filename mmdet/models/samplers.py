"""Which assigned boxes a loss looks at: a seeded random subset with a share of positives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmdet.errors import ConfigError
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
        max_per_object: most positives of one object, so that an object that many boxes overlap does not crowd out
            others, and costs no more than they do. None: no limit.

    Raises:
        ConfigError: a limit below 1.
    """

    def __init__(
        self, num: int, pos_fraction: float, add_gt_as_proposals: bool = False, max_per_object: int | None = None
    ) -> None:
        if max_per_object is not None and max_per_object < 1:
            raise ConfigError(f'max_per_object must be at least 1 or None, got {max_per_object}')
        self.num, self.pos_fraction, self.add_gt_as_proposals = num, pos_fraction, add_gt_as_proposals
        self.max_per_object = max_per_object

    def sample(self, assigned: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Indices of the drawn positives and negatives of an assignment (N,); ``generator`` lives on the CPU."""
        candidates = torch.nonzero(assigned >= 0).flatten()
        if self.max_per_object is not None:
            candidates = _some_of_each(candidates, assigned[candidates], self.max_per_object, generator)
        positives = self._draw(candidates, int(self.num * self.pos_fraction), generator)
        negatives = torch.nonzero(assigned == BACKGROUND).flatten()
        return positives, self._draw(negatives, self.num - len(positives), generator)

    @staticmethod
    def _draw(candidates: Tensor, count: int, generator: torch.Generator) -> Tensor:
        if len(candidates) <= count:
            return candidates
        order = torch.randperm(len(candidates), generator=generator)[:count]
        return candidates[order.to(candidates.device)]


def _some_of_each(rows: Tensor, objects: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """At most ``count`` random ``rows`` (N,) of each of their ``objects`` (N,)."""
    shuffled = torch.randperm(len(rows), generator=generator).to(rows.device)
    by_object = shuffled[torch.argsort(objects[shuffled], stable=True)]  # random within each object
    starts = torch.searchsorted(objects[by_object], objects[by_object])  # where each row's object begins
    place = torch.arange(len(rows), device=rows.device) - starts
    return rows[by_object[place < count]]


def sampling_generator(sample_seed: int, purpose: int) -> torch.Generator:
    """Generator for one image and one purpose; the same on any process, device and batch layout."""
    return torch.Generator().manual_seed((sample_seed * 1_000_003 + purpose) % (2**63))
