"""What a point track head looks at on one instance: its points with their attention, and the points around it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from mmdet.errors import ConfigError
from mmdet.models import Clip, PointTrackHead
from mmdet.models.track_heads.points.regions import find_regions
from mmdet.models.track_heads.points.sampling import NOTHING, OFFSET_UNIT, OTHER_CLASS, SAME_CLASS, PointSet
from mmdet.structures import InstanceData
from mmdet.visualization.colours import RGB
from mmdet.visualization.contact_sheet import contact_sheet

__all__ = ['PointsView', 'draw_points', 'look_at_points']

WIDTH = 480  # pixels of a tile
KIND_COLOURS: dict[int, RGB] = {0: (90, 160, 255), OTHER_CLASS: (255, 200, 60), SAME_CLASS: (255, 80, 80)}
MARGIN = 4  # pixels of the frame around the window


@dataclass(frozen=True)
class PointsView:
    """Points of one instance, in pixels of the resized frame.

    Attributes:
        window: x1 y1 x2 y2 that context points come from.
        foreground: (P, 2) x, y.
        weights: (P,) attention; together 1.
        context: (C, 2) x, y.
        kinds: (C,) what each belongs to.
        wins: (C,) channels whose maximum the point holds.
    """

    window: tuple[float, float, float, float]
    foreground: np.ndarray
    weights: np.ndarray
    context: np.ndarray
    kinds: np.ndarray
    wins: np.ndarray


@torch.no_grad()
def look_at_points(head: PointTrackHead, clip: Clip, index: int, detections: InstanceData, row: int) -> PointsView:
    """Run a head on the detections of frame ``index`` and keep what it saw of the one in ``row``.

    Raises:
        ConfigError: the model has no point track head, or there is no such row, or its mask is empty.
    """
    if not isinstance(head, PointTrackHead):
        raise ConfigError('this model has no PointTrackHead to look at; choose a pointtrack config')
    if not 0 <= row < len(detections.bboxes):
        raise ConfigError(f'there is no instance {row}; the frame has {len(detections.bboxes)}, counted from 0')
    points = head.points_of(clip, index, detections)
    result = head.describe(points)
    masks = detections.masks.to_dense()
    regions = find_regions(masks, head.compat)
    if not regions.counts[row]:
        raise ConfigError(f'the mask of instance {row} is empty')
    height, width = clip.samples[index].img_shape
    scale = np.array([width / masks.shape[2], height / masks.shape[1]] * 2)
    mean = regions.means()[row].cpu().numpy() * scale[[1, 0]]
    wins = np.bincount(result.winners[row].cpu().numpy(), minlength=head.sampler.num_context)
    window = regions.windows[row].cpu().numpy() * scale
    return PointsView(
        window=(window[0], window[1], window[2], window[3]),
        foreground=_places(points.foreground, row, mean),
        weights=result.weights[row].cpu().numpy(),
        context=_places(points.context, row, mean),
        kinds=points.context.kinds[points.context.members[row]].cpu().numpy(),
        wins=wins,
    )


def _places(points: PointSet, row: int, mean: np.ndarray) -> np.ndarray:
    """(P, 2) x, y of an instance's drawn points."""
    offsets = points.drawn(points.values[:, 3:])[row].cpu().numpy()  # rows and columns
    return (offsets * OFFSET_UNIT + mean)[:, ::-1]


def draw_points(frame: np.ndarray, view: PointsView, title: str = '') -> np.ndarray:
    """Three tiles: the window, the points on the instance by attention, and those around it by what they belong to.

    Args:
        frame: (h, w, 3) uint8 RGB, resized as the model saw it.
        view: of :func:`look_at_points`.
        title: a line of text on top.
    """
    x1, y1 = (max(int(view.window[i]) - MARGIN, 0) for i in (0, 1))
    x2, y2 = int(np.ceil(view.window[2])) + MARGIN, int(np.ceil(view.window[3])) + MARGIN
    crop = frame[y1:y2, x1:x2]
    scale = WIDTH / crop.shape[1]
    shown = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    origin = np.array([x1, y1])
    tiles = [shown, _foreground(shown // 2, view, origin, scale), _context(shown // 2, view, origin, scale)]
    top = view.weights.max() * len(view.weights)
    captions = [
        'the instance and its surroundings',
        f'points on it: bright has most attention ({top:.1f} times the mean)',
        'around it: blue background, red same class, yellow other',
    ]
    return contact_sheet([tiles], [captions], title, tile_width=WIDTH)


def _pixel(place: np.ndarray, origin: np.ndarray, scale: float) -> tuple[int, int]:
    x, y = (place - origin + 0.5) * scale
    return round(float(x)), round(float(y))


def _foreground(canvas: np.ndarray, view: PointsView, origin: np.ndarray, scale: float) -> np.ndarray:
    grey = (view.weights / view.weights.max() * 255).astype(np.uint8)
    colours = cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO).reshape(-1, 3)[:, ::-1]
    for k in np.argsort(view.weights):  # the strongest on top
        cv2.circle(canvas, _pixel(view.foreground[k], origin, scale), 3, colours[k].tolist(), -1, cv2.LINE_AA)
    return canvas


def _context(canvas: np.ndarray, view: PointsView, origin: np.ndarray, scale: float) -> np.ndarray:
    for k in np.argsort(view.wins):
        if view.kinds[k] == NOTHING:
            continue
        radius = 2 + round(float(np.sqrt(view.wins[k])) * 2)
        colour = KIND_COLOURS[int(view.kinds[k])]
        cv2.circle(canvas, _pixel(view.context[k], origin, scale), radius, colour, -1, cv2.LINE_AA)
        if view.wins[k]:
            cv2.circle(canvas, _pixel(view.context[k], origin, scale), radius, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas
