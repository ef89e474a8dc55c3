"""Checks every class that a config names, and the keys it is given, without building anything."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import mmengine.hooks
import mmengine.optim  # noqa: F401 - these two register their classes
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS, OPTIMIZERS, PARAM_SCHEDULERS

from mmdet import registry as rooms
from mmdet.datasets.loader import check_loader_keys
from mmdet.engine.config_keys import ANYTHING, SECTIONS, constructor_keys, unknown_key
from mmdet.errors import ConfigError
from mmdet.models.layers import NORMS
from mmdet.registry import allowed_keys, register_all

BORROWED = (OPTIMIZERS, PARAM_SCHEDULERS, OPTIM_WRAPPERS, OPTIM_WRAPPER_CONSTRUCTORS)
"""Registries of mmengine that a config names classes of."""


def check_types(config: Mapping[str, Any], source: str) -> None:
    """Refuse classes that do not exist and keys that their constructors do not take, all of them at once.

    Args:
        config: as loaded.
        source: the file, for the message.

    Raises:
        ConfigError: the message names every such place by its path.
    """
    register_all()
    problems = list(_problems(config, ''))
    if problems:
        raise ConfigError(f'{source}: ' + '\n'.join(problems))


def _problems(node: Any, path: str) -> Iterator[str]:
    if isinstance(node, Mapping):
        if 'type' in node:
            yield from _problems_of_class(node, path)
        if path.endswith('_dataloader'):
            yield from _problems_of_loader(node, path)
        for key, value in node.items():
            yield from _problems(value, f'{path}.{key}'.lstrip('.'))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _problems(value, f'{path}.{index}')


def _problems_of_class(node: Mapping[str, Any], path: str) -> Iterator[str]:
    kind = node['type']
    if path.endswith('norm_cfg'):  # a layer of PyTorch, whose arguments it checks itself
        if kind not in NORMS:
            yield f'{path}: {kind!r} is no normalisation; use one of {", ".join(NORMS)}.'
        return
    keys = _keys_of(kind)
    if keys is None:
        close = difflib.get_close_matches(str(kind), _all_names(), n=3)
        hint = f' Did you mean {" or ".join(close)}?' if close else ''
        yield f'{path}: there is no registered class {kind!r}.{hint}'
    elif keys is not ANYTHING and path not in SECTIONS:
        strange = [key for key in node if key not in keys and key not in ('type', '_scope_')]
        yield from (unknown_key(key, keys, f'{path} ({kind})') for key in strange)


def _problems_of_loader(node: Mapping[str, Any], path: str) -> Iterator[str]:
    try:
        check_loader_keys(node)
    except ConfigError as error:
        yield f'{path}: {error}'


def _keys_of(kind: Any) -> Collection[str] | None:
    """Arguments of a class of ours or mmengine's; ANYTHING where it takes any, None where it does not exist."""
    keys = constructor_keys(kind)
    if keys is not None:
        return keys
    found = next(filter(None, (registry.get(kind) for registry in BORROWED)), None)
    return None if found is None else _inherited_keys(found)


def _inherited_keys(cls: type) -> Collection[str]:
    """Arguments of mmengine's classes, whose constructors pass ``**kwargs`` on to the next class."""
    names = {'convert_to_iter_based'} if PARAM_SCHEDULERS.get(cls.__name__) is cls else set()
    for base in cls.__mro__[:-1]:
        if '__init__' in vars(base):
            own, passes_on = allowed_keys(base)
            names.update(own)
            if not passes_on:
                return names
    return ANYTHING


def _all_names() -> list[str]:
    ours = [value for value in vars(rooms).values() if isinstance(value, rooms.Registry)]
    theirs = [registry.parent for registry in ours if registry.parent is not None]
    return [name for registry in (*ours, *theirs, *BORROWED) for name in registry.module_dict]
