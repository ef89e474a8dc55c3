"""Regions of the VOT benchmark: polygons of four corners, their files, and the box that a tracker starts from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmdet.errors import DataError
from mmdet.geometry import polygon_to_box

__all__ = ['box_polygon', 'initial_box', 'polygon_bounds', 'read_regions']


def box_polygon(x: float, y: float, w: float, h: float) -> np.ndarray:
    """Corners (4, 2) of an annotated box: top left, bottom left, bottom right, top right, of the last pixels."""
    right, bottom = x + w - 1, y + h - 1
    return np.array([[x, y], [x, bottom], [right, bottom], [right, y]], dtype=np.float64)


def polygon_bounds(polygon: np.ndarray) -> np.ndarray:
    """Smallest upright box x1 y1 x2 y2 around corners (..., 4, 2): (..., 4)."""
    return np.concatenate([polygon.min(-2), polygon.max(-2)], axis=-1)


def initial_box(region: Sequence[float]) -> tuple[float, float, float, float]:
    """Upright box (centre x, centre y, width, height) from which a tracker starts on an annotated region.

    Of a polygon (8 numbers) it is that of :func:`~mmdet.geometry.polygon_to_box`, of a box (x, y, w, h) the box itself.
    This is how the programs of the SiamRPN family start in VOT.

    Raises:
        DataError: neither 4 nor 8 numbers.
    """
    if len(region) == 4:
        x, y, w, h = region
        return x + w / 2, y + h / 2, w, h
    if len(region) != 8:
        raise DataError(f'a region has 4 or 8 numbers, got {len(region)}')
    x1, y1, x2, y2 = polygon_to_box(region)
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def read_regions(path: str | Path) -> list[list[float]]:
    """Rows of 4 or 8 numbers of a ground truth file.

    Raises:
        DataError: missing, empty, or a line that is none; the line is named.
    """
    try:
        lines = Path(path).read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'{path}: cannot read the ground truth: {error}') from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = [float(word) for word in line.replace('\t', ',').split(',')]
        except ValueError:
            row = []
        if len(row) not in (4, 8) or not np.isfinite(row).all():
            found = line.strip()
            raise DataError(f'{path}, line {number}: a region is 4 or 8 finite numbers with commas, got {found!r}')
        rows.append(row)
    if not rows:
        raise DataError(f'{path}: the ground truth is empty')
    return rows
