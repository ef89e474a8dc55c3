from __future__ import annotations

import cv2
import numpy as np
import pytest

from mmdet.visualization.colours import NO_IDENTITY, PALETTE, identity_colour, readable_on


@pytest.mark.parametrize(
    ('identity', 'colour'),
    [
        pytest.param(0, (0xF5, 0x55, 0x42), id='first'),
        pytest.param(1, (0x10, 0xFB, 0x4A), id='second'),
        pytest.param(47, (0x99, 0xE8, 0x9B), id='last of the table'),
        pytest.param(48, (0xF5, 0x55, 0x42), id='table begins again'),
        pytest.param(10**12, PALETTE[10**12 % 48], id='large annotation id'),
        pytest.param(-1, NO_IDENTITY, id='no identity'),
    ],
)
def test_an_identity_has_one_colour_for_ever(identity: int, colour: tuple[int, int, int]) -> None:
    assert identity_colour(identity) == colour


@pytest.mark.parametrize(('count', 'distance'), [(8, 50), (16, 20), (48, 12)])
def test_colours_are_well_separated(count: int, distance: float) -> None:
    rgb = np.array(PALETTE[:count], dtype=np.float32)[None] / 255
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[0]
    between = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[~np.eye(count, dtype=bool)]
    assert between.min() > distance


@pytest.mark.parametrize('colour', [*PALETTE, NO_IDENTITY, (0, 0, 0), (255, 255, 255), (119, 119, 119)])
def test_text_on_a_colour_can_be_read(colour: tuple[int, int, int]) -> None:
    def luminance(rgb: tuple[int, int, int]) -> float:
        channels = np.array(rgb) / 255
        linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted([luminance(colour), luminance(readable_on(colour))])
    assert (high + 0.05) / (low + 0.05) >= 4.5  # WCAG 2, level AA
