"""Moves a batch from a loader's worker to the main process as one block of memory.

Every tensor that crosses costs a shared memory file and its mapping, about 0.2 ms, and a clip has some twenty small
ones. So a worker copies all tensors of a batch into one, and the main process takes views of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

__all__ = ['PackedBatch', 'pack', 'unpack']

_ALIGNMENT = 64  # bytes: any number type may start there


@dataclass(frozen=True)
class _Slot:
    """Where a tensor stands in the block."""

    start: int
    stop: int
    shape: tuple[int, ...]
    dtype: torch.dtype


@dataclass(frozen=True)
class _Element:
    """A sample or its instances, tensors replaced by slots."""

    type: type[BaseDataElement]
    metainfo: dict[str, Any]
    fields: dict[str, Any]


@dataclass(frozen=True)
class _Layout:
    """The batch with slots for tensors, in an object of its own so that a loader does not look into it."""

    batch: Any


class PackedBatch(TypedDict):
    """A dict, so that a loader with ``pin_memory`` finds and pins the block."""

    block: Tensor  # (bytes,) uint8
    layout: _Layout


def pack(batch: Any) -> PackedBatch:
    """Gather all tensors of nested dicts, lists and data elements into one block."""
    tensors: list[tuple[_Slot, Tensor]] = []
    layout = _strip(batch, tensors)
    block = torch.empty(_aligned(tensors[-1][0].stop) if tensors else 0, dtype=torch.uint8)
    for slot, tensor in tensors:
        _view(block, slot).copy_(tensor)
    return PackedBatch(block=block, layout=_Layout(layout))


def unpack(packed: PackedBatch) -> Any:
    """The batch again; its tensors share the block's memory."""
    return _restore(packed['layout'].batch, packed['block'])


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _view(block: Tensor, slot: _Slot) -> Tensor:
    return block[slot.start : slot.stop].view(slot.dtype).view(slot.shape)


def _strip(value: Any, tensors: list[tuple[_Slot, Tensor]]) -> Any:
    if isinstance(value, Tensor):
        start = _aligned(tensors[-1][0].stop) if tensors else 0
        slot = _Slot(start, start + value.numel() * value.element_size(), tuple(value.shape), value.dtype)
        tensors.append((slot, value))
        return slot
    if isinstance(value, BaseDataElement):
        fields = {name: _strip(field, tensors) for name, field in value.items()}
        return _Element(type(value), dict(value.metainfo_items()), fields)
    if isinstance(value, dict):
        return {key: _strip(item, tensors) for key, item in value.items()}
    if isinstance(value, list):
        return [_strip(item, tensors) for item in value]
    return value


def _restore(value: Any, block: Tensor) -> Any:
    if isinstance(value, _Slot):
        return _view(block, value)
    if isinstance(value, _Element):
        fields = {name: _restore(field, block) for name, field in value.fields.items()}
        return value.type(metainfo=value.metainfo, **fields)
    if isinstance(value, dict):
        return {key: _restore(item, block) for key, item in value.items()}
    if isinstance(value, list):
        return [_restore(item, block) for item in value]
    return value
