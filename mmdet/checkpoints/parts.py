"""Parts of a model that bring weights of their own, such as a re-identification network on a detector.

Such a part has ``own_weights``, a file or None, and ``own_state(state)``, which picks its tensors out of that file and
gives them their names inside the part. The file counts wherever the model's checkpoint has none of the part's tensors:
when training starts, and when a checkpoint is loaded that was made without the part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from mmdet.checkpoints.files import load_file
from mmdet.checkpoints.foreign import refuse_foreign
from mmdet.checkpoints.metadata import differences
from mmdet.checkpoints.report import shape_text
from mmdet.checkpoints.state import StateDict, meta_of, state_dict_of
from mmdet.errors import CheckpointError

LISTED = 4


def parts_of(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Name and module of every part that brings weights of its own."""
    for name, module in model.named_modules():
        if getattr(module, 'own_weights', None):
            yield name, module


def missing_parts(model: nn.Module, state: Mapping[str, Any], trust: bool = False) -> tuple[StateDict, list[str]]:
    """Weights, under the model's names, of all parts of which ``state`` has no tensor; and a sentence on every part.

    Raises:
        CheckpointError: a part's file cannot be read safely, or does not fill the part.
    """
    found: StateDict = {}
    notes = []
    for name, part in parts_of(model):
        prefix = f'{name}.' if name else ''
        if any(f'{prefix}{key}' in state for key in part.state_dict()):
            notes.append(f'{name} has its tensors from the checkpoint; its own file {part.own_weights} is not used')
            continue
        own = part_state(part, trust, name)
        found.update({f'{prefix}{key}': tensor for key, tensor in own.items()})
        notes.append(f'{name} has its {len(own)} tensors from {part.own_weights}')
    return found, notes


def load_parts(model: nn.Module) -> list[str]:
    """Fill every part that brings weights of its own; returns a sentence on each.

    Raises:
        CheckpointError: as :func:`missing_parts`.
    """
    state, notes = missing_parts(model, {})
    model.load_state_dict(state, strict=False)
    return notes


def part_state(part: Any, trust: bool = False, name: str = '') -> StateDict:
    """All weights of one part, out of its own file, under its own names.

    Args:
        part: the module.
        trust: unpickle without limits.
        name: of the part in its model, under which a file may tell what the part must be set up like.

    Raises:
        CheckpointError: see :func:`missing_parts`.
    """
    path = part.own_weights
    checkpoint = load_file(path, trust)
    state, meta = state_dict_of(checkpoint, path), meta_of(checkpoint)
    found, wanted = part.own_state(state), part.state_dict()
    odd = [f'{key} is missing' for key in wanted if key not in found]
    odd += [f'{key} has no place' for key in found if key not in wanted]
    odd += [
        f'{key} has shape {shape_text(found[key].shape)} instead of {shape_text(wanted[key].shape)}'
        for key in wanted
        if key in found and found[key].shape != wanted[key].shape
    ]
    if odd:
        refuse_foreign(state, meta, path)
        more = f', and {len(odd) - LISTED} more' if len(odd) > LISTED else ''
        raise CheckpointError(f'{path} does not fill {type(part).__name__}: {", ".join(odd[:LISTED])}{more}')
    problems = differences(meta, part) + (differences(meta, {name: part}) if name else [])
    if problems:
        raise CheckpointError(f'{path} does not suit {type(part).__name__}: {"; ".join(problems)}')
    return found
