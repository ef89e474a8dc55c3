from __future__ import annotations

import numpy as np
import pytest

from mmdet.visualization.text import LabelBoard, draw_caption, draw_text, text_size

RED, YELLOW = (200, 0, 0), (250, 240, 80)


def overlap(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)


@pytest.mark.parametrize(
    ('x', 'y', 'inked'),
    [
        pytest.param(5, 5, True, id='inside'),
        pytest.param(-5, 5, True, id='over the left edge'),
        pytest.param(50, 25, True, id='over the lower right corner'),
        pytest.param(-500, 5, False, id='outside left'),
        pytest.param(5, 500, False, id='outside below'),
    ],
)
def test_text_is_cut_at_the_edges(x: int, y: int, inked: bool) -> None:
    canvas = np.zeros((40, 80, 3), np.uint8)
    draw_text(canvas, 'horse 12', x, y, 14, (255, 255, 255))
    assert canvas.any() == inked


@pytest.mark.parametrize('shape', [(360, 640, 3), (20, 30, 3)], ids=['frame', 'smaller than the text'])
def test_caption_is_readable_in_the_top_left_corner(shape: tuple[int, int, int]) -> None:
    canvas = np.full(shape, 200, np.uint8)
    draw_caption(canvas, '24.9 frames/s  31 ms')
    assert (canvas[0, :5] == 50).all() and canvas[:20, :150].max() > 230
    assert (canvas[40:] == 200).all() and (canvas[:, 300:] == 200).all()


def test_texts_of_a_size_are_equally_high_and_longer_ones_wider() -> None:
    assert text_size('ace', 14)[1] == text_size('Ayg|', 14)[1]
    assert text_size('horse 1 0.9', 14)[0] > text_size('horse', 14)[0] > text_size('h', 14)[0] > 0


@pytest.mark.parametrize(
    'box',
    [
        pytest.param((50, 60, 120, 90), id='room above'),
        pytest.param((50, 0, 120, 60), id='at the top'),
        pytest.param((170, 60, 198, 90), id='at the right edge'),
        pytest.param((0, 0, 200, 120), id='whole frame'),
        pytest.param((-40, -30, -5, -2), id='outside'),
    ],
)
def test_a_plate_lies_in_the_frame_and_has_its_colour(box: tuple[int, int, int, int]) -> None:
    canvas = np.zeros((120, 200, 3), np.uint8)
    x1, y1, x2, y2 = LabelBoard(canvas, 12, [box]).place(['dog 3 0.91'], box, YELLOW)
    assert 0 <= x1 < x2 <= 200
    assert 0 <= y1 < y2 <= 120
    assert (canvas[y1:y2, x1] == YELLOW).all()
    assert not canvas[:, x2:].any()


def test_labels_of_equal_boxes_do_not_cover_each_other() -> None:
    canvas = np.zeros((200, 300, 3), np.uint8)
    box = (100, 80, 200, 120)
    board = LabelBoard(canvas, 12, [box] * 4)
    plates = [board.place([f'person {i}'], box, RED) for i in range(4)]
    assert all(overlap(a, b) == 0 for i, a in enumerate(plates) for b in plates[:i])


def test_where_there_is_no_room_the_short_text_is_taken() -> None:
    canvas = np.zeros((24, 110, 3), np.uint8)
    box = (0, 0, 110, 24)
    board = LabelBoard(canvas, 12, [box])
    first = board.place(['person 1 0.99', '1'], box, RED)
    second = board.place(['person 2 0.98', '2'], box, YELLOW)
    assert first[2] - first[0] > 3 * (second[2] - second[0])
    assert overlap(first, second) == 0


def test_where_there_is_no_room_at_all_nothing_is_covered() -> None:
    canvas = np.zeros((18, 90, 3), np.uint8)
    box = (0, 0, 90, 18)
    board = LabelBoard(canvas, 12, [box])
    board.place(['person 1 0.99'], box, RED)
    before = canvas.copy()
    assert board.place(['person 2 0.98', 'person 2'], box, YELLOW) is None
    assert (canvas == before).all()


def test_a_frame_smaller_than_its_label_is_no_problem() -> None:
    canvas = np.zeros((6, 9, 3), np.uint8)
    LabelBoard(canvas, 12).place(['a very long name 17 0.55'], (1, 1, 4, 4), RED)
    assert (canvas == RED).all(-1).any()
