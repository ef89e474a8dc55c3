from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.errors import DataError
from mmdet.ops.rle import encode
from mmdet.structures import InstanceData, empty_instances
from mmdet.visualization.colours import NO_IDENTITY, identity_colour
from mmdet.visualization.overlay import OverlayStyle, draw_tracks
from mmdet.visualization.rows import track_rows
from mmdet.visualization.trails import Trails

HEIGHT, WIDTH = 90, 160
BARE = OverlayStyle(boxes=False, labels=False)


def grey(value: int = 100) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), value, np.uint8)


def mask_of(box: tuple[int, int, int, int]) -> Any:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 1
    return encode(mask)


def tracks_of(boxes: list[tuple[int, int, int, int]], ids: list[int], scores: list[float] | None = None) -> Any:
    tracks = InstanceData()
    tracks.bboxes = torch.tensor(boxes, dtype=torch.float32)
    tracks.labels = torch.zeros(len(ids), dtype=torch.int64)
    tracks.scores = torch.tensor(scores or [0.9] * len(ids))
    tracks.instance_ids = torch.tensor(ids)
    tracks.masks = [mask_of(box) for box in boxes]
    return tracks


def test_mask_is_blended_inside_and_nothing_changes_outside() -> None:
    image = grey()
    drawn = draw_tracks(image, tracks_of([(40, 30, 80, 60)], [3]), ('cat',), BARE)
    expected = np.array(identity_colour(3)) * 0.45 + 100 * 0.55
    assert np.abs(drawn[32:58, 42:78] - expected).max() <= 1
    outline = np.abs(drawn[30, 40:80].astype(int) - identity_colour(3)).max()  # smoothed, so not quite that colour
    assert outline < 0.6 * np.abs(expected - identity_colour(3)).max()
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[28:62, 38:82] = False
    assert (drawn[outside] == 100).all()
    assert (image == 100).all()


def test_box_is_drawn_on_its_edge_pixels() -> None:
    tracks = tracks_of([(40, 30, 80, 60)], [3])
    tracks.masks = [None]
    drawn = draw_tracks(grey(), tracks, ('cat',), OverlayStyle(labels=False))
    colour = identity_colour(3)
    assert (drawn[30, 40:80] == colour).all() and (drawn[59, 40:80] == colour).all()
    assert (drawn[30:60, 40] == colour).all() and (drawn[30:60, 79] == colour).all()
    assert (drawn[32:58, 42:78] == 100).all()


def test_label_stands_above_the_box_in_the_colour_of_the_track() -> None:
    drawn = draw_tracks(grey(), tracks_of([(40, 50, 80, 80)], [3]), ('cat',), OverlayStyle(boxes=False))
    plate = (drawn == identity_colour(3)).all(-1)
    assert plate[36:48, 40].all()
    assert not plate[:30].any()


@pytest.mark.parametrize(
    'tracks',
    [
        pytest.param(empty_instances(), id='no detections'),
        pytest.param(tracks_of([], []), id='no tracks'),
        pytest.param(SimpleNamespace(bboxes=[], labels=[], scores=[], instance_ids=[], masks=[]), id='empty lists'),
        pytest.param(tracks_of([(1, 1, 9, 9)], [1], [0.2]), id='below the threshold'),
    ],
)
def test_nothing_to_draw_gives_the_same_picture(tracks: Any) -> None:
    image = grey()
    drawn = draw_tracks(image, tracks, ('cat',), OverlayStyle(score_thr=0.3))
    assert (drawn == image).all()
    assert drawn is not image


def test_lists_and_tensors_are_drawn_alike() -> None:
    tensors = tracks_of([(40, 30, 80, 60), (100, 5, 150, 70)], [3, 4])
    lists = SimpleNamespace(
        bboxes=tensors.bboxes.tolist(),
        labels=[0, 0],
        scores=tensors.scores.tolist(),
        instance_ids=[3, 4],
        masks=tensors.masks,
    )
    assert (draw_tracks(grey(), tensors, ('cat',)) == draw_tracks(grey(), lists, ('cat',))).all()


