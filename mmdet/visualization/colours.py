"""One colour per identity: the same in every frame, video, process and release."""

from __future__ import annotations

__all__ = ['NO_IDENTITY', 'PALETTE', 'RGB', 'identity_colour', 'readable_on']

RGB = tuple[int, int, int]

# Chosen by farthest-point sampling in OKLCH (lightness 0.60 to 0.86, chroma from 0.13 on), where distance is what the
# eye sees, so that neighbours in the list are far apart and none drowns in a dark or a white frame. Written out, not
# computed: rounding must not change anyone's colours.
_HEX = """
    f55542 10fb4a 2277fe e718f6 2c965d 44dbfb fdc94f fba6e8 a264b0 b88c19 26d18d 90a0f9
    f21891 9b47fb fb9355 acda42 10adda d67afc e373a2 86ae21 43f0cb 2d86c8 c3611b c734c0
    c5b346 4cd322 8277e8 c05b6e fa47cd 7e8814 37f695 1697fd ea1351 bc18f0 35a50e fb7ed6
    10ccc4 f9aa13 6d66fc e37c6c cb9af0 25b791 e4d605 c74899 f3740b 64baff 23bb5c 99e89b
"""
PALETTE: tuple[RGB, ...] = tuple((int(c[:2], 16), int(c[2:4], 16), int(c[4:], 16)) for c in _HEX.split())
NO_IDENTITY: RGB = (190, 190, 190)


def identity_colour(instance_id: int) -> RGB:
    """RGB colour of an identity. Identities 48 apart share one; negative ids are no identity and stay grey."""
    return PALETTE[instance_id % len(PALETTE)] if instance_id >= 0 else NO_IDENTITY


def readable_on(colour: RGB) -> RGB:
    """Black or white, whichever stands out more as text on ``colour`` (contrast ratio of WCAG 2)."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (0, 0, 0) if (luminance + 0.05) ** 2 > 1.05 * 0.05 else (255, 255, 255)
