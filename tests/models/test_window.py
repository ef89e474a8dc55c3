"""Which neighbours a frame has, and how long it waits for them."""

from __future__ import annotations

import pytest

from mmdet.models.video.window import ReferenceWindow, reference_frames


@pytest.mark.parametrize(
    ('length', 'frame', 'expected'),
    [
        (11, 0, [1, 2, 3, 4, 5]),
        (11, 5, [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]),
        (11, 10, [5, 6, 7, 8, 9]),
        (3, 1, [0, 2]),  # the published program took frame 2 twice
        (3, 2, [0, 1]),
        (2, 0, [1]),
        (1, 0, []),
        (20, 12, [7, 8, 9, 10, 11, 13, 14, 15, 16, 17]),
    ],
)
def test_references_of_a_frame(length: int, frame: int, expected: list[int]) -> None:
    assert reference_frames(frame, length, reach=5) == expected


@pytest.mark.parametrize(
    ('frame', 'limit', 'expected'),
    [(5, 3, [3, 4, 6]), (5, 2, [4, 6]), (5, 1, [4]), (0, 2, [1, 2]), (10, 2, [8, 9]), (0, 99, [1, 2, 3, 4, 5])],
)
def test_a_limit_keeps_the_nearest(frame: int, limit: int, expected: list[int]) -> None:
    assert reference_frames(frame, 11, reach=5, limit=limit) == expected


@pytest.mark.parametrize('limit', [None, 1, 2])
@pytest.mark.parametrize('reach', [1, 2, 5])
@pytest.mark.parametrize('length', [1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 40])
def test_a_stream_gives_every_frame_its_references_in_bounded_memory(
    length: int, reach: int, limit: int | None
) -> None:
    window: ReferenceWindow[int] = ReferenceWindow(reach, limit)
    left = []
    for frame in range(length):
        ready = window.push(frame)
        assert [t for t, _ in ready] == ([frame - reach] if frame >= reach else [])
        assert len(window) <= 2 * reach
        left += ready
    left += window.finish()
    assert left == [(t, reference_frames(t, length, reach, limit)) for t in range(length)]
    assert len(window) == 0 and window.finish() == []
