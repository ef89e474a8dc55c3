"""What a calibration head does at one point: where it looks for it in a reference frame, and what it samples there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from mmdet.errors import ConfigError
from mmdet.models import CorrelationCalibrationHead, VideoInstanceSegmenter
from mmdet.ops.correlation import displacements
from mmdet.visualization.colours import RGB
from mmdet.visualization.contact_sheet import contact_sheet

__all__ = ['CalibrationView', 'draw_calibration', 'look_at']

WHITE: RGB = (255, 255, 255)
BLACK: RGB = (0, 0, 0)
WIDTH = 640  # pixels of a tile
ARROWS = 28  # per row of the frame, at most


@dataclass(frozen=True)
class CalibrationView:
    """One position of one pyramid level, in pixels of the resized frame.

    Attributes:
        point: x, y of the centre of the position's cell.
        window: (P, P, 2) x, y of the reference's cells that the position was compared with.
        similarities: (P, P) how similar they are.
        samples: (9, 2) x, y of what the deformable convolution samples there.
        field: (H, W, 4) x, y of every cell's centre, and where its middle tap samples.
    """

    point: np.ndarray
    window: np.ndarray
    similarities: np.ndarray
    samples: np.ndarray
    field: np.ndarray


@torch.no_grad()
def look_at(
    model: VideoInstanceSegmenter, frames: Tensor, point: tuple[float, float], level: int = 1
) -> CalibrationView:
    """Run the calibration head on a frame and a reference.

    Args:
        model: with a :class:`CorrelationCalibrationHead`.
        frames: (2, 3, h, w) uint8 RGB, resized: the frame and its reference.
        point: x, y in pixels of the resized frame.
        level: pyramid level, finest is 0.

    Raises:
        ConfigError: the model has no such head, or the level or the point does not exist.
    """
    head = model.calibration_head
    if not isinstance(head, CorrelationCalibrationHead):
        raise ConfigError('this model has no CorrelationCalibrationHead to look at; choose a cmasktrack config')
    images = model.data_preprocessor([frames])[0]
    pyramid = model.detector.extract_feat(images)
    levels = range(len(pyramid)) if head.levels is None else head.levels
    if level not in levels:
        raise ConfigError(f'level {level} of the pyramid is not calibrated; these are: {", ".join(map(str, levels))}')
    height, width = frames.shape[-2:]
    if not (0 <= point[0] < width and 0 <= point[1] < height):
        raise ConfigError(f'the point {point} is outside of the resized frame, which is {width} x {height} pixels')
    own, reference = pyramid[level][:1], pyramid[level][1:]
    stride = images.shape[-1] / own.shape[-1]
    x, y = int(point[0] / stride), int(point[1] / stride)
    shifts = np.array(displacements(head.patch_size, head.dilation_patch, head.window))
    similarities = head.similarities(own, reference)[0, :, :, y, x]
    places = _sampling_places(head.offsets(own, reference)[0].float().cpu().numpy())  # (H, W, 9, 2), cells
    window = np.stack(np.meshgrid(x + shifts, y + shifts), -1)
    field = np.concatenate([_centres(*places.shape[:2]), places[:, :, 4]], -1)
    used = slice(int(np.ceil(height / stride))), slice(int(np.ceil(width / stride)))  # without padding
    return CalibrationView(
        point=(np.array([x, y]) + 0.5) * stride,
        window=(window + 0.5) * stride,
        similarities=similarities.float().cpu().numpy(),
        samples=(places[y, x] + 0.5) * stride,
        field=(field[used] + 0.5) * stride,
    )


def _centres(height: int, width: int) -> np.ndarray:
    """(H, W, 2) x, y of every cell, in cells."""
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)


def _sampling_places(offsets: np.ndarray) -> np.ndarray:
    """Offsets (18, H, W) of a 3x3 kernel -> x, y that its taps sample, (H, W, 9, 2), in cells."""
    moved = offsets.reshape(9, 2, *offsets.shape[1:])[:, ::-1].transpose(2, 3, 0, 1)  # (H, W, 9, xy)
    taps = np.array([(k % 3 - 1, k // 3 - 1) for k in range(9)])
    return _centres(*offsets.shape[1:])[:, :, None] + taps + moved


def draw_calibration(frame: np.ndarray, reference: np.ndarray, view: CalibrationView, title: str = '') -> np.ndarray:
    """Four tiles: the point, where it is looked for and sampled, the similarities alone, and all offsets.

    Args:
        frame, reference: (h, w, 3) uint8 RGB, resized as the model saw them.
        view: of :func:`look_at`.
        title: a line of text on top.
    """
    scale = WIDTH / frame.shape[1]
    heat = _heat(view.similarities)
    rows = [
        [_point(frame, view, scale), _search(reference, view, heat, scale)],
        [cv2.resize(heat, (WIDTH, WIDTH * frame.shape[0] // frame.shape[1]), interpolation=cv2.INTER_NEAREST),
         _field(frame, view, scale)],
    ]  # fmt: skip
    low, high = view.similarities.min(), view.similarities.max()
    captions = [
        ['frame and point', 'reference: cells compared, and the nine that are sampled (white)'],
        [f'similarities, {low:.2g} (dark) to {high:.2g} (bright)', 'where cells sample the reference (middle tap)'],
    ]
    return contact_sheet(rows, captions, title, tile_width=WIDTH)


def _heat(values: np.ndarray) -> np.ndarray:
    """(P, P) -> (P, P, 3) uint8 RGB, dark to bright."""
    span = max(float(np.ptp(values)), 1e-12)
    grey = ((values - values.min()) / span * 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO)[..., ::-1])


def _enlarged(image: np.ndarray, scale: float) -> np.ndarray:
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)


def _pixel(place: np.ndarray, scale: float) -> tuple[int, int]:
    return round(float(place[0]) * scale), round(float(place[1]) * scale)


def _point(frame: np.ndarray, view: CalibrationView, scale: float) -> np.ndarray:
    canvas = _enlarged(frame, scale)
    for radius, colour in ((9, BLACK), (7, WHITE)):
        cv2.circle(canvas, _pixel(view.point, scale), radius, colour, 2, cv2.LINE_AA)
    return canvas


def _search(reference: np.ndarray, view: CalibrationView, heat: np.ndarray, scale: float) -> np.ndarray:
    canvas = _enlarged(reference, scale) // 2  # marks stand out on a darker frame
    for place, colour in zip(view.window.reshape(-1, 2), heat.reshape(-1, 3)):
        cv2.circle(canvas, _pixel(place, scale), 4, colour.tolist(), -1, cv2.LINE_AA)
    for place in view.samples:
        for thickness, ink in ((3, BLACK), (1, WHITE)):
            cv2.drawMarker(canvas, _pixel(place, scale), ink, cv2.MARKER_CROSS, 12, thickness, cv2.LINE_AA)
    return canvas


def _field(frame: np.ndarray, view: CalibrationView, scale: float) -> np.ndarray:
    canvas = _enlarged(frame, scale) // 2
    step = max(view.field.shape[1] // ARROWS, 1)
    for here_x, here_y, there_x, there_y in view.field[step // 2 :: step, step // 2 :: step].reshape(-1, 4):
        start, end = _pixel(np.array([here_x, here_y]), scale), _pixel(np.array([there_x, there_y]), scale)
        cv2.arrowedLine(canvas, start, end, WHITE, 1, cv2.LINE_AA, tipLength=0.3)
    return canvas