@pytest.mark.parametrize(
    ('fields', 'colour'),
    [
        pytest.param(dict(instance_ids=[-1], scores=[0.5]), NO_IDENTITY, id='without identity'),
        pytest.param(dict(scores=[0.5]), identity_colour(2), id='detection, colour by class'),
        pytest.param(dict(instance_ids=[7]), identity_colour(7), id='ground truth, no score'),
    ],
)
def test_fields_may_be_missing(fields: dict[str, Any], colour: tuple[int, int, int]) -> None:
    tracks = SimpleNamespace(bboxes=[[40, 30, 80, 60]], labels=[2], **fields)
    drawn = draw_tracks(grey(), tracks, ('cat',), OverlayStyle(score_thr=0.3))
    assert (drawn[59, 40:80] == colour).all()


def test_small_objects_stay_visible_on_large_ones() -> None:
    tracks = tracks_of([(60, 40, 70, 50), (20, 10, 140, 80)], [1, 2])
    drawn = draw_tracks(grey(), tracks, None, OverlayStyle(fill=1.0, boxes=False, labels=False))
    assert (drawn[45, 65] == identity_colour(1)).all()
    assert (drawn[20, 30] == identity_colour(2)).all()


@pytest.mark.parametrize(
    'box',
    [
        pytest.param((-20, -10, 30, 20), id='over the edge'),
        pytest.param((150, 80, 400, 300), id='far over the edge'),
        pytest.param((40, 30, 40, 30), id='empty'),
        pytest.param((500, 500, 600, 600), id='outside'),
    ],
)
def test_odd_boxes_do_no_harm(box: tuple[int, int, int, int]) -> None:
    tracks = tracks_of([box], [1])
    tracks.masks = [encode(np.zeros((HEIGHT, WIDTH), np.uint8))]
    assert draw_tracks(grey(), tracks, ('cat',)).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(('wanted', 'factor'), [(0, 1), (90, 1), (91, 2), (360, 4)])
def test_small_frames_are_enlarged_with_everything_on_them(wanted: int, factor: int) -> None:
    style = OverlayStyle(min_short_side=wanted, labels=False)
    drawn = draw_tracks(grey(), tracks_of([(40, 30, 80, 60)], [3]), ('cat',), style)
    assert drawn.shape == (HEIGHT * factor, WIDTH * factor, 3)
    coloured = np.argwhere((drawn != 100).any(-1))
    assert np.abs(coloured.min(0) - [30 * factor, 40 * factor]).max() <= 1
    assert np.abs(coloured.max(0) + 1 - [60 * factor, 80 * factor]).max() <= 1


@pytest.mark.parametrize('short_side', [144, 360, 1080])
def test_lines_grow_with_the_frame(short_side: int) -> None:
    image = np.full((short_side, short_side * 2, 3), 100, np.uint8)
    tracks = SimpleNamespace(bboxes=[[20, 20, 120, 120]], labels=[0], instance_ids=[5], scores=[0.5])
    drawn = draw_tracks(image, tracks, None, OverlayStyle(labels=False))
    across = (drawn[70, 10:60] != 100).any(-1).sum()
    assert across == max(round(short_side / 400), 1)


@pytest.mark.parametrize(
    'image',
    [
        pytest.param(np.zeros((90, 160), np.uint8), id='grey'),
        pytest.param(np.zeros((90, 160, 3), np.float32), id='float'),
        pytest.param(np.zeros((90, 160, 4), np.uint8), id='four channels'),
    ],
)
def test_other_images_are_refused(image: np.ndarray) -> None:
    with pytest.raises(DataError, match='uint8 RGB'):
        draw_tracks(image, empty_instances())


def test_a_mask_of_another_size_is_refused_with_both_sizes() -> None:
    tracks = tracks_of([(40, 30, 80, 60)], [3])
    with pytest.raises(DataError, match=r'90 x 160.*45 x 80'):
        draw_tracks(np.zeros((45, 80, 3), np.uint8), tracks)


