"""Find the weights and the facts inside a loaded checkpoint, whichever program saved it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from mmdet.errors import CheckpointError

StateDict = dict[str, Tensor]
Shapes = Mapping[str, tuple[int, ...]]

WEIGHT_KEYS = ('state_dict', 'net_dict', 'model_state_dict', 'model')  # where programs put their weights
PARALLEL_PREFIX = 'module.'  # DataParallel and DistributedDataParallel add it


def state_dict_of(checkpoint: Mapping[str, Any], source: object) -> StateDict:
    """The tensors of a checkpoint by name, without the prefix that parallel training adds.

    Args:
        checkpoint: a training checkpoint (``{'meta', 'state_dict', 'optimizer', ...}``) or a bare state dict.
        source: the file, for messages.

    Raises:
        CheckpointError: there are no tensors where weights should be.
    """
    found = next((checkpoint[key] for key in WEIGHT_KEYS if isinstance(checkpoint.get(key), Mapping)), checkpoint)
    state = {str(key): value for key, value in found.items() if isinstance(value, Tensor)}
    if not state:
        keys = ', '.join(map(str, list(checkpoint)[:10])) or 'nothing'
        raise CheckpointError(f'{source} holds no weights; its entries are {keys}')
    while all(key.startswith(PARALLEL_PREFIX) for key in state):
        state = {key.removeprefix(PARALLEL_PREFIX): value for key, value in state.items()}
    return state


def shapes_of(state_dict: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor by name."""
    return {key: tuple(value.shape) for key, value in state_dict.items()}


def meta_of(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The ``meta`` entry of a checkpoint, {} where there is none."""
    meta = checkpoint.get('meta')
    return dict(meta) if isinstance(meta, Mapping) else {}


def classes_in(meta: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Class names that a checkpoint's ``meta`` tells, in the spelling of any OpenMMLab generation, or None."""
    dataset_meta = meta.get('dataset_meta')
    places = [meta, dataset_meta if isinstance(dataset_meta, Mapping) else {}]
    for place in places:
        for key in ('classes', 'CLASSES'):
            names = place.get(key)
            if isinstance(names, Sequence) and not isinstance(names, str) and names:
                return tuple(str(name) for name in names)
    return None


def first_difference(ours: Sequence[str], theirs: Sequence[str]) -> str | None:
    """What sets two lists of class names apart, as a clause, or None. Case, hyphens and underscores do not count."""
    if len(ours) != len(theirs):
        return f'{len(theirs)} classes instead of {len(ours)}'
    for label, (mine, other) in enumerate(zip(ours, theirs)):
        if _plain(mine) != _plain(other):
            return f"label {label} is '{other}' instead of '{mine}'"
    return None


def _plain(name: str) -> str:
    return re.sub(r'[\s_-]+', ' ', name).strip().lower()
