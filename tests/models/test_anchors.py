"""Anchors on the cells of a pyramid."""

import pytest
import torch

from mmdet.geometry import BoxConvention
from mmdet.models.dense_heads.anchors import AnchorGenerator

STRIDE_4 = [[-21, -9, 25, 13], [-14, -14, 18, 18], [-9, -21, 13, 25]]  # wide, square, tall; exclusive corners
STRIDE_8 = [[-41, -19, 49, 27], [-28, -28, 36, 36], [-19, -41, 27, 49]]


def moved(boxes: list[list[int]], x: int, y: int) -> list[list[int]]:
    return [[x1 + x, y1 + y, x2 + x, y2 + y] for x1, y1, x2, y2 in boxes]


def test_legacy_grid_goes_row_by_row_with_all_shapes_of_a_cell_together() -> None:
    generator = AnchorGenerator(strides=(4, 8))
    fine, coarse = generator.grid([(2, 3), (1, 2)], BoxConvention('legacy'), torch.device('cpu'))
    cells = [(0, 0), (4, 0), (8, 0), (0, 4), (4, 4), (8, 4)]
    assert fine.tolist() == [box for cell in cells for box in moved(STRIDE_4, *cell)]
    assert coarse.tolist() == [*STRIDE_8, *moved(STRIDE_8, 8, 0)]


@pytest.mark.parametrize(
    ('scales', 'ratios', 'expected'),
    [
        pytest.param((1,), (1,), [[4, -4, 12, 4]], id='one'),
        pytest.param((1, 3), (1,), [[4, -4, 12, 4], [-4, -12, 20, 12]], id='two scales'),
        pytest.param((1, 2), (1, 4), [[4, -4, 12, 4], [0, -8, 16, 8], [6, -8, 10, 8], [4, -16, 12, 16]], id='ratios'),
    ],
)
def test_modern_anchors_of_the_second_cell(scales: tuple, ratios: tuple, expected: list[list[int]]) -> None:
    generator = AnchorGenerator(strides=(8,), scales=scales, ratios=ratios)
    (grid,) = generator.grid([(1, 2)], BoxConvention(), torch.device('cpu'))
    assert generator.num_anchors == len(expected)
    assert grid[len(expected) :].tolist() == expected
