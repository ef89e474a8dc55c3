"""Draws points on instances and around them, and gives each its colour, its place and what it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from mmdet.models.track_heads.points.regions import Regions, find_regions

BACKGROUND, OTHER_CLASS, SAME_CLASS, NOTHING = range(4)  # what a context point can be; NOTHING: there is no such point
OFFSET_UNIT = 128.0  # pixels that an offset of 1 stands for
DRAWS = 2**62


class PointSet(NamedTuple):
    """Points of N instances, P each; drawn with replacement, so the same one may stand for several.

    Attributes:
        values: (K, 5) three colours in [0, 1], row and column offset from the instance's mean in units of 128 pixels.
        kinds: (K,) what each belongs to.
        members: (N, P) row of ``values`` of each drawn point.
        distinct: whether ``values`` holds every pixel once. Otherwise row ``n * P + p`` is point p of instance n.
    """

    values: Tensor
    kinds: Tensor
    members: Tensor
    distinct: bool

    def drawn(self, rows: Tensor) -> Tensor:
        """Features (K, C) of the rows as those of the drawn points, (N, P, C)."""
        return rows[self.members] if self.distinct else rows.view(*self.members.shape, rows.shape[-1])

    @staticmethod
    def cat(parts: Sequence[PointSet]) -> PointSet:
        """Points of several frames as one set."""
        shifts = [0, *torch.tensor([len(part.values) for part in parts]).cumsum(0).tolist()]
        return PointSet(
            torch.cat([part.values for part in parts]),
            torch.cat([part.kinds for part in parts]),
            torch.cat([part.members + shift for part, shift in zip(parts, shifts)]),
            parts[0].distinct,
        )


@dataclass(frozen=True)
class InstancePoints:
    """What is known of N instances before a network sees them.

    Attributes:
        foreground, context: points on the instances and around them.
        bboxes: (N, 4) float32 x1 y1 x2 y2 around each mask, right and bottom exclusive, in pixels of the full frame.
        frame_sizes: (N, 2) float32 width and height of that frame.
    """

    foreground: PointSet
    context: PointSet
    bboxes: Tensor
    frame_sizes: Tensor

    def __len__(self) -> int:
        return len(self.bboxes)

    @staticmethod
    def cat(parts: Sequence[InstancePoints]) -> InstancePoints:
        """Instances of several frames, in order."""
        return InstancePoints(
            PointSet.cat([part.foreground for part in parts]),
            PointSet.cat([part.context for part in parts]),
            torch.cat([part.bboxes for part in parts]),
            torch.cat([part.frame_sizes for part in parts]),
        )


class FrameView(NamedTuple):
    """One frame as points are drawn from it.

    Attributes:
        image: (3, h, w) uint8 RGB, without padding.
        masks: (N, H, W) bool; H and W may differ from h and w, where the frame was resized and its masks were not.
        labels: (N,) class of each.
        window: x, y, width, height: where the image lies in its full frame, in pixels of the image; None: it is all.
        owner_labels: classes of the instances whose points are drawn, where those are not all; None: ``labels``.
    """

    image: Tensor
    masks: Tensor
    labels: Tensor
    window: tuple[float, float, float, float] | None = None
    owner_labels: Tensor | None = None

    @property
    def frame(self) -> tuple[float, float, float, float] | None:
        """``window`` in pixels of the masks."""
        if self.window is None:
            return None
        down, right = self.scale
        x, y, width, height = self.window
        return x / right, y / down, width / right, height / down

    @property
    def scale(self) -> tuple[float, float]:
        """Rows and columns of the image per row and column of the masks."""
        return self.image.shape[1] / self.masks.shape[1], self.image.shape[2] / self.masks.shape[2]


class PointSampler:
    """Draws points uniformly and with replacement: on each mask, and in its enlarged box outside of the mask.

    Args:
        num_foreground, num_context: points of an instance.
        compat: what weights of PointTrack's published program need: colours in the order blue, green, red, and its
            crop arithmetic (see :func:`find_regions`).
    """

    def __init__(self, num_foreground: int, num_context: int, compat: bool = False) -> None:
        self.num_foreground, self.num_context, self.compat = num_foreground, num_context, compat

    def draw(
        self, view: FrameView, generator: torch.Generator, rows: Tensor | None = None, distinct: bool = False
    ) -> InstancePoints:
        """Points of the N instances of a frame.

        Args:
            view: the frame.
            generator: on the CPU. What it gives to an instance depends on nothing but the instance's place.
            rows: (R,) the instances wanted; the others are their surroundings. None takes all.
            distinct: list every pixel once; a network then computes less and gives the same.
        """
        regions = find_regions(view.masks if rows is None else view.masks[rows], self.compat, view.frame)
        view = view._replace(owner_labels=view.labels if rows is None else view.labels[rows])
        total = self.num_foreground + self.num_context
        numbers = torch.randint(DRAWS, (len(regions.counts), total), generator=generator).to(view.masks.device)
        foreground, context = numbers.split([self.num_foreground, self.num_context], 1)
        foreground = foreground % regions.counts.clamp(min=1)[:, None]
        context = context % regions.context_counts.clamp(min=1)[:, None]
        return self.points_at(view, regions, foreground, context, distinct)

    def points_at(
        self, view: FrameView, regions: Regions, foreground: Tensor, context: Tensor, distinct: bool = False
    ) -> InstancePoints:
        """Points given by their numbers (N, P) among an instance's pixels and (N, C) among those around it."""
        return InstancePoints(
            self._foreground(view, regions, foreground, distinct),
            self._context(view, regions, context, distinct),
            *_boxes_in_frame(view, regions),
        )

    def _foreground(self, view: FrameView, regions: Regions, draws: Tensor, distinct: bool) -> PointSet:
        owner = _owners(draws)
        if not len(regions.rows):  # nothing but empty masks
            return _nothing(draws, distinct)
        places = (regions.starts[:, None] + draws).clamp(max=len(regions.rows) - 1)
        rows, columns = regions.rows[places], regions.columns[places]
        kinds = torch.where(regions.counts > 0, BACKGROUND, NOTHING)[owner]
        return self._described(view, regions, _Drawn(owner, rows, columns, kinds), distinct)

    def _context(self, view: FrameView, regions: Regions, draws: Tensor, distinct: bool) -> PointSet:
        owner = _owners(draws)
        exists = ((regions.context_counts > 0) & (regions.counts > 0))[owner]
        if not draws.numel() or not len(regions.rows):
            return _nothing(draws, distinct)
        rows, columns = regions.context_pixels(draws)
        height, width = view.masks.shape[1:]
        rows, columns = rows.clamp(max=height - 1), columns.clamp(max=width - 1)  # of windows without free pixels
        kinds = torch.where(exists, BACKGROUND, NOTHING)
        return self._described(view, regions, _Drawn(owner, rows, columns, kinds), distinct, neighbours=True)

    def _described(
        self, view: FrameView, regions: Regions, drawn: _Drawn, distinct: bool, neighbours: bool = False
    ) -> PointSet:
        shape = drawn.rows.shape
        drawn, members = _distinct(drawn, view.masks.shape[1:]) if distinct else (drawn.flat(), _identity(drawn.rows))
        values = torch.cat([self._colours(view, drawn), self._offsets(view, regions, drawn)], 1)
        values = torch.where((drawn.kinds == NOTHING)[:, None], 0.0, values)
        kinds = _kinds(view, drawn) if neighbours else drawn.kinds
        return PointSet(values, kinds, members.view(shape), distinct)

    def _colours(self, view: FrameView, drawn: _Drawn) -> Tensor:
        """(K, 3) in [0, 1]."""
        height, width = view.masks.shape[1:]
        rows = drawn.rows * view.image.shape[1] // height
        columns = drawn.columns * view.image.shape[2] // width
        colours = view.image[:, rows, columns].T.float() / 255
        return colours.flip(1) if self.compat else colours

    def _offsets(self, view: FrameView, regions: Regions, drawn: _Drawn) -> Tensor:
        """(K, 2) row and column from the instance's mean, in pixels of the image that the network was trained on."""
        places = torch.stack([drawn.rows, drawn.columns], 1) - regions.means()[drawn.owner]
        return places * places.new_tensor(view.scale) / OFFSET_UNIT


