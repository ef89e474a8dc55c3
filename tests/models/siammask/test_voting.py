"""Several boxes' masks agree on one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mmdet.errors import ConfigError
from mmdet.models.siammask.placing import PlacedMask, resolve_overlaps
from mmdet.models.siammask.stage2_head import roi_targets
from mmdet.models.siammask.voting import grow, vote_maps, vote_share, vote_values
from mmdet.ops.rle import decode
from mmdet.registry import MODELS, register_all


@pytest.mark.parametrize(('votes', 'on'), [(0, False), (5, False), (6, True), (10, True)])
def test_more_than_half_must_vote(votes: int, on: bool) -> None:
    maps = torch.zeros(1, 10, 4, 4)
    maps[:, :votes, 2, 1] = 0.9
    maps[:, votes:, 2, 1] = 0.2  # not above the threshold
    share = vote_share(maps, 0.2)
    assert bool(share[0, 2, 1] > 0.5) is on and share.sum() == share[0, 2, 1]


TIES = {
    'the surer of equals, first': ((6, 0.9), (6, 0.4), 0),
    'the surer of equals, second': ((6, 0.4), (6, 0.9), 1),
    'votes before probability': ((7, 0.3), (6, 1.0), 0),
    'more votes, second': ((6, 1.0), (7, 0.3), 1),
    'entirely equal': ((6, 0.5), (6, 0.5), 0),
}


@pytest.mark.parametrize(('first', 'second', 'owner'), TIES.values(), ids=TIES)
def test_a_pixel_that_two_objects_claim(first: tuple, second: tuple, owner: int) -> None:
    """Of 10 maps, (votes, probability of the maps that vote)."""
    maps = torch.zeros(2, 10, 1, 1)
    for row, (votes, probability) in enumerate((first, second)):
        maps[row, :votes] = probability
    placed = [PlacedMask(values, (0, 0, 1, 1)) for values in vote_values(maps, 0.2).numpy()]
    resolve_overlaps(placed, 1, 1)
    assert [bool(mask.values[0, 0] > 0.5) for mask in placed] == [owner == 0, owner == 1]


@pytest.mark.parametrize(('votes', 'probability', 'on'), [(5, 1.0, False), (6, 0.21, True)])
def test_what_breaks_ties_outweighs_no_vote(votes: int, probability: float, on: bool) -> None:
    maps = torch.zeros(10, 1, 1)
    maps[:votes] = probability
    assert bool(vote_values(maps, 0.2) > 0.5) is on


@pytest.mark.parametrize(
    ('box', 'expected'),
    [
        ((100, 100, 110, 120), (96, 92, 114, 128)),
        ((-5.3, 10, 20, 30), (0, 2, 30.12, 38)),  # clamped, never wrapped
        ((240, 240, 260.7, 300), (231.72, 216, 254, 254)),
        ((300, -90, 400, -50), (253, 0, 254, 1)),
    ],
)
def test_grown_boxes_stay_in_the_crop(box: tuple, expected: tuple) -> None:
    torch.testing.assert_close(grow(torch.tensor([box]).float(), 0.4, 255), torch.tensor([expected]).float())


def test_masks_are_stretched_over_their_boxes() -> None:
    masks = torch.zeros(2, 4, 4)
    masks[0] = 1
    masks[1, :, :2] = 1  # left half
    maps = vote_maps(masks, torch.tensor([[10.0, 20.0, 29.0, 39.0], [0.0, 0.0, 40.0, 40.0]]), 60)
    assert (maps[0, 24:36, 14:26] == 1).all() and maps[0, :18].sum() == 0 and maps[0, :, 32:].sum() == 0
    rows, columns = torch.nonzero(maps[1] > 0.5, as_tuple=True)
    # half of a box of 40 pixels; on its very edges, pixels 0, 20 and 40, the value is 0.5
    assert (columns.min().item(), columns.max().item(), rows.min().item(), rows.max().item()) == (1, 19, 1, 39)
    assert (maps[1, 10:30, 5:15] == 1).all()


def test_targets_inside_boxes() -> None:
    masks = torch.zeros(2, 60, 60)
    masks[1, 20:40, 10:30] = 1
    boxes = torch.tensor([[9.5, 19.5, 29.5, 39.5], [0.0, 10.0, 39.0, 49.0]])
    targets = roi_targets(masks, boxes, torch.tensor([1, 1]), 8)
    assert (targets[0] == 1).all() and targets[1, :2].sum() == 0 and (targets[1, 3:5, 3:5] == 1).all()
    assert roi_targets(masks, boxes, torch.tensor([0, 0]), 8).sum() == 0


@pytest.fixture
def head() -> Any:
    register_all()
    return MODELS.build(dict(type='S2MaskHead', in_channels=4, mask_size=4, num_jittered=3))


@pytest.mark.parametrize(('side', 'cells', 'first'), [(255, 31, 7), (143, 9, 39)], ids=['whole', 'cropped by the neck'])
def test_rois_look_at_the_cells_under_them_in_both_maps(head: Any, side: int, cells: int, first: int) -> None:
    """A box around one cell of a map pools that cell, and the masks of both maps are summed."""
    head.fusion.forward = lambda pooled: pooled[:, 0]
    x, y = first + 8 * 6, first + 8 * 3
    box = torch.tensor([[x - 2.0, y - 2.0, x + 2.0, y + 2.0]])
    maps = torch.zeros(1, 4, cells, cells)
    maps[:, :, 3, 6] = 1
    one, other, both = (
        head.masks(maps * a, maps * b, box, torch.tensor([0]), side)[0] for a, b in ((1, 0), (0, 2), (1, 2))
    )
    torch.testing.assert_close(one, one.flip(0, 1))  # in the middle of the box
    assert one.min() > 0.5
    torch.testing.assert_close(other, 2 * one)
    torch.testing.assert_close(both, 3 * one)


def test_correlation_and_search_features_have_the_same_cells(head: Any) -> None:
    """Where the template's one bright cell lies under the search map's, the correlation answers in that cell."""
    for branch in (head.conv_kernel, head.conv_search):
        branch.forward = lambda maps: maps[..., 1:-1, 1:-1]  # as the branch's 3x3 convolution without padding
    kernel, search = torch.zeros(1, 4, 7, 7), torch.zeros(1, 4, 31, 31)
    kernel[..., 3, 3] = search[..., 12, 20] = 1
    answer = head.correlation(head.conv_kernel(kernel), search)
    assert answer.shape[-2:] == search.shape[-2:]
    assert torch.nonzero(answer[0, 0]).tolist() == [[12, 20]]


def test_boxes_to_train_on(head: Any) -> None:
    """Good proposals, each once, and shaken copies of the object's box."""
    bbox = torch.tensor([100.0, 100.0, 140.0, 160.0])
    right = torch.tensor([1.0, 0.0, 1.0, 0.0])
    boxes = torch.stack([bbox + 1, bbox + 1.5, bbox + 30 * right, bbox + 8 * right])
    scores = torch.tensor([0.9, 0.8, 0.7, 0.95])  # the second repeats the first; the third hardly overlaps the object
    chosen = head._training_boxes(scores, boxes, bbox, torch.Generator().manual_seed(0))
    torch.testing.assert_close(chosen[:2], boxes[[3, 0]])
    moved = (chosen[2:] - bbox).abs()
    assert len(moved) == 3 and (moved > 0).all() and (moved <= torch.tensor([4.0, 6.0, 4.0, 6.0])).all()
    head.num_proposals = 1
    assert len(head._training_boxes(scores, boxes, bbox, torch.Generator())) == 4


