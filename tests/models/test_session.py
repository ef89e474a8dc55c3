"""Results leave the device all at once and unchanged."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mmdet.models.video import session
from mmdet.models.video.session import copy_together, to_host
from mmdet.structures import InstanceData, RoIMasks


def found(count: int, seed: int = 0) -> InstanceData:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, generator=generator) * 40
    instances = InstanceData()
    instances.bboxes = torch.cat([corners, corners + 12.5], 1)
    instances.labels = torch.randint(0, 2**62, (count,), generator=generator)  # float32 and float64 would round these
    instances.scores = torch.rand(count, generator=generator)
    instances.masks = RoIMasks(torch.rand(count, 7, 7, generator=generator), instances.bboxes, (60, 80))
    instances.embeddings = torch.randn(count, 5, generator=generator)
    return instances


def on(instances: InstanceData, device: str) -> InstanceData:
    moved = InstanceData()
    for name, value in instances.items():
        setattr(moved, name, value.to(device))
    return moved


def check_plain(hosts: list[InstanceData], chunk: list[InstanceData]) -> None:
    """Compare with copying field by field."""
    for host, instances in zip(hosts, chunk, strict=True):
        assert set(host.keys()) == set(instances.keys())  # their order follows the hash seed
        for name, value in instances.items():
            if isinstance(value, RoIMasks):
                assert host[name] == value.with_tensors(*(tensor.cpu() for tensor in value.tensors())).to_rle()
            else:
                assert host[name].device.type == 'cpu' and host[name].dtype == value.dtype
                assert host[name].equal(value.cpu())


def bits(tensor: torch.Tensor) -> list[int]:
    return tensor.reshape(-1).contiguous().view(torch.uint8).tolist()


TENSORS = {
    'no rows': [torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)],
    'widths that do not align': [
        torch.tensor([True, False, True]),
        torch.tensor([2**62 + 1, -1]),
        torch.tensor([0.1], dtype=torch.bfloat16),
        torch.tensor([[1 / 3]], dtype=torch.float64),
        torch.tensor(7, dtype=torch.uint8),
        torch.tensor([float('nan'), -0.0, 1e-45]),
    ],
    'not contiguous': [torch.arange(12.0).view(3, 4).T, torch.arange(10)[::3]],
}


@pytest.mark.parametrize('tensors', TENSORS.values(), ids=TENSORS)
def test_copies_are_equal_to_the_bit(tensors: list[torch.Tensor]) -> None:
    copies = copy_together(tensors)
    assert len(copies) == len(tensors)
    for copied, tensor in zip(copies, tensors):
        assert (copied.dtype, copied.shape) == (tensor.dtype, tensor.shape)
        assert bits(copied) == bits(tensor)
        assert copied.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()  # nothing else is kept


CHUNKS = {'three frames': [3, 0, 2], 'nothing found': [0, 0], 'no frames': []}


@pytest.mark.parametrize('counts', CHUNKS.values(), ids=CHUNKS)
def test_packed_chunk_equals_the_plain_one(counts: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    chunk = [found(count, seed) for seed, count in enumerate(counts)]
    check_plain(to_host(chunk), chunk)
    if counts:
        monkeypatch.setattr(session, '_in_host_memory', lambda tensors: False)
        check_plain(to_host(chunk), chunk)


def test_detections_without_masks_get_a_list_of_none() -> None:
    instances = InstanceData()
    instances.bboxes = torch.zeros(2, 4)
    assert to_host([instances])[0].masks == [None, None]


class _CountCopies(TorchDispatchMode):
    """Counts transfers to the CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        target = kwargs.get('device')
        if func is torch.ops.aten._to_copy.default and target is not None and torch.device(target).type == 'cpu':
            self.count += args[0].device.type != 'cpu'
        return func(*args, **kwargs)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
def test_one_transfer_for_a_chunk() -> None:
    chunk = [found(count, seed) for seed, count in enumerate([3, 0, 2])]
    there = [on(instances, 'cuda') for instances in chunk]
    with _CountCopies() as copies:
        hosts = to_host(there)
    assert copies.count == 1
    check_plain(hosts, chunk)
