from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from mmdet.apis.channel import Channel, start_stage


def test_items_arrive_in_order_and_the_end_is_an_empty_list() -> None:
    channel: Channel[int] = Channel(3)
    thread = start_stage(iter(range(10)), channel, 'numbers')
    taken = []
    while items := channel.take(2):
        taken += items
    thread.join(5)
    assert taken == list(range(10))
    assert channel.take() == []


@pytest.mark.parametrize(
    ('most', 'least', 'expected'),
    [
        pytest.param(4, 4, [4, 4, 2], id='full groups'),
        pytest.param(1, 1, [1] * 10, id='one by one'),
        pytest.param(10, 10, [5, 5], id='no more than there is room for'),
    ],
)
def test_groups_are_full_until_the_end(most: int, least: int, expected: list[int]) -> None:
    channel: Channel[int] = Channel(5)
    start_stage(iter(range(10)), channel, 'numbers')
    sizes = []
    while items := channel.take(most, least):
        sizes.append(len(items))
    assert sizes == expected


def test_the_writer_waits_for_room() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    channel: Channel[int] = Channel(4)
    thread = start_stage(numbers(), channel, 'numbers')
    time.sleep(0.1)
    assert len(made) <= 5
    channel.close()
    thread.join(5)
    assert not thread.is_alive()


def test_dropping_keeps_the_newest() -> None:
    channel: Channel[int] = Channel(3, drop_oldest=True)
    for i in range(10):
        assert channel.put(i)
    assert channel.take(5) == [7, 8, 9]
    assert channel.dropped == 7


def test_a_failure_comes_after_the_items_before_it() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError('the camera fell down')

    channel: Channel[int] = Channel(5)
    start_stage(numbers(), channel, 'numbers')
    assert channel.take(2, 2) == [1, 2]
    with pytest.raises(ValueError, match='fell down'):
        channel.take()


def test_closing_ends_the_writer_and_its_generator() -> None:
    released = threading.Event()

    def numbers() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            released.set()

    channel: Channel[int] = Channel(1)
    thread = start_stage(numbers(), channel, 'numbers')
    channel.take()
    channel.close()
    thread.join(5)
    assert released.is_set()
    assert channel.take() == []
