"""Line plots of numbers as pictures, without a plotting library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmdet.errors import DataError
from mmdet.visualization.colours import RGB, identity_colour
from mmdet.visualization.contact_sheet import INK, PAPER, write_image
from mmdet.visualization.text import draw_text, text_size

__all__ = ['line_plot', 'write_line_plot']

GRID: RGB = (225, 225, 225)
FONT = 13
LEFT, RIGHT, TOP, BOTTOM = 60, 16, 34, 44  # margins in pixels
LEGEND_ROW = 18


@dataclass(frozen=True)
class _Frame:
    """Where the axes lie, and the ranges that they show."""

    width: int
    height: int
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def place(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Pixels (N, 2) of points."""
        across = (np.asarray(x, float) - self.x_range[0]) / max(self.x_range[1] - self.x_range[0], 1e-12)
        up = (np.asarray(y, float) - self.y_range[0]) / max(self.y_range[1] - self.y_range[0], 1e-12)
        columns = LEFT + across * (self.width - LEFT - RIGHT)
        rows = self.height - BOTTOM - up * (self.height - TOP - BOTTOM)
        return np.stack([columns, rows], 1)


def line_plot(
    series: Mapping[str, Sequence[float]],
    x: Sequence[float] | None = None,
    title: str = '',
    x_label: str = '',
    y_range: tuple[float, float] | None = None,
    x_names: Sequence[str] | None = None,
    size: tuple[int, int] = (800, 420),
) -> np.ndarray:
    """Lines over a common axis, with a legend; gaps where a value is not finite.

    Args:
        series: values by name, all of one length N.
        x: (N,) positions; None counts from 0.
        title: text on top.
        x_label: text under the axis.
        y_range: lowest and highest value shown; None takes those of the values.
        x_names: text of every position instead of its number.
        size: width and height in pixels without the legend.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        DataError: no values, or series of different lengths.
    """
    values = {name: np.asarray(list(numbers), dtype=float) for name, numbers in series.items()}
    lengths = {len(numbers) for numbers in values.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise DataError(f'a plot needs series of one length above 0, got lengths {sorted(lengths)}')
    positions = np.arange(lengths.pop(), dtype=float) if x is None else np.asarray(x, dtype=float)
    finite = np.concatenate([v[np.isfinite(v)] for v in values.values()])
    low, high = y_range or ((float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0))
    low, high = (low - 0.5, high + 0.5) if high <= low else (low, high)
    frame = _Frame(*size, (positions.min(), positions.max()), (low, high))
    canvas = np.full((size[1] + LEGEND_ROW * len(values), size[0], 3), PAPER, dtype=np.uint8)
    _draw_axes(canvas, frame, positions, x_names, x_label)
    draw_text(canvas, title, LEFT, 8, FONT + 2, INK)
    for row, (name, numbers) in enumerate(values.items()):
        _draw_series(canvas, frame.place(positions, numbers), identity_colour(row))
        _draw_legend(canvas, name, numbers, size[1] + row * LEGEND_ROW, identity_colour(row))
    return canvas


def write_line_plot(
    path: str | Path,
    series: Mapping[str, Sequence[float]],
    title: str = '',
    x_label: str = '',
    y_range: tuple[float, float] | None = None,
    x_names: Sequence[str] | None = None,
    x: Sequence[float] | None = None,
) -> Path:
    """Write :func:`line_plot` as a picture, by the suffix of ``path``; its path.

    Raises:
        DataError: nothing to plot, or the file cannot be written.
    """
    return write_image(path, line_plot(series, x, title, x_label, y_range, x_names))


def _draw_axes(
    canvas: np.ndarray, frame: _Frame, positions: np.ndarray, names: Sequence[str] | None, label: str
) -> None:
    for value in np.linspace(*frame.y_range, 6):
        (left, row), (right, _) = frame.place(np.array(frame.x_range), np.array([value, value])).round().astype(int)
        canvas[row, left : max(right, frame.width - RIGHT)] = GRID
        text = f'{value:.3g}'
        draw_text(canvas, text, LEFT - 8 - text_size(text, FONT)[0], row - 8, FONT, INK)
    shown = sorted({int(i) for i in np.linspace(0, len(positions) - 1, min(len(positions), 9)).round()})
    bottom = frame.height - BOTTOM
    for index in shown:
        column = int(frame.place(positions[index : index + 1], np.zeros(1))[0, 0])
        canvas[bottom : bottom + 5, column] = INK
        text = names[index] if names is not None else f'{positions[index]:g}'
        draw_text(canvas, text, max(column - text_size(text, FONT)[0] // 2, 0), bottom + 7, FONT, INK)
    canvas[bottom, LEFT : frame.width - RIGHT] = INK
    canvas[TOP:bottom, LEFT] = INK
    draw_text(canvas, label, (frame.width - text_size(label, FONT)[0]) // 2, bottom + 24, FONT, INK)


def _draw_series(canvas: np.ndarray, points: np.ndarray, colour: RGB) -> None:
    known = np.isfinite(points).all(1)
    runs = np.split(np.arange(len(points)), np.flatnonzero(np.diff(known.astype(int))) + 1)
    for run in runs:
        if not known[run[0]]:
            continue
        line = (points[run] * 16).round().astype(np.int32)  # four fractional bits
        cv2.polylines(canvas, [line[:, None]], False, colour, 2, cv2.LINE_AA, shift=4)
        if len(points) <= 40:
            for x, y in line.tolist():
                cv2.circle(canvas, (x, y), 3 * 16, colour, -1, cv2.LINE_AA, shift=4)


def _draw_legend(canvas: np.ndarray, name: str, values: np.ndarray, top: int, colour: RGB) -> None:
    canvas[top + 6 : top + 10, LEFT : LEFT + 24] = colour
    mean = f'  (mean {np.nanmean(values):.3f})' if np.isfinite(values).any() else ''
    draw_text(canvas, f'{name}{mean}', LEFT + 32, top, FONT, INK)
