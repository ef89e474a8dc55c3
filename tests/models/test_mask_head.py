"""Mask head: sizes, whose map is trained, targets cut from full masks."""

import pytest
import torch
from torch.nn import functional

from mmdet.errors import ConfigError
from mmdet.geometry import BoxConvention
from mmdet.models.roi_heads.mask_head import MaskHead
from mmdet.models.samplers import SampledRoIs

LOSS = dict(type='BinaryCrossEntropyLoss')


@pytest.mark.parametrize('num_upsamples, size', [(1, 14), (2, 28), (3, 56)])
def test_every_upsampling_doubles_the_grid(num_upsamples, size):
    head = MaskHead(3, LOSS, in_channels=8, channels=4, num_convs=1, mask_size=size, num_upsamples=num_upsamples)
    assert head(torch.rand(2, 8, 7, 7), torch.tensor([2, 0])).shape == (2, size, size)
    names = {name.split('.')[0] for name, _ in head.named_parameters()}
    assert ('more_upsamples' in names) == (num_upsamples > 1)  # published weights fit the published form


def test_coordinates_tell_where_a_cell_lies_in_its_box():
    head = MaskHead(1, LOSS, in_channels=3, channels=2, num_convs=1, coordinates=True)
    seen = []
    head.convs[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    pooled = torch.rand(2, 3, 5, 5)
    head(pooled, torch.zeros(2, dtype=torch.long))
    assert torch.equal(seen[0][:, :3], pooled)
    line = torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0])
    assert torch.equal(seen[0][1, 3], line.expand(5, 5)) and torch.equal(seen[0][0, 4], line[:, None].expand(5, 5))


@pytest.mark.parametrize('soft, wanted', [(True, 0.25), (False, 0.0)])
def test_soft_targets_are_the_share_of_a_cell(soft, wanted):
    head = MaskHead(1, LOSS, in_channels=4, channels=4, num_convs=1, mask_size=2, soft_targets=soft)
    masks = torch.zeros(1, 8, 8, dtype=torch.uint8)
    masks[0, :, 4] = 1  # a quarter of either right cell of the box, which is 8 x 8
    sampled = [SampledRoIs(torch.tensor([[0.0, 0, 8, 8]]), torch.tensor([0]), torch.tensor([0]))]
    logits = torch.full((1, 2, 2), -30.0)
    logits[0, :, 1] = 0.0  # costs log 2 whatever is wanted; the slope says what is
    logits.requires_grad_()
    head.loss(logits, sampled, [masks], BoxConvention())['loss_mask'].backward()
    assert (logits.grad[0, :, 1] * 4).tolist() == pytest.approx([0.5 - wanted] * 2, abs=1e-6)


def test_no_upsampling_is_refused():
    with pytest.raises(ConfigError, match='num_upsamples'):
        MaskHead(3, LOSS, num_upsamples=0)


def test_dilated_convolutions_see_on_a_finer_grid_what_ordinary_ones_see_on_a_coarse_one():
    torch.manual_seed(0)
    coarse = MaskHead(2, LOSS, 3, 4, 3, 14)
    fine = MaskHead(2, LOSS, 3, 4, 3, 28, dilations=(2, 2, 2))
    fine.load_state_dict(coarse.state_dict())
    grid, labels = torch.rand(2, 3, 14, 14), torch.tensor([0, 1])
    found = fine(grid, labels)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):  # every second cell is a coarse grid of its own
        cells = found.reshape(2, 14, 2, 14, 2).transpose(2, 3)[:, row::2, column::2]
        expected = coarse(grid[..., row::2, column::2], labels).reshape(2, 7, 2, 7, 2).transpose(2, 3)
        assert torch.allclose(cells, expected, atol=1e-6)


@pytest.mark.parametrize('dilations', [(1, 2), (1, 2, 0), (1, 1, 1, 1)], ids=['too few', 'zero', 'too many'])
def test_dilations_that_cannot_be_are_refused(dilations):
    with pytest.raises(ConfigError, match='dilations must be 3 numbers'):
        MaskHead(2, LOSS, num_convs=3, dilations=dilations)


