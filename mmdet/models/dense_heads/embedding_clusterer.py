"""Pixels that vote for their object's centre, gathered into objects."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from mmdet.errors import ConfigError
from mmdet.models.embedding_maps import EmbeddingMaps, precision
from mmdet.registry import MODELS

__all__ = ['Clusters', 'EmbeddingClusterer']

TAKEN = -1.0  # below every seed value
CHECK_EVERY = 8  # steps on a GPU between two looks at whether all images are done; a step too many changes nothing


@dataclass
class Clusters:
    """Objects of one image.

    Attributes:
        masks: (N, H, W) bool, in the order in which they were found; none is empty.
        labels: (N,) int64 class.
        scores: (N,) float32 in [0, 1].
    """

    masks: Tensor
    labels: Tensor
    scores: Tensor


@dataclass
class _Pixels:
    """Candidate pixels of G maps in reading order, each row filled up to the longest: (G, F) each.

    ``place`` is the pixel's index in its map, ``scale`` what squared distances from it are multiplied by.
    """

    votes: tuple[Tensor, Tensor]
    scale: tuple[Tensor, Tensor]
    seeds: Tensor
    place: Tensor
    present: Tensor

    def axes(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Votes and scales along x, then along y."""
        return zip(self.votes, self.scale)


@MODELS.register_module()
class EmbeddingClusterer:
    """Greedy: the free pixel with the highest seed takes all pixels whose vote is near its own, again and again.

    All images of a chunk (and, with ``compat``, all classes) take their steps together, on candidate pixels only.

    ``compat`` does as the published program: one run per seed map, a later object overwrites an earlier one, and the
    size that counts is that of the proposal, so that an object can end up smaller than ``min_pixels`` or vanish; sizes
    and shares must be greater than their limits. ``default`` runs once over the highest seed of all classes, so that
    no pixel has two objects of different classes; an object gets the free pixels of its proposal, keeps them, and has
    at least ``min_pixels`` of them; its class is the one with the highest mean seed inside the mask.

    Args:
        mode: see above.
        seed_threshold: smallest seed value (0 to 1) that starts an object.
        min_pixels: size below which nothing is an object.
        foreground: a pixel is a candidate where its seed is greater.
        closeness: a candidate belongs to a proposal where its closeness to the starting pixel is greater.
        free_share: a proposal is an object where more than this share of it is free.
        max_seeds: proposals tried per image, best first; None tries all. Keeps an untrained network from trying
            thousands of tiny ones. ``compat`` tries all whatever it is, as published.
        over_classes: what ``default`` takes for a pixel's seed where there are several classes: ``highest``, or the
            ``sum`` (a score is at most 1). A pixel that two classes share half and half is half a seed of either and a
            whole one of their sum; that asks for maps of which one answers to an object (``weigh_other_classes`` of
            the loss).
        refine: with ``default``, take the mean vote and bandwidth of a proposal's free pixels, as training does, and
            gather the pixels near that, instead of those near what one pixel says.

    Raises:
        ConfigError: a limit outside its range.
    """

    def __init__(
        self,
        mode: Literal['default', 'compat'] = 'default',
        seed_threshold: float = 0.5,
        min_pixels: int = 128,
        foreground: float = 0.5,
        closeness: float = 0.5,
        free_share: float = 0.5,
        max_seeds: int | None = 1000,
        over_classes: Literal['highest', 'sum'] = 'highest',
        refine: bool = False,
    ) -> None:
        if mode not in ('default', 'compat'):
            raise ConfigError(f"EmbeddingClusterer(mode) is 'default' or 'compat', got {mode!r}")
        if over_classes not in ('highest', 'sum'):
            raise ConfigError(f"EmbeddingClusterer(over_classes) is 'highest' or 'sum', got {over_classes!r}")
        if mode == 'compat' and (refine or over_classes != 'highest'):
            raise ConfigError(
                "EmbeddingClusterer(mode='compat') clusters as published, without refine and over_classes; leave them "
                "out, or set mode='default'"
            )
        shares = dict(seed_threshold=seed_threshold, foreground=foreground, free_share=free_share)
        for name, value in shares.items():
            if not 0 <= value <= 1:
                raise ConfigError(f'EmbeddingClusterer({name}) lies between 0 and 1, got {value}')
        if not 0 < closeness < 1 or min_pixels < 1 or (max_seeds is not None and max_seeds < 1):
            raise ConfigError(
                f'EmbeddingClusterer needs closeness inside (0, 1), min_pixels and max_seeds of at least 1, got '
                f'{closeness}, {min_pixels} and {max_seeds}'
            )
        self.mode, self.seed_threshold, self.min_pixels = mode, seed_threshold, min_pixels
        self.foreground, self.free_share = foreground, free_share
        self.max_seeds = None if mode == 'compat' else max_seeds
        self.over_classes, self.refine = over_classes, refine
        self.reach = -math.log(closeness)  # squared distance at which closeness has fallen to its limit

    @torch.no_grad()
    def __call__(self, maps: EmbeddingMaps) -> list[Clusters]:
        """Objects of each of the T images."""
        seeds = maps.seeds.sigmoid()
        return self._per_class(maps, seeds) if self.mode == 'compat' else self._all_classes(maps, seeds)

    def _per_class(self, maps: EmbeddingMaps, seeds: Tensor) -> list[Clusters]:
        frames, classes = seeds.shape[:2]
        repeat = torch.arange(frames, device=seeds.device).repeat_interleave(classes)
        ids = self.label_maps(maps.votes[repeat], maps.sigmas[repeat], seeds.flatten(0, 1))
        found = []
        for frame in range(frames):
            parts = [_masks_of(part) for part in ids[frame * classes : (frame + 1) * classes]]
            peaks = [(part * seeds[frame, label]).amax((1, 2)) for label, part in enumerate(parts)]
            labels = [part.new_full((len(part),), label, dtype=torch.int64) for label, part in enumerate(parts)]
            found.append(Clusters(torch.cat(parts), torch.cat(labels), torch.cat(peaks)))
        return found

    def _all_classes(self, maps: EmbeddingMaps, seeds: Tensor) -> list[Clusters]:
        joined = seeds.amax(1) if self.over_classes == 'highest' else seeds.sum(1)
        ids = self.label_maps(maps.votes, maps.sigmas, joined)  # beyond 1 the order of seeds still tells the middle
        joined = joined.clamp(max=1)
        return [_classified(_masks_of(part), seed, peak) for part, seed, peak in zip(ids, seeds, joined)]

    def label_maps(self, votes: Tensor, sigmas: Tensor, seeds: Tensor) -> Tensor:
        """(G, H, W) int64 maps of object numbers from 1 in the order of finding, 0 elsewhere.

        Args:
            votes, sigmas: (G, 2, H, W) and (G, S, H, W), see :class:`EmbeddingMaps`.
            seeds: (G, H, W) from 0; pixels join objects in falling order.
        """
        ids = torch.zeros(seeds.shape, dtype=torch.int64, device=seeds.device)
        # A GPU waits for launches, so all maps step together; a CPU for memory, so it takes the short way through each.
        rows = [slice(None)] if seeds.is_cuda else [slice(row, row + 1) for row in range(len(seeds))]
        for row in rows:
            pixels = self._candidates(votes[row], sigmas[row], seeds[row])
            if pixels is not None:
                # padding points at pixel 0 and carries 0, so it must not replace what a real pixel wrote there
                ids[row].flatten(1).scatter_reduce_(1, pixels.place, self._grow(pixels).long(), 'amax')
        return ids

    def _candidates(self, votes: Tensor, sigmas: Tensor, seeds: Tensor) -> _Pixels | None:
        """Pixels above the foreground limit; None where there are none."""
        seeds = seeds.flatten(1)
        row, place = (seeds > self.foreground).nonzero(as_tuple=True)
        if len(row) == 0:
            return None
        counts = row.bincount(minlength=len(seeds))
        column = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row]
        length = int(counts.max())

        def rows_of(values: Tensor, padding: float = 0) -> Tensor:
            return values.new_full((len(seeds), length), padding).index_put_((row, column), values)

        flat_votes, flat_sigmas = votes.flatten(2), sigmas.flatten(2)
        scale = [precision(flat_sigmas[row, axis, place]) for axis in range(flat_sigmas.shape[1])]
        return _Pixels(
            votes=(rows_of(flat_votes[row, 0, place]), rows_of(flat_votes[row, 1, place])),
            scale=(rows_of(scale[0]), rows_of(scale[-1])),
            seeds=rows_of(seeds[row, place], TAKEN),
            place=rows_of(place),
            present=rows_of(torch.ones_like(row, dtype=torch.bool)),
        )

    def _grow(self, pixels: _Pixels) -> Tensor:
        """Object number (G, F) of every candidate, 0 for none."""
        free, waiting = pixels.present.clone(), pixels.seeds.clone()  # waiting: seeds of free pixels, TAKEN elsewhere
        ids = torch.zeros_like(pixels.place, dtype=torch.int32)
        found = ids.new_zeros(len(ids), 1)
        limit = ids.shape[1] if self.max_seeds is None else min(self.max_seeds, ids.shape[1])
        for step in range(limit):
            best = waiting.argmax(1, keepdim=True)  # the first pixel of equal ones, in reading order
            alive = waiting.gather(1, best) >= self.seed_threshold  # (G, 1)
            alive &= self._enough(free.sum(1, keepdim=True))
            if (step % CHECK_EVERY == 0 or not ids.is_cuda) and not alive.any():
                break
            near = self._near(pixels, best, free) & alive
            start = near.new_zeros(near.shape).scatter_(1, best, alive)
            fresh = near & free
            if self.mode == 'compat':  # the published program takes the starting pixel away before it counts
                fresh &= ~start
            accepted = self._accepted(near.sum(1, keepdim=True), fresh.sum(1, keepdim=True))
            found += accepted
            ids = torch.where((near if self.mode == 'compat' else fresh) & accepted, found, ids)
            near |= start  # a vote that is not a number is not even near itself, and must not come again
            free &= ~near
            waiting.masked_fill_(near, TAKEN)
        return ids

    def _near(self, pixels: _Pixels, best: Tensor, free: Tensor) -> Tensor:
        """The proposal (G, F) of the pixels ``best`` (G, 1)."""
        centre = [(votes.gather(1, best), scale.gather(1, best)) for votes, scale in pixels.axes()]
        near = self._within(pixels, centre)
        if not self.refine:
            return near
        members = near & free
        centre = [(_mean(votes, members), _mean(scale.log(), members).exp()) for votes, scale in pixels.axes()]
        return self._within(pixels, centre) & members.any(1, keepdim=True)

    def _within(self, pixels: _Pixels, centre: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Candidates (G, F) near places (G, 1), given as vote and scale along x and y."""
        x, y = ((votes - place).square_().mul_(scale) for votes, (place, scale) in zip(pixels.votes, centre))
        return (x.add_(y) < self.reach) & pixels.present

    def _enough(self, count: Tensor) -> Tensor:
        return count > self.min_pixels if self.mode == 'compat' else count >= self.min_pixels

    def _accepted(self, size: Tensor, fresh: Tensor) -> Tensor:
        enough = self._enough(size if self.mode == 'compat' else fresh)
        return enough & (fresh > self.free_share * size)


def _mean(values: Tensor, members: Tensor) -> Tensor:
    """Mean (G, 1) of those values (G, F) that belong to ``members``; 0 of none."""
    return torch.where(members, values, 0).sum(1, keepdim=True) / members.sum(1, keepdim=True).clamp(min=1)


def _masks_of(ids: Tensor) -> Tensor:
    """Masks (N, H, W) of the numbers that an (H, W) map holds, in their order."""
    numbers = ids.unique()
    return ids == numbers[numbers > 0][:, None, None]


def _classified(masks: Tensor, seeds: Tensor, joined: Tensor) -> Clusters:
    """Class and score of each mask from the seeds (C, H, W) inside it and those of all classes ``joined`` (H, W).

    The class has the highest mean; the score is the highest joined seed, times the share of the class's mean in the
    sum over classes.
    """
    inside = masks.flatten(1).to(seeds.dtype)
    means = inside @ seeds.flatten(1).T / inside.sum(1).clamp(min=1)[:, None]  # (N, C)
    best, labels = means.max(1)
    peaks = (inside * joined.flatten()).amax(1)
    return Clusters(masks, labels, peaks * best / means.sum(1).clamp(min=1e-6))
