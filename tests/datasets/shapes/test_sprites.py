from __future__ import annotations

import math

import numpy as np
import pytest

from mmdet.datasets.shapes import CLASSES, textures
from mmdet.datasets.shapes.sprites import Appearance, make_sprite, outline, outline_alpha

SIZE = 128


@pytest.mark.parametrize(
    ('name', 'area'),
    [
        ('disc', math.pi * 0.92**2),
        ('square', 2.0),
        ('triangle', 3 * math.sqrt(3) / 4),
        ('star', 5 * 0.45 * math.sin(math.pi / 5)),
        ('ring', math.pi * (0.97**2 - 0.5**2)),
        ('cross', 4 * 0.94 * 0.6 - 0.6**2),
    ],
)
def test_outline_has_the_area_of_its_formula(name: str, area: float) -> None:
    alpha = outline_alpha(outline(name), SIZE, rounding=0.0)
    half = (SIZE - 2) / 2
    assert alpha.sum() / half**2 == pytest.approx(area, rel=0.02)


def test_every_class_has_an_outline_that_leaves_the_border_clear() -> None:
    for name in CLASSES:
        alpha = outline_alpha(outline(name), SIZE)
        border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        assert border.max() == 0, name


def test_ring_has_a_hole_and_the_others_have_none() -> None:
    middles = {name: outline_alpha(outline(name), SIZE)[SIZE // 2, SIZE // 2] for name in CLASSES}
    assert middles.pop('ring') == 0
    assert set(middles.values()) == {1.0}


def _look(pattern: str = 'marble', seed: int = 1) -> Appearance:
    colours = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200]], np.float32)
    return Appearance(pattern, seed, colours, aspect=1.0, shear=0.0, rim=0.0)


@pytest.mark.parametrize('pattern', list(textures.PATTERNS))
def test_sprites_have_texture_and_colours_bounded_by_alpha(pattern: str) -> None:
    sprite = make_sprite(outline_alpha(outline('square'), SIZE), _look(pattern))
    for level in sprite.levels:
        colour, alpha = level[..., :3], level[..., 3:]
        assert level.dtype == np.float32
        assert alpha.min() >= 0 and alpha.max() <= 1
        assert np.all(colour <= 255 * alpha + 1e-3) and colour.min() >= 0
    inside = sprite.levels[0][40:88, 40:88, :3]
    assert inside.std(axis=(0, 1)).max() > 5


def test_same_seed_same_texture_other_seed_other_texture() -> None:
    alpha = outline_alpha(outline('disc'), SIZE)
    first, again, other = (make_sprite(alpha, _look(seed=s)).levels[0] for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(('radius', 'side'), [(500, 128), (70, 128), (60, 128), (30, 64), (3, 16)])
def test_small_objects_use_small_pictures(radius: float, side: int) -> None:
    sprite = make_sprite(outline_alpha(outline('disc'), SIZE), _look())
    assert len(sprite.level_for(radius)) == side


@pytest.mark.parametrize('cells', [1, 4, 50])
def test_noise_spans_zero_to_one(cells: float) -> None:
    field = textures.fractal_noise(np.random.default_rng(0), (37, 53), cells)
    assert field.shape == (37, 53)
    assert field.min() == 0 and field.max() == pytest.approx(1)


def test_colourise_passes_through_its_colours() -> None:
    colours = np.array([[0, 0, 0], [100, 50, 0], [200, 200, 200]], np.float32)
    painted = textures.colourise(np.array([[0.0, 0.5, 1.0]], np.float32), colours)
    assert np.allclose(painted[0], colours, atol=1.0)
