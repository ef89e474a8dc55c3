"""A video at a glance: a few of its frames, evenly spaced, in one picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from mmdet.errors import DataError
from mmdet.visualization.colours import RGB
from mmdet.visualization.text import draw_text, text_size

__all__ = ['contact_sheet', 'evenly_spaced', 'write_image']

PAPER: RGB = (250, 250, 250)
INK: RGB = (40, 40, 40)
GAP = 8  # pixels between tiles
FONT = 14


def evenly_spaced(length: int, count: int) -> list[int]:
    """Indices of at most ``count`` of ``length`` frames: the first, the last and those between, none twice."""
    if length <= 0 or count <= 0:
        return []
    return sorted({int(i) for i in np.linspace(0, length - 1, min(count, length)).round()})


def contact_sheet(
    rows: Sequence[Sequence[np.ndarray]],
    captions: Sequence[Sequence[str]] | None = None,
    title: str = '',
    tile_width: int = 320,
) -> np.ndarray:
    """One picture of several frames.

    Args:
        rows: tiles of each row from left to right, (H, W, 3) uint8 RGB of any sizes; rows may differ in length.
        captions: a line of text under each tile, in the shape of ``rows``.
        title: a line of text on top.
        tile_width: width of a tile in pixels; heights follow the frames' aspect.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        DataError: there is no tile, or captions that do not go with the tiles.
    """
    if not any(len(row) for row in rows):
        raise DataError('a contact sheet needs at least one frame')
    if captions is not None and [len(row) for row in captions] != [len(row) for row in rows]:
        raise DataError('a contact sheet needs one caption for every tile, row by row')
    texts = captions if captions is not None else [[''] * len(row) for row in rows]
    tiles = [[_tile(image, text, tile_width) for image, text in zip(*row)] for row in zip(rows, texts)]
    width = max(len(row) for row in tiles) * (tile_width + GAP) + GAP
    strips = [_strip(row, width) for row in tiles if row]
    if title:
        strips.insert(0, _line(title, width, 18, GAP))
    return np.concatenate([*strips, _blank(GAP, width)])


def write_image(path: str | Path, image: np.ndarray) -> Path:
    """Write (H, W, 3) uint8 RGB as PNG or JPEG, by the suffix; the file appears only when complete.

    Raises:
        DataError: it cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f'.{path.stem}.{os.getpid()}.partial{path.suffix}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        encoded, data = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        if not encoded:
            raise DataError(f'{path}: OpenCV cannot encode this picture')
        partial.write_bytes(data.tobytes())
        os.replace(partial, path)
    except cv2.error as error:
        raise DataError(f"{path}: '{path.suffix}' is no picture format that OpenCV writes; use .png or .jpg") from error
    except OSError as error:
        raise DataError(f'{path}: cannot write the picture: {error.strerror}') from error
    finally:
        with suppress(OSError):
            partial.unlink()
    return path


def _tile(image: np.ndarray, caption: str, width: int) -> np.ndarray:
    height = max(round(image.shape[0] * width / image.shape[1]), 1)
    method = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_CUBIC
    tile = cv2.resize(image, (width, height), interpolation=method)
    return np.concatenate([tile, _line(caption, width, FONT, 0)]) if caption else tile


def _strip(tiles: Sequence[np.ndarray], width: int) -> np.ndarray:
    strip = _blank(GAP + max(tile.shape[0] for tile in tiles), width)
    x = GAP
    for tile in tiles:
        strip[GAP : GAP + tile.shape[0], x : x + tile.shape[1]] = tile
        x += tile.shape[1] + GAP
    return strip


def _line(text: str, width: int, size: int, indent: int) -> np.ndarray:
    line = _blank(text_size(text, size)[1] + 6, width)
    draw_text(line, text, indent, 4, size, INK)
    return line


def _blank(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), PAPER, dtype=np.uint8)
