"""Clips on their way into the network: padding, colours, batches of different sizes."""

from __future__ import annotations

import pytest
import torch

from mmdet.errors import ConfigError
from mmdet.models.preprocessor import VideoDataPreprocessor

ZERO_ONE = dict(mean=(0, 0, 0), std=(255, 255, 255))


@pytest.mark.parametrize(
    ('size', 'padded'),
    [((640, 360), (640, 384)), ((360, 360), (384, 384)), ((360, 640), (384, 640)), ((480, 360), (480, 384))],
    ids=lambda size: 'x'.join(map(str, size)),
)
def test_t2_multiples_of_32(size: tuple[int, int], padded: tuple[int, int]) -> None:
    """Sizes are (width, height), as frames have them after resizing into 640 x 360."""
    (width, height), (full_width, full_height) = size, padded
    clip = torch.full((2, 3, height, width), 255, dtype=torch.uint8)
    (out,) = VideoDataPreprocessor()([clip])
    assert out.shape == (2, 3, full_height, full_width)
    expected = (255 - torch.tensor([123.675, 116.28, 103.53])) / torch.tensor([58.395, 57.12, 57.375])
    torch.testing.assert_close(out[:, :, :height, :width], expected.view(3, 1, 1).expand(2, 3, height, width))
    assert not out[:, :, height:].any() and not out[..., width:].any()  # zeros after normalising, not black


def test_a_batch_has_the_size_of_its_largest_clip() -> None:
    clips = [torch.full((1, 3, *size), 255, dtype=torch.uint8) for size in ((10, 40), (33, 8))]
    out = VideoDataPreprocessor(**ZERO_ONE)(clips)
    assert out.shape == (2, 1, 3, 64, 64)
    assert out.sum((1, 3, 4)).tolist() == [[400.0] * 3, [264.0] * 3]
    assert out[0, 0, :, :10, :40].eq(1).all() and out[1, 0, :, :33, :8].eq(1).all()


def test_edges_may_be_repeated() -> None:
    clip = torch.arange(4, dtype=torch.uint8).view(1, 1, 2, 2).expand(1, 3, 2, 2) * 51
    out = VideoDataPreprocessor(**ZERO_ONE, pad_size_divisor=3, pad_mode='edge')([clip])
    torch.testing.assert_close(out[0, 0, 0] * 5, torch.tensor([[0.0, 1, 1], [2, 3, 3], [2, 3, 3]]))


def test_statistics_follow_the_order_of_colours() -> None:
    red = torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1)
    out = VideoDataPreprocessor((1, 2, 3), (1, 1, 1), 'bgr', pad_size_divisor=1)([red])
    assert out.flatten().tolist() == [-1, -2, 252]


@pytest.mark.parametrize('options', [dict(channel_order='rbg'), dict(pad_mode='mirror')], ids=str)
def test_unknown_choices(options: dict) -> None:
    with pytest.raises(ConfigError, match='does not exist; use'):
        VideoDataPreprocessor(**options)
