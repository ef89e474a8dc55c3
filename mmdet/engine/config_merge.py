"""The one exception to key-by-key merging: a dict that names another class takes nothing over.

Arguments of one class mean nothing to another. Without this rule a config could not swap the tracker of its ``_base_``
without naming every argument that has to go.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmdet.errors import ConfigError

BASE_KEY = '_base_'


def names_another_class(new: Any, old: Any) -> bool:
    """Whether both are dicts with a ``type``, and not the same one."""
    return isinstance(new, Mapping) and isinstance(old, Mapping) and 'type' in new and 'type' in old and (
        new['type'] != old['type']
    )


def drop_arguments_of_other_classes(merged: Any, base: Mapping[str, Any], own: Callable[[], Mapping[str, Any]]) -> None:
    """Take out of ``merged`` what belonged to classes of ``base`` that the child config replaced, in place.

    Args:
        merged: child and base, merged key by key.
        base: the base alone.
        own: gives what the child alone says; called only if there is something to take out.
    """
    for key, value in list(merged.items()):
        inherited = base.get(key)
        if names_another_class(value, inherited):
            merged[key] = _only(value, own()[key])
        elif isinstance(value, dict) and isinstance(inherited, Mapping):
            drop_arguments_of_other_classes(value, inherited, lambda key=key: own()[key])  # type: ignore[misc]


def _only(value: Any, own: Any) -> Any:
    """``value`` without the dict keys, at any depth, that ``own`` does not have."""
    if isinstance(value, dict) and isinstance(own, Mapping):
        return {key: _only(value[key], own[key]) for key in own if key in value}
    return value


def run_alone(path: Path, base: Mapping[str, Any]) -> dict[str, Any]:
    """What a Python config says itself, without its base; it may read the base as ``_base_``.

    Raises:
        ConfigError: the file does not run like this.
    """
    tree = ast.parse(path.read_text(encoding='utf-8'))
    tree.body = [
        statement
        for statement in tree.body
        if not (isinstance(statement, ast.Assign) and any(ast.unparse(t) == BASE_KEY for t in statement.targets))
    ]
    names: dict[str, Any] = {BASE_KEY: base, '__file__': str(path)}
    try:
        exec(compile(tree, str(path), 'exec'), names)  # a config is a program
    except Exception as error:
        raise ConfigError(
            f'{path}: it gives a dict another type than its {BASE_KEY} and cannot be run on its own for that: '
            f"{type(error).__name__}: {error}. Write _base_.x instead of '{{{{_base_.x}}}}'"
        ) from error
    return names
