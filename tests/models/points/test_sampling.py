"""What drawn points carry: colours, offsets, and what they belong to."""

from __future__ import annotations

import pytest
import torch

from mmdet.models.track_heads.points.sampling import (
    BACKGROUND,
    NOTHING,
    OTHER_CLASS,
    SAME_CLASS,
    FrameView,
    InstancePoints,
    PointSampler,
)

SIZE = (60, 80)


def view(*rectangles: tuple[int, int, int, int], labels: list[int] | None = None, seed: int = 0) -> FrameView:
    """Rectangles given by first and last row, first and last column, on noise."""
    masks = torch.zeros(len(rectangles), *SIZE, dtype=torch.bool)
    for mask, (r0, r1, c0, c1) in zip(masks, rectangles):
        mask[r0 : r1 + 1, c0 : c1 + 1] = True
    image = torch.randint(0, 256, (3, *SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return FrameView(image, masks, torch.tensor(labels or [0] * len(rectangles)))


def draw(frame: FrameView, seed: int = 0, distinct: bool = False, compat: bool = False) -> InstancePoints:
    sampler = PointSampler(1000, 500, compat)
    return sampler.draw(frame, torch.Generator().manual_seed(seed), distinct=distinct)


def test_t18_counts_offsets_and_colours() -> None:
    frame = view((10, 29, 20, 49))
    points = draw(frame)
    assert points.foreground.members.shape == (1, 1000) and points.context.members.shape == (1, 500)
    for part, low, high in ((points.foreground, (10, 20), (29, 49)), (points.context, (6, 14), (33, 55))):
        places = part.values[:, 3:] * 128 + torch.tensor([19.5, 34.5])
        assert places.sub(places.round()).abs().max() < 1e-4
        rows, columns = places.round().long().unbind(1)
        assert [rows.min(), columns.min()] == list(low) and [rows.max(), columns.max()] == list(high)
        assert (frame.masks[0, rows, columns] == (part is points.foreground)).all()
        assert part.values[:, :3].mul(255).round().equal(frame.image[:, rows, columns].T.float())
    assert (points.context.kinds == BACKGROUND).all()


def test_t18_an_offset_of_64_rows_is_a_half() -> None:
    masks = torch.zeros(1, 200, 10, dtype=torch.bool)
    masks[0, [20, 148], 5] = True  # mean row 84
    frame = FrameView(torch.zeros(3, 200, 10, dtype=torch.uint8), masks, torch.zeros(1))
    offsets = draw(frame).foreground.values[:, 3:]
    assert sorted({tuple(row) for row in offsets.tolist()}) == [(-0.5, 0.0), (0.5, 0.0)]


@pytest.mark.parametrize(
    ('labels', 'kind'), [([1, 1], SAME_CLASS), ([1, 0], OTHER_CLASS)], ids=['same class', 'other class']
)
def test_t18_neighbours(labels: list[int], kind: int) -> None:
    frame = view((10, 29, 20, 39), (10, 29, 40, 59), labels=labels)
    context = draw(frame).context
    columns = (context.values[:500, 4] * 128 + 29.5).round().long()
    rows = (context.values[:500, 3] * 128 + 19.5).round().long()
    expected = torch.where(frame.masks[1, rows, columns], kind, BACKGROUND)
    assert context.kinds[:500].equal(expected) and (expected == kind).any()


def test_a_neighbour_of_the_same_class_hides_one_of_another() -> None:
    frame = view((10, 29, 20, 39), (10, 29, 40, 59), (10, 29, 40, 59), labels=[0, 1, 0])
    assert set(draw(frame).context.kinds[:500].tolist()) == {BACKGROUND, SAME_CLASS}


@pytest.mark.parametrize('distinct', [False, True])
def test_t18_a_mask_that_fills_its_window_has_no_context(distinct: bool) -> None:
    points = draw(view((0, 59, 0, 79), (5, 9, 5, 9)), distinct=distinct)
    context = points.context
    drawn = context.drawn(torch.cat([context.values, context.kinds[:, None]], 1))
    assert (drawn[0, :, :5] == 0).all() and (drawn[0, :, 5] == NOTHING).all()
    assert (drawn[1, :, 5] == SAME_CLASS).all()  # the mask that fills the frame is all around it
    assert (points.foreground.kinds == BACKGROUND).all()


@pytest.mark.parametrize('distinct', [False, True])
@pytest.mark.parametrize('others', [0, 1])
def test_an_empty_mask_has_no_points(distinct: bool, others: int) -> None:
    frame = view(*[(5, 9, 5, 9)] * others, (1, 0, 1, 0))
    points = draw(frame, distinct=distinct)
    for part in (points.foreground, points.context):
        drawn = part.drawn(torch.cat([part.values, part.kinds[:, None]], 1))
        assert (drawn[-1, :, :5] == 0).all() and (drawn[-1, :, 5] == NOTHING).all()
    assert points.bboxes[-1].tolist() == [0, 0, 0, 0]


def test_one_pixel() -> None:
    points = draw(view((59, 59, 79, 79)))
    assert (points.foreground.values[:, 3:] == 0).all()
    assert (points.context.kinds == NOTHING).all()  # its window is itself
    assert points.bboxes.tolist() == [[79, 59, 80, 60]]


def test_same_seed_same_points_and_rows_do_not_influence_each_other() -> None:
    first, second = (10, 29, 20, 39), (40, 55, 40, 59)
    both, again, other = draw(view(first, second)), draw(view(first, second)), draw(view(first, second), seed=1)
    assert both.foreground.values.equal(again.foreground.values)
    assert not both.foreground.values.equal(other.foreground.values)
    alone = draw(view(first))
    assert both.foreground.values[:1000].equal(alone.foreground.values)
    assert both.context.values[:500].equal(alone.context.values)


def test_every_pixel_once_stands_for_the_same_draws() -> None:
    frame = view((10, 14, 20, 24), (12, 40, 22, 60), (3, 3, 3, 3), labels=[0, 1, 0])
    plain, distinct = draw(frame), draw(frame, distinct=True)
    for first, second in ((plain.foreground, distinct.foreground), (plain.context, distinct.context)):
        assert len(second.values) < len(first.values)
        assert first.drawn(first.values).sub(second.drawn(second.values)).abs().max() < 1e-6
        assert first.kinds[first.members].equal(second.kinds[second.members])


def test_compat_reads_blue_first() -> None:
    frame = view((10, 29, 20, 39))
    ours, theirs = draw(frame).foreground.values, draw(frame, compat=True).foreground.values
    assert ours[:, :3].equal(theirs[:, :3].flip(1)) and ours[:, 3:].equal(theirs[:, 3:])


def test_a_resized_frame_gives_the_offsets_of_its_own_pixels() -> None:
    frame = view((10, 29, 20, 39))
    small = FrameView(frame.image[:, ::2, ::2], frame.masks, frame.labels)
    full, half = draw(frame), draw(small)
    assert half.foreground.values[:, 3:].mul(2).sub(full.foreground.values[:, 3:]).abs().max() < 1e-6
    assert half.bboxes.equal(full.bboxes / 2) and half.frame_sizes.equal(full.frame_sizes / 2)
    rows = (half.foreground.values[:, 3:] * 128 * 2 + torch.tensor([19.5, 29.5])).round().long()
    colours = small.image[:, rows[:, 0] // 2, rows[:, 1] // 2].T / 255
    assert half.foreground.values[:, :3].sub(colours).abs().max() < 1e-6


def test_a_cut_out_gives_what_its_frame_gives() -> None:
    frame = view((10, 29, 20, 49), (15, 40, 45, 60), labels=[1, 1])
    cut = FrameView(
        frame.image[:, 6:34, 14:56], frame.masks[:, 6:34, 14:56], frame.labels, window=(14.0, 6.0, 80.0, 60.0)
    )
    rows = torch.tensor([0])
    sampler = PointSampler(1000, 500)
    whole, part = (sampler.draw(v, torch.Generator().manual_seed(3), rows=rows) for v in (frame, cut))
    for first, second in ((whole.foreground, part.foreground), (whole.context, part.context)):
        assert first.values.sub(second.values).abs().max() < 1e-6 and first.kinds.equal(second.kinds)
    assert whole.bboxes.equal(part.bboxes) and whole.frame_sizes.equal(part.frame_sizes)