def test_trails_follow_the_centres_and_are_forgotten() -> None:
    trails = Trails(length=4)
    for x in (20, 40, 60):
        drawn = draw_tracks(grey(), tracks_of([(x, 30, x + 20, 50)], [3]), None, BARE, trails)
    assert trails.path(3) == [(30, 40), (50, 40), (70, 40)]
    assert (drawn[40, 30:70] != 100).any(-1).all()
    for _ in range(4):
        drawn = draw_tracks(grey(), tracks_of([], []), None, BARE, trails)
    assert trails.path(3) == []
    assert (drawn == 100).all()


def test_forecasts_are_dots_from_frame_to_frame() -> None:
    tracks = tracks_of([(10, 30, 30, 50), (10, 60, 30, 80)], [3, 4])
    steps = torch.arange(1, 6)[:, None] * torch.tensor([20.0, 0, 20, 0])
    tracks.forecasts = torch.stack([tracks.bboxes[0] + steps, torch.full((5, 4), float('nan'))])
    tracks.forecasts[0, 3:] = float('nan')  # known for three frames
    tracks.masks = [None, None]
    drawn = draw_tracks(grey(), tracks, None, BARE)
    assert [(drawn[40, x] == identity_colour(3)).all() for x in (40, 60, 80, 100)] == [True, True, True, False]
    assert (drawn[40, [50, 70, 90]] == 100).all() and (drawn[60:] == 100).all()


@pytest.mark.parametrize('far', [1e4, -1e12, 1e30])
def test_forecasts_may_leave_the_frame(far: float) -> None:
    tracks = tracks_of([(10, 30, 30, 50)], [3])
    tracks.forecasts = torch.tensor([[[far, far, far + 20, far + 20]]])
    tracks.masks = [None]
    assert (draw_tracks(grey(), tracks, None, BARE) == 100).all()


def test_a_trail_is_broken_where_its_track_was_away() -> None:
    trails = Trails(length=8)
    for x in (10, 20, None, 100, 110):
        boxes = [] if x is None else [(x, 30, x + 20, 50)]
        drawn = draw_tracks(grey(), tracks_of(boxes, [3] * len(boxes)), None, BARE, trails)
    assert trails.path(3)[2] is None
    assert (drawn[40, 50:100] == 100).all()


def test_a_rotated_box_is_drawn_instead_of_the_upright_one() -> None:
    tracks = tracks_of([(40, 30, 80, 60)], [3])
    tracks.rotated_boxes = torch.tensor([[[60.0, 20], [90, 45], [60, 70], [30, 45]]])
    drawn = draw_tracks(grey(), tracks, ('cat',), OverlayStyle(labels=False, fill=0.0))
    colour = np.array(identity_colour(3))
    for x, y in ((60, 20), (75, 32), (60, 70)):
        near = drawn[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).astype(int)
        assert np.abs(near - colour).max(1).min() < 90, (x, y)
    assert (drawn[2:18] == 100).all()


def test_an_object_out_of_sight_is_dimmed_and_labelled() -> None:
    """Its mask is where it is looked for, which must not look like a find."""
    boxes = [(30, 30, 60, 60), (90, 30, 120, 60)]
    tracks = tracks_of(boxes, [3, 3])
    tracks.lost = torch.tensor([False, True])
    drawn = draw_tracks(grey(), tracks, ('cat',), OverlayStyle(boxes=True, labels=False)).astype(int)
    seen, lost = (np.abs(drawn[45, x] - 100).sum() for x in (45, 105))
    assert 0 < lost < 0.5 * seen
    assert np.abs(drawn[30, 35:55] - drawn[30, 95:115]).max() > 20  # the edge of the box
    captions = [row.captions(('cat',)) for row in track_rows(tracks)]
    assert captions == [['cat 3 0.90', 'cat 3', '3'], ['cat 3 lost 0.90', 'cat 3 lost', '3 lost']]
