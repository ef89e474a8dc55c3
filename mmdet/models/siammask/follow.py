"""One step: where N targets are in the next frame, computed together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmdet.models.siammask.candidates import Candidates, rank_candidates
from mmdet.models.siammask.crops import Image, context_side, mean_colour, square_crop
from mmdet.models.siammask.placing import PlacedMask, place
from mmdet.models.siammask.responses import Responses
from mmdet.models.siammask.search import SearchArea
from mmdet.models.siammask.target import Kernels, ObjectPrompt, Target, split_kernels
from mmdet.models.video.session import copy_together

if TYPE_CHECKING:
    from mmdet.models.siammask.model import SiamMask


@dataclass(frozen=True)
class Found:
    """What was found of N targets in a frame of H x W pixels.

    Attributes:
        centres, sizes: (N, 2) float64 in pixels of the frame, not limited to it.
        scores: (N,) probability of the chosen anchor.
        best: (N,) index of the chosen anchor.
        masks: values in the frame; None where the model makes no masks.
    """

    centres: NDArray[np.float64]
    sizes: NDArray[np.float64]
    scores: NDArray[np.float64]
    best: NDArray[np.int64]
    masks: list[PlacedMask] | None

    @classmethod
    def joined(cls, parts: Sequence[Found]) -> Found:
        """Parts one after the other, all with masks or all without."""
        masks = [part.masks for part in parts if part.masks is not None]
        return cls(
            np.concatenate([part.centres for part in parts]),
            np.concatenate([part.sizes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.best for part in parts]),
            list(chain.from_iterable(masks)) if masks else None,
        )


@torch.no_grad()
def start_targets(model: SiamMask, image: Image, prompts: list[ObjectPrompt]) -> list[Target]:
    """Begin to follow N objects, marked in one frame (H, W, 3), at most ``max_batch`` templates in one pass."""
    colour, side = mean_colour(image), model.geometry.template
    corners = np.stack([prompt.bbox for prompt in prompts])
    centres, sizes = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    squares = np.round(context_side(sizes, model.options.context_amount)).astype(int)
    crops = np.stack([square_crop(image, c, max(int(s), 1), side, colour) for c, s in zip(centres, squares)])
    step = model.options.max_batch
    parts = [model.encode_templates(network_input(model, crops[i : i + step])) for i in range(0, len(crops), step)]
    kernels = [own for part in parts for own in split_kernels(part)]
    rows = zip(prompts, centres, sizes, kernels)
    return [Target(prompt.instance_id, centre, size, colour, own) for prompt, centre, size, own in rows]


def network_input(model: SiamMask, crops: Image) -> Tensor:
    """Crops (N, S, S, 3) uint8 RGB as the network wants them: (N, 3, S, S) on its device."""
    return model.data_preprocessor([torch.from_numpy(crops).permute(0, 3, 1, 2)])[0]


@torch.no_grad()
def follow(model: SiamMask, image: Image, targets: list[Target], kernels: Kernels) -> Found:
    """Look for N >= 1 targets in a frame (H, W, 3), at most ``max_batch`` of them in one pass of their search crops.

    Args:
        model: its weights and options.
        image: RGB.
        targets: where they were last; not changed.
        kernels: theirs, stacked.
    """
    step = model.options.max_batch
    parts = [
        _follow_batch(model, image, targets[i : i + step], {name: part[i : i + step] for name, part in kernels.items()})
        for i in range(0, len(targets), step)
    ]
    return parts[0] if len(parts) == 1 else Found.joined(parts)


def _follow_batch(model: SiamMask, image: Image, targets: list[Target], kernels: Kernels) -> Found:
    """All targets in one pass, with one transfer back."""
    area = SearchArea.around(targets, model.geometry, model.options.context_amount)
    response = model.respond(kernels, network_input(model, area.crops(image, targets)))
    cells, device = response.cls.shape[-1], response.cls.device
    anchors, window = model.anchors.grid(cells).to(device), model.anchors.window(cells).to(device)
    sizes = torch.from_numpy(area.sizes_in_crop).to(device)
    candidates = rank_candidates(response.cls, response.loc, sizes, anchors, window, model.options)
    best = candidates.ranks.argmax(1)
    masks = predict_masks(model, response, candidates, best)
    numbers = copy_together([best, *candidates.at(best), *([] if masks is None else [masks])])
    chosen, scores, boxes, penalties, *grids = (tensor.numpy() for tensor in numbers)
    boxes, scores, penalties = (part.astype(np.float64) for part in (boxes, scores, penalties))
    moved = area.moved(boxes, scores, penalties, model.options)
    placed = _place(model, area, chosen, cells, grids[0], image.shape[:2]) if grids else None
    return Found(*moved, scores, chosen, placed)


def predict_masks(model: SiamMask, response: Responses, candidates: Candidates, best: Tensor) -> Tensor | None:
    """Mask values (N, S, S) of the chosen anchors: of their cells' windows, or with a second stage of whole crops."""
    if response.correlation is None:
        return None
    if model.stage2_head is not None:
        rows = candidates.ranks.topk(model.stage2_head.num_votes, 1).indices
        boxes = candidates.boxes.gather(1, rows[..., None].expand(-1, -1, 4))
        side, half = model.geometry.search, boxes[..., 2:] / 2
        centre = boxes[..., :2] + (side - 1) / 2
        corners = torch.cat([centre - half, centre + half], -1)
        return model.stage2_head.vote(response.search, response.correlation, corners, side)
    cells = _cells(best, response.cls.shape[-1])
    if model.refine_head is not None:
        return model.refine_head.masks(response.skips, response.correlation, cells).sigmoid()
    return model.mask_head.masks(response.correlation, cells).sigmoid()


def _cells(best: Tensor, cells: int) -> Tensor:
    """(N, 3) index, row and column of anchors that are counted anchor outermost."""
    inner = best % cells**2
    return torch.stack([torch.arange(len(best), device=best.device), inner // cells, inner % cells], 1)


def _place(
    model: SiamMask,
    area: SearchArea,
    best: NDArray[np.int64],
    cells: int,
    grids: NDArray[np.float32],
    shape: tuple[int, int],
) -> list[PlacedMask]:
    inner = best % cells**2
    whole = model.stage2_head is not None
    squares = area.crop_squares() if whole else area.mask_squares(inner // cells, inner % cells, cells)
    return [place(grid, left, top, side, *shape) for grid, (left, top, side) in zip(grids, squares.tolist())]