class _Drawn(NamedTuple):
    """Drawn points: whose, where, and whether they exist; all of one shape."""

    owner: Tensor
    rows: Tensor
    columns: Tensor
    kinds: Tensor

    def flat(self) -> _Drawn:
        return _Drawn(*(value.flatten() for value in self))


def _owners(draws: Tensor) -> Tensor:
    return torch.arange(len(draws), device=draws.device)[:, None].expand_as(draws)


def _identity(like: Tensor) -> Tensor:
    return torch.arange(like.numel(), device=like.device)


def _nothing(draws: Tensor, distinct: bool) -> PointSet:
    """Points where no instance has any pixel."""
    count = min(draws.numel(), 1) if distinct else draws.numel()
    members = torch.zeros_like(draws) if distinct else _identity(draws).view(draws.shape)
    kinds = torch.full((count,), NOTHING, device=draws.device)
    return PointSet(torch.zeros(count, 5, device=draws.device), kinds, members, distinct)


def _distinct(drawn: _Drawn, size: Sequence[int]) -> tuple[_Drawn, Tensor]:
    """Every drawn pixel once, and which of them each drawn point is."""
    height, width = size
    flat = drawn.flat()
    # a point that does not exist has no place, so that all of an instance are one
    exists = flat.kinds != NOTHING
    place = torch.where(exists, flat.rows * width + flat.columns, height * width)
    keys, members = torch.unique(flat.owner * (height * width + 1) + place, return_inverse=True)
    owner, place = keys // (height * width + 1), keys % (height * width + 1)
    kinds = torch.where(place < height * width, BACKGROUND, NOTHING)
    place = place.clamp(max=height * width - 1)
    return _Drawn(owner, place // width, place % width, kinds), members


def _kinds(view: FrameView, drawn: _Drawn) -> Tensor:
    """What each point around an instance belongs to, (K,)."""
    covered = view.masks[:, drawn.rows, drawn.columns]  # (N, K)
    owners = view.labels if view.owner_labels is None else view.owner_labels
    same = view.labels[:, None] == owners[drawn.owner][None]
    kinds = torch.where(covered.any(0), OTHER_CLASS, BACKGROUND)
    kinds = torch.where((covered & same).any(0), SAME_CLASS, kinds)
    return torch.where(drawn.kinds == NOTHING, NOTHING, kinds)


def _boxes_in_frame(view: FrameView, regions: Regions) -> tuple[Tensor, Tensor]:
    """Boxes (N, 4) in pixels of the full frame as large as the image shows it, and its width and height (N, 2)."""
    scale_y, scale_x = view.scale
    x, y, width, height = view.window or (0.0, 0.0, float(view.image.shape[2]), float(view.image.shape[1]))
    bboxes = regions.bboxes.float()
    bboxes = bboxes * bboxes.new_tensor([scale_x, scale_y] * 2) + bboxes.new_tensor([x, y] * 2)
    return bboxes, bboxes.new_tensor([width, height]).expand(len(bboxes), 2)