IMPOSSIBLE = [dict(mask_size=30), dict(num_votes=0), dict(min_vote_share=1.0), dict(vote_threshold=-0.1)]


@pytest.mark.parametrize('changes', IMPOSSIBLE, ids=lambda changes: next(iter(changes)))
def test_numbers_that_cannot_be(changes: dict) -> None:
    register_all()
    with pytest.raises(ConfigError, match=next(iter(changes))):
        MODELS.build(dict(type='S2MaskHead', **changes))


@pytest.mark.parametrize('votes', [1, 4])
def test_a_step_with_and_without_voting(build_siammask: Callable[..., Any], frame_sample: Any, votes: int) -> None:
    model = build_siammask('stage2', stage2_head=dict(type='S2MaskHead', in_channels=8, num_votes=votes))
    session = model.start_video()
    frames = torch.randint(0, 255, (2, 3, 120, 160), dtype=torch.uint8)
    samples = [frame_sample(0, boxes=[[30, 30, 70, 80], [80, 20, 120, 70]]), frame_sample(1)]
    tracks = session.step(frames, samples)[1].pred_tracks
    assert len(tracks.masks) == 2 and model.stage2_head.frame_threshold == (0.5 if votes > 1 else 0.2)


def test_the_share_of_votes_that_a_pixel_needs(build_siammask: Callable[..., Any], frame_sample: Any) -> None:
    """With more votes needed the mask gets smaller, down to the pixels that all maps agree on."""
    sizes = []
    for share in (0.0, 0.5, 0.9):
        head = dict(type='S2MaskHead', in_channels=8, num_votes=4, min_vote_share=share, vote_threshold=0.45)
        session = build_siammask('stage2', stage2_head=head).start_video()
        frames = torch.randint(0, 255, (2, 3, 120, 160), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        tracks = session.step(frames, [frame_sample(0, boxes=[[30, 30, 90, 100]]), frame_sample(1)])[1].pred_tracks
        sizes.append(int(decode(tracks.masks[0]).sum()))
    assert sizes[0] > sizes[1] > sizes[2] > 0