def test_each_box_gets_the_map_of_its_class():
    head = MaskHead(3, LOSS, in_channels=8, channels=4, num_convs=1)
    pooled, labels = torch.rand(5, 8, 7, 7), torch.tensor([2, 0, 1, 1, 2])
    own = head(pooled, labels)
    hidden = functional.relu(head.upsample(head.convs[0](pooled)))
    everything = head.conv_logits(hidden)  # (5, 3, 14, 14)
    torch.testing.assert_close(own, everything[torch.arange(5), labels])
    own.sum().backward()
    assert head.conv_logits.weight.grad[:, :, 0, 0].abs().sum(1).gt(0).all()
    assert head(pooled[:0], labels[:0]).shape == (0, 14, 14)


def test_loss_is_zero_where_every_cell_is_right():
    head = MaskHead(2, LOSS, in_channels=4, channels=4, num_convs=1, mask_size=4)
    masks = torch.zeros(1, 8, 8, dtype=torch.uint8)
    masks[0, :, :4] = 1  # left half
    boxes = torch.tensor([[0.0, 0, 8, 8], [1, 1, 2, 2]])  # one positive, one negative
    sampled = [SampledRoIs(boxes, torch.tensor([0]), torch.tensor([1, 2]))]
    logits = torch.full((1, 4, 4), -20.0)
    logits[0, :, :2] = 20.0
    loss = head.loss(logits, sampled, [masks], BoxConvention())['loss_mask']
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    wrong = head.loss(torch.full((1, 4, 4), 7.0), sampled, [masks], BoxConvention())['loss_mask']
    assert wrong.item() == pytest.approx(3.5, abs=0.01)  # half the cells cost 7, half nothing


def test_loss_is_the_mean_over_the_cells_of_all_objects_of_a_batch():
    head = MaskHead(2, LOSS, in_channels=4, channels=4, num_convs=1, mask_size=2)
    full = torch.ones(1, 8, 8, dtype=torch.uint8)
    box = torch.tensor([[0.0, 0, 8, 8]])
    sampled = [
        SampledRoIs(box, torch.tensor([0]), torch.tensor([1])),
        SampledRoIs(box.repeat(2, 1), torch.tensor([0, 0]), torch.tensor([0, 0])),
    ]
    logits = torch.tensor([0.0, 2.0, -1.0])[:, None, None].expand(3, 2, 2)
    loss = head.loss(logits, sampled, [full, full], BoxConvention())['loss_mask']
    assert loss.item() == pytest.approx((0.693147 + 0.126928 + 1.313262) / 3, abs=1e-5)


COLUMNS = [[0, 0, 0, 0, 1, 1, 1, 1]] * 8  # set from column 4 on
ROWS = [[0] * 8] * 3 + [[1] * 8] * 5  # set from row 3 on


@pytest.mark.parametrize(
    ('inclusive', 'index', 'size', 'expected'),
    [
        # corners are cut off to 2, 1, 6, 5: columns 2 and 3 are empty, 4 to 6 are set
        pytest.param([2.7, 1.2, 6.9, 5.5], 0, 5, [[0, 0, 1, 1, 1]] * 5, id='cells are pixels'),
        pytest.param([2.7, 1.2, 6.9, 5.5], 0, 10, [[0] * 4 + [1] * 6] * 10, id='quarters round down, three up'),
        pytest.param([2.7, 1.2, 6.9, 5.5], 0, 3, [[0, 1, 1]] * 3, id='smaller'),
        pytest.param([0, 2, 1, 3], 1, 2, [[0, 0], [1, 1]], id='the other object'),
        pytest.param([4.2, 3.2, 3.9, 2.9], 0, 2, [[1, 1], [1, 1]], id='at least one pixel'),
    ],
)
def test_legacy_targets(inclusive, index, size, expected):
    masks = torch.tensor([COLUMNS, ROWS], dtype=torch.uint8)
    boxes = torch.tensor([inclusive]) + torch.tensor([0, 0, 1, 1])
    head = MaskHead(1, LOSS, in_channels=4, channels=4, num_convs=1, mask_size=size)
    seen = []
    head.loss_mask.forward = lambda logits, targets, count: seen.append(targets)
    sampled = [SampledRoIs(boxes, torch.tensor([index]), torch.tensor([0]))]
    head.loss(torch.zeros(1, size, size), sampled, [masks], BoxConvention('legacy'))
    assert seen[0].tolist() == [expected]
