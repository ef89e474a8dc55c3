"""What the network says about search crops."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mmdet.structures import Features


@dataclass(frozen=True)
class Responses:
    """Maps of N search crops, n = 25 cells per side for crops of 255 pixels.

    Attributes:
        cls: (N, 2A, n, n) logits, all background ones first.
        loc: (N, 4A, n, n) deltas: dx of all anchors, then dy, dw, dh.
        search: (N, C, 31, 31) features.
        skips: maps of stem, first and second stage, for the refine head.
        correlation: (N, C, n, n) of the mask head, or (N, C, 31, 31) of the second stage; None without either.
    """

    cls: Tensor
    loc: Tensor
    search: Tensor
    skips: Features
    correlation: Tensor | None
