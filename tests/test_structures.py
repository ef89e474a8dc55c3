"""Three forms of instance masks that promise the same things."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmdet.models.video.session import to_host
from mmdet.ops.rle import decode_all, encode
from mmdet.structures import BitmapMasks, EncodedMasks, InstanceMasks, RoIMasks

CANVAS = (6, 8)
BOXES = torch.tensor([[0.0, 0.0, 4.0, 4.0], [2.0, 1.0, 8.0, 6.0], [5.0, 0.0, 7.0, 2.0]])


def filled_boxes() -> np.ndarray:
    """(3, H, W) bool: every box filled."""
    masks = np.zeros((3, *CANVAS), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, BOXES.int().tolist()):
        mask[y1:y2, x1:x2] = True
    return masks


FORMS = {
    'roi': lambda: RoIMasks(torch.ones(3, 4, 4), BOXES, CANVAS),
    'bitmap': lambda: BitmapMasks(torch.from_numpy(filled_boxes()), CANVAS),
    'encoded': lambda: EncodedMasks([encode(mask) for mask in filled_boxes()], CANVAS),
}


@pytest.fixture(params=FORMS)
def masks(request) -> InstanceMasks:
    return FORMS[request.param]()


def test_dense_and_encoded_say_the_same(masks):
    expected = filled_boxes()
    assert masks.to_dense().dtype == torch.bool
    np.testing.assert_array_equal(masks.to_dense().numpy(), expected)
    np.testing.assert_array_equal(decode_all(masks.to_rle(), *CANVAS), expected)


INDICES = {
    'slice': (slice(1, None), [1, 2]),
    'int': (2, [2]),
    'negative int': (-1, [2]),
    'list': ([2, 0], [2, 0]),
    'array': (np.array([1]), [1]),
    'tensor': (torch.tensor([0, 2]), [0, 2]),
    'bool tensor': (torch.tensor([True, False, True]), [0, 2]),
    'nothing': (torch.zeros(0, dtype=torch.int64), []),
}


@pytest.mark.parametrize('index, rows', INDICES.values(), ids=INDICES)
def test_rows_can_be_chosen(masks, index, rows):
    np.testing.assert_array_equal(masks[index].to_dense().numpy(), filled_boxes()[rows])


def test_rows_can_be_joined(masks):
    joined = type(masks).cat([masks[[2]], masks[:2]])
    np.testing.assert_array_equal(joined.to_dense().numpy(), filled_boxes()[[2, 0, 1]])


def test_instances_carry_them_to_the_host(masks):
    instances = InstanceData(bboxes=BOXES, masks=masks)
    (host,) = to_host([instances[torch.tensor([1, 2])]])
    np.testing.assert_array_equal(decode_all(host.masks, *CANVAS), filled_boxes()[1:])
    np.testing.assert_array_equal(host.bboxes.numpy(), BOXES[1:].numpy())


def test_bitmaps_of_a_resized_frame_come_back_to_the_original_size():
    small = torch.tensor([[[True, False], [False, True]]])
    expected = np.kron(small[0].numpy(), np.ones((2, 3), bool))
    np.testing.assert_array_equal(BitmapMasks(small, (4, 6)).to_dense()[0].numpy(), expected)
    assert BitmapMasks(torch.zeros(0, 2, 2, dtype=torch.bool), (4, 6)).to_rle() == []
