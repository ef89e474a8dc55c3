"""Batches cross processes unchanged."""

import pytest
import torch
from torch.utils.data._utils.pin_memory import pin_memory

from mmdet.datasets.transfer import pack, unpack
from mmdet.structures import FrameSample, InstanceData


@pytest.fixture
def batch():
    """A batch with odd sizes, empty tensors and fields of other kinds."""
    samples = []
    for count in (3, 0):
        sample = FrameSample(metainfo={'frame_id': count, 'img_path': 'a.jpg'})
        sample.gt_instances = InstanceData(
            bboxes=torch.rand(count, 4),
            labels=torch.arange(count),
            masks=torch.ones(count, 5, 7, dtype=torch.uint8),
            names=['x'] * count,
        )
        samples.append(sample)
    return {'inputs': [torch.arange(105, dtype=torch.uint8).view(1, 3, 5, 7)], 'data_samples': [samples]}


@pytest.mark.parametrize('through', [lambda x: x, lambda x: pin_memory(x, 'cpu')], ids=['plain', 'pinning loop'])
def test_round_trip(batch, through, monkeypatch):
    monkeypatch.setattr(torch.Tensor, 'pin_memory', lambda self, device=None: self.clone())
    result = unpack(through(pack(batch)))
    assert torch.equal(result['inputs'][0], batch['inputs'][0])
    for got, expected in zip(result['data_samples'][0], batch['data_samples'][0]):
        assert isinstance(got, FrameSample) and got.metainfo == expected.metainfo
        assert set(got.gt_instances.keys()) == {'bboxes', 'labels', 'masks', 'names'}
        assert got.gt_instances.names == expected.gt_instances.names
        for name in ('bboxes', 'labels', 'masks'):
            ours, theirs = got.gt_instances[name], expected.gt_instances[name]
            assert ours.dtype == theirs.dtype and ours.shape == theirs.shape and torch.equal(ours, theirs)


def test_one_block_holds_every_tensor(batch):
    packed = pack(batch)
    start = packed['block'].data_ptr()
    stop = start + packed['block'].numel()
    result = unpack(packed)
    for tensor in (result['inputs'][0], result['data_samples'][0][0].gt_instances.labels):
        assert start <= tensor.data_ptr() < stop


def test_without_tensors():
    assert unpack(pack({'a': [1, 'b']})) == {'a': [1, 'b']}
