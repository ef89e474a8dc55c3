"""From the response of the anchors to the box that a target is believed to have now."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmdet.models.siammask.options import TrackingOptions

MAX_LOG_RATIO = 10.0  # far beyond any object; a model that has learnt nothing gets finite sizes


@dataclass(frozen=True)
class Candidates:
    """All anchors' boxes of N targets, M = A * n * n each, anchor outermost, then row, then column.

    Attributes:
        scores: (N, M) probability that the anchor is the target.
        boxes: (N, M, 4) centre x, centre y, width, height in pixels of the search crop, relative to its middle.
        penalties: (N, M) in (0, 1], for changes of size and shape.
        ranks: (N, M) what the best is chosen by.
    """

    scores: Tensor
    boxes: Tensor
    penalties: Tensor
    ranks: Tensor

    def at(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores (N,), boxes (N, 4) and penalties (N,) of one candidate per target."""
        index = torch.arange(len(rows), device=rows.device)
        return self.scores[index, rows], self.boxes[index, rows], self.penalties[index, rows]


def decode(loc: Tensor, anchors: Tensor) -> Tensor:
    """Boxes (N, M, 4) of deltas (N, 4A, n, n) at anchors (M, 4), all as centre and size."""
    deltas = loc.reshape(len(loc), 4, -1).transpose(1, 2)
    sizes = deltas[..., 2:].clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp() * anchors[:, 2:]
    return torch.cat([deltas[..., :2] * anchors[:, 2:] + anchors[:, :2], sizes], -1)


def target_probability(cls: Tensor) -> Tensor:
    """(N, M) softmax probability of the target class of (N, 2A, n, n) logits."""
    return cls.reshape(len(cls), 2, -1).softmax(1)[:, 1]


def penalty(boxes: Tensor, sizes: Tensor, penalty_k: float) -> Tensor:
    """(N, M) exp(-k (change of size * change of aspect - 1)), SiamRPN (CVPR 2018).

    Args:
        boxes: (N, M, 4) centre and size.
        sizes: (N, 2) width and height that the targets had, in the same pixels.
        penalty_k: k.
    """
    width, height = boxes[..., 2], boxes[..., 3]
    old_width, old_height = sizes[:, None, 0], sizes[:, None, 1]
    size_change = _change(_padded_side(width, height) / _padded_side(old_width, old_height))
    aspect_change = _change((old_width / old_height) / (width / height))
    return (-(size_change * aspect_change - 1) * penalty_k).exp()


def _padded_side(width: Tensor, height: Tensor) -> Tensor:
    margin = (width + height) / 2
    return ((width + margin) * (height + margin)).sqrt()


def _change(ratio: Tensor) -> Tensor:
    return torch.maximum(ratio, 1 / ratio)


def rank_candidates(
    cls: Tensor, loc: Tensor, sizes: Tensor, anchors: Tensor, window: Tensor, options: TrackingOptions
) -> Candidates:
    """Score every anchor of N targets.

    Args:
        cls: (N, 2A, n, n) logits, all background ones first.
        loc: (N, 4A, n, n) deltas.
        sizes: (N, 2) width and height of the targets in pixels of the search crop.
        anchors: (M, 4) around 0.
        window: (M,) that prefers the middle.
        options: ``penalty_k`` and ``window_influence`` are used.
    """
    scores, boxes = target_probability(cls), decode(loc, anchors)
    penalties = penalty(boxes, sizes.to(boxes), options.penalty_k)
    ranks = penalties * scores * (1 - options.window_influence) + window * options.window_influence
    return Candidates(scores, boxes, penalties, ranks)
