"""Pixels of instances and of the windows around them, against a loop over instances."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmdet.models.track_heads.points.regions import find_regions

Rectangle = tuple[int, int, int, int]  # first and last row, first and last column


def draw(rectangles: list[Rectangle], size: tuple[int, int]) -> torch.Tensor:
    masks = torch.zeros(len(rectangles), *size, dtype=torch.bool)
    for mask, (r0, r1, c0, c1) in zip(masks, rectangles):
        mask[r0 : r1 + 1, c0 : c1 + 1] = True
    return masks


@pytest.mark.parametrize(
    ('rectangle', 'ours', 'compat'),
    [
        ((100, 119, 200, 259), (96, 124, 188, 272), (96, 124, 188, 272)),
        ((0, 99, 0, 199), (0, 120, 0, 240), (0, 120, 0, 240)),
        ((300, 374, 1200, 1241), (285, 375, 1192, 1242), (285, 374, 1192, 1241)),
    ],
    ids=['T17: inside', 'top left', 'bottom right: the published program loses a row and a column'],
)
def test_windows(rectangle: Rectangle, ours: Rectangle, compat: Rectangle) -> None:
    masks = draw([rectangle], (375, 1242))
    for expected, flag in ((ours, False), (compat, True)):
        x1, y1, x2, y2 = find_regions(masks, flag).windows[0].tolist()
        assert (y1, y2, x1, x2) == expected


@pytest.mark.parametrize('compat', [False, True])
@pytest.mark.parametrize(
    ('rectangle', 'pixels'),
    [((19, 19, 3, 9), 7), ((2, 8, 29, 29), 7), ((19, 19, 29, 29), 1), ((0, 0, 0, 0), 1)],
    ids=['last row', 'last column', 'last pixel', 'first pixel'],
)
def test_t17_a_mask_at_the_border_keeps_its_pixels(rectangle: Rectangle, pixels: int, compat: bool) -> None:
    regions = find_regions(draw([rectangle, (5, 9, 5, 9)], (20, 30)), compat)
    assert regions.counts.tolist() == [pixels, 25]


def slow_context(mask: np.ndarray, window: list[int]) -> list[tuple[int, int]]:
    x1, y1, x2, y2 = window
    return [(r, c) for r in range(y1, y2) for c in range(x1, x2) if not mask[r, c]]


@pytest.mark.parametrize('compat', [False, True])
@pytest.mark.parametrize('seed', range(5))
def test_random_masks(seed: int, compat: bool) -> None:
    rng = np.random.default_rng(seed)
    masks = rng.random((6, 17, 23)) < rng.choice([0.02, 0.3, 0.9], 6)[:, None, None]
    masks[0] = False
    masks[1, 3:5, 3:9] = True
    regions = find_regions(torch.from_numpy(masks), compat)
    starts = regions.starts.tolist()
    context = regions.context_counts.tolist()
    draws = torch.from_numpy(rng.integers(0, 10**6, (6, 40))) % torch.tensor(context).clamp(min=1)[:, None]
    rows, columns = regions.context_pixels(draws)
    for i, mask in enumerate(masks):
        x1, y1, x2, y2 = window = regions.windows[i].tolist()
        inside = np.zeros_like(mask)
        inside[y1:y2, x1:x2] = True
        expected = np.argwhere(mask & inside)
        own = slice(starts[i], starts[i] + int(regions.counts[i]))
        assert torch.stack([regions.rows[own], regions.columns[own]], 1).tolist() == expected.tolist()
        around = slow_context(mask, window)
        assert context[i] == len(around)
        if around:
            assert list(zip(rows[i].tolist(), columns[i].tolist())) == [around[k] for k in draws[i].tolist()]
        if len(expected):
            assert regions.means()[i].tolist() == pytest.approx(expected.mean(0).tolist())
            full = np.argwhere(mask)
            assert regions.bboxes[i].tolist() == [*full.min(0)[::-1], *(full.max(0) + 1)[::-1]]
    assert regions.bboxes[0].tolist() == [0, 0, 0, 0] and regions.counts[0] == 0


@pytest.mark.parametrize('place', [(0, 0), (7, 11), (14, 20)], ids=['first corner', 'inside', 'last corner'])
def test_windows_of_a_piece_are_those_of_the_frame(place: tuple[int, int]) -> None:
    """Compat loses a row and a column at the frame's border, not where a piece of a frame ends."""
    masks = draw([(place[0], place[0] + 5, place[1], place[1] + 9)], (20, 30))
    whole = find_regions(masks, compat=True)
    x1, y1, x2, y2 = find_regions(masks).windows[0].tolist()
    part = find_regions(masks[:, y1:y2, x1:x2], compat=True, frame=(x1, y1, 30, 20))
    assert (part.windows + torch.tensor([x1, y1, x1, y1])).equal(whole.windows)
    assert part.counts.equal(whole.counts)
