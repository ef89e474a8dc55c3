"""Cut-outs: textured pictures with an alpha channel, of the labelled shapes and of what stands before them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdet.datasets.shapes import textures

SUPERSAMPLING = 4
SMALLEST_LEVEL = 16
SHADOW_REACH = 1.25  # the shadow's picture is wider than the outline's, as its edge is blurred outwards


@dataclass(frozen=True)
class Appearance:
    """What an object looks like apart from its outline; equal appearances give equal textures.

    Attributes:
        pattern: name of a texture of :data:`textures.PATTERNS`.
        seed: drives the random numbers of the texture.
        colours: (3, 3) RGB in [0, 255], laid over the texture from dark to light.
        aspect: width over height before rotation.
        shear: horizontal shift per height.
        rim: strength of a darker border, 0 for none.
    """

    pattern: str
    seed: int
    colours: NDArray[np.float32]
    aspect: float
    shear: float
    rim: float

    @property
    def distortion(self) -> NDArray[np.float64]:
        """(2, 2) matrix that turns the unit outline into the object's own proportions."""
        root = math.sqrt(self.aspect)
        return np.array([[root, self.shear], [0.0, 1 / root]])


@dataclass(frozen=True)
class Sprite:
    """A cut-out at several resolutions.

    Attributes:
        levels: RGBA pictures (S, S, 4) float32 from large to small, each half the size of the one before; colours in
            [0, 255] multiplied by alpha, alpha in [0, 1]. The circle inscribed in the picture is the unit circle.
        shadow: blurred alpha (S', S') float32; the unit circle touches the picture's border at ``SHADOW_REACH``.
        distortion: (2, 2) matrix from the unit outline to the object's proportions.
    """

    levels: list[NDArray[np.float32]]
    shadow: NDArray[np.float32]
    distortion: NDArray[np.float64]

    def level_for(self, radius: float) -> NDArray[np.float32]:
        """The smallest picture that still has a pixel for every pixel of a circle of ``radius``."""
        fitting = [level for level in self.levels if len(level) >= 2 * radius * 0.9]
        return fitting[-1] if fitting else self.levels[0]


def outline(name: str) -> list[NDArray[np.float64]]:
    """Polygons (V, 2) of a shape inside the unit circle, y down; a second polygon is a hole."""
    if name == 'disc':
        return [_regular(96) * 0.92]
    if name == 'ring':
        return [_regular(96) * 0.97, _regular(96) * 0.5]
    if name == 'square':
        return [_regular(4, turn=0.125)]
    if name == 'triangle':
        return [_regular(3)]
    if name == 'star':
        points = np.empty((10, 2))
        points[0::2], points[1::2] = _regular(5), _regular(5, turn=0.1) * 0.45
        return [points]
    if name == 'cross':
        long, short = 0.94, 0.3
        corner = [(short, -long), (short, -short), (long, -short)]
        turns = [np.array([[0, -1], [1, 0]]) @ np.array(corner).T]
        for _ in range(3):
            turns.append(np.array([[0, -1], [1, 0]]) @ turns[-1])
        return [np.concatenate([t.T for t in turns])]
    raise KeyError(name)


def outline_alpha(polygons: list[NDArray[np.float64]], size: int, rounding: float = 0.03) -> NDArray[np.float32]:
    """Anti-aliased picture (size, size) of polygons in the unit circle, with corners rounded a little."""
    big = size * SUPERSAMPLING
    canvas = np.zeros((big, big), np.uint8)
    half = big / 2 * (size - 2) / size  # one pixel of air, so that the border of the picture is transparent
    points = [np.round((p * half + (big - 1) / 2) * 16).astype(np.int32) for p in polygons]
    cv2.fillPoly(canvas, points, 255, lineType=cv2.LINE_8, shift=4)  # even-odd: the second polygon is a hole
    blurred = cv2.GaussianBlur(canvas, (0, 0), max(rounding * big / 2, 0.5), borderType=cv2.BORDER_CONSTANT)
    rounded = np.clip((blurred.astype(np.float32) - 127.5) * 40 + 127.5, 0, 255).astype(np.uint8)
    return cv2.resize(rounded, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def make_sprite(alpha: NDArray[np.float32], look: Appearance) -> Sprite:
    """Paint ``look`` into the outline ``alpha`` (S, S), with shading towards the border."""
    rng = np.random.default_rng(look.seed)
    shape = (alpha.shape[0], alpha.shape[1])
    colour = textures.colourise(textures.PATTERNS[look.pattern](rng, shape), look.colours)
    grain = 1 + 0.3 * (textures.fractal_noise(rng, shape, 12, octaves=3) - 0.5)
    colour = np.clip(colour * (grain * _bevel(alpha, look.rim))[..., None], 0, 255)
    rgba = np.dstack([colour * alpha[..., None], alpha]).astype(np.float32)
    return Sprite(_pyramid(rgba), _shadow(alpha), look.distortion)


def _regular(corners: int, turn: float = 0.0) -> NDArray[np.float64]:
    """Corners of a regular polygon in the unit circle, the first one at the top, turned by ``turn`` turns."""
    angles = 2 * np.pi * (np.arange(corners) / corners + turn)
    return np.stack([np.sin(angles), -np.cos(angles)], axis=1)


def _bevel(alpha: NDArray[np.float32], rim: float) -> NDArray[np.float32]:
    """Brightness (S, S) that falls off towards the outline, so that a flat cut-out looks solid."""
    inside = cv2.distanceTransform((alpha > 0.5).astype(np.uint8), cv2.DIST_L2, 3) / len(alpha)
    shade = 0.78 + 0.3 * np.clip(inside / 0.14, 0, 1)
    return np.where(inside < 0.03, shade * (1 - rim), shade).astype(np.float32)


def _shadow(alpha: NDArray[np.float32], size: int = 64) -> NDArray[np.float32]:
    small = cv2.resize(alpha, (size, size), interpolation=cv2.INTER_AREA)
    margin = int(size * (SHADOW_REACH - 1) / 2)
    padded = cv2.copyMakeBorder(small, margin, margin, margin, margin, cv2.BORDER_CONSTANT)
    return cv2.GaussianBlur(padded, (0, 0), 0.04 * size)


def _pyramid(rgba: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    levels = [rgba]
    while len(levels[-1]) // 2 >= SMALLEST_LEVEL:
        half = len(levels[-1]) // 2
        levels.append(cv2.resize(levels[-1], (half, half), interpolation=cv2.INTER_AREA))
    return levels
