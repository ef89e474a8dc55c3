"""Reads a config file, applies the command line's overrides, and checks that no key is misspelt.

A config is Python: it is run when it is read. Read none from a source that you would not run a program from.
"""

from __future__ import annotations

import ast
import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.utils import import_modules_from_strings

from mmdet.engine.config_keys import check_keys, check_override
from mmdet.engine.config_merge import (
    drop_arguments_of_other_classes,
    names_another_class,
    run_alone,
)
from mmdet.errors import ConfigError

_MADE_FROM = '# made from '  # begins a resolved config, whose custom_imports may lie beside the file named there
WORDS = {'true': True, 'false': False, 'none': None}


def load_config(path: str | Path, cfg_options: Mapping[str, Any] | None = None) -> Config:
    """Read a config file.

    Args:
        path: a ``.py`` file (``.json`` and ``.yaml`` work too).
        cfg_options: values by dotted path, ``{'optim_wrapper.optimizer.lr': 0.01}``; list items by position. They must
            name something that the config has, or an optional key that its place is known to take. ``x.type`` of
            another class comes before all others and replaces the dict ``x``.

    Returns:
        The resolved config. The file's own constants (names with a leading underscore) are left out. A dict is merged
        with that of its ``_base_`` key by key, unless it names another ``type``: then it replaces it. Modules that its
        ``custom_imports`` names are imported; they may lie beside the config, in the current folder, or beside the
        file that the config was made from, because these are put at the end of ``sys.path``, in this order.

    Raises:
        ConfigError: the file is missing or does not run, inherits over more than one level, or has unknown keys.
    """
    path = Path(path)
    if not path.is_file():
        near = ', '.join(sorted(p.name for p in path.parent.glob('*.py'))[:8]) if path.parent.is_dir() else ''
        raise ConfigError(f'there is no config {path}' + (f'; its folder has {near}' if near else ''))
    _check_inheritance(path)
    _allow_imports_from(path.parent, Path(), _origin(path).parent)
    config = _read(path)
    check_keys(config.to_dict(), str(path))
    _merge(config, cfg_options or {})
    check_keys(config.to_dict(), f'{path} with --cfg-options')
    _check_length(config, path)
    return config


def add_config_options(parser: ArgumentParser) -> None:
    """Give a command the option ``--cfg-options a.b=c ...``; pass its value to :func:`parse_overrides`."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='override values of the config: model.detector.backbone.depth=18 "classes=[\'cat\', \'dog\']"',
    )


def parse_overrides(texts: Sequence[str]) -> dict[str, Any]:
    """``['a.b=1', 'c=(2, 3)', 'd=x,y']`` -> ``{'a.b': 1, 'c': (2, 3), 'd': ['x', 'y']}``. Nothing is executed.

    Raises:
        ConfigError: a text has no ``=``, or its brackets do not match.
    """
    overrides: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition('=')
        if not equals or not key.strip():
            raise ConfigError(f'--cfg-options takes KEY=VALUE, got {text!r}')
        overrides[key.strip()] = _parse_value(value, text)
    return overrides


def _parse_value(value: str, text: str) -> Any:
    try:
        return ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    if value.lower() in WORDS:
        return WORDS[value.lower()]
    if ',' not in value and value[:1] not in ('[', '('):
        return value
    try:
        return DictAction._parse_iterable(value)  # bare words in lists: [a,b] or a,b
    except AssertionError:
        raise ConfigError(f'--cfg-options {text}: the brackets do not match') from None


def to_json(config: Config) -> str:
    """The resolved config as JSON text, for checkpoints and logs. Tuples become lists."""
    return json.dumps(config.to_dict(), default=str)


def changed_keys(old: Any, new: Any, prefix: str = '') -> list[str]:
    """Dotted paths at which two resolved configs (as from JSON) differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(set(old) | set(new))
        return [path for key in keys for path in changed_keys(old.get(key), new.get(key), f'{prefix}.{key}')]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [path for i, (a, b) in enumerate(zip(old, new)) for path in changed_keys(a, b, f'{prefix}.{i}')]
    return [] if old == new else [prefix.lstrip('.')]


def resolved_text(config: Config) -> str:
    """The config as a file that needs no other, but for modules of ``custom_imports``: its first line tells where."""
    if not (config.filename and config.get('custom_imports')):
        return config.pretty_text
    return f'{_MADE_FROM}{_origin(Path(config.filename)).absolute()}\n{config.pretty_text}'


def _origin(path: Path) -> Path:
    """The file that a config of :func:`resolved_text` was made from; of another one the file itself."""
    try:
        with path.open(encoding='utf-8', errors='replace') as file:
            first = file.readline().rstrip('\n')
    except OSError:  # it was moved since it was read
        return path
    return Path(first.removeprefix(_MADE_FROM)) if first.startswith(_MADE_FROM) else path


def _allow_imports_from(*folders: Path) -> None:
    """Let ``custom_imports`` find modules in ``folders``; last, so that they never hide an installed package."""
    for folder in folders:
        if str(folder.resolve()) not in sys.path:
            sys.path.append(str(folder.resolve()))


def _read(path: Path) -> Config:
    try:
        config = Config.fromfile(str(path), lazy_import=False)
        bases = [Config.fromfile(str(base), lazy_import=False) for base in _bases(path)]
        if bases:
            base = Config({key: value for part in bases for key, value in part.items()})
            drop_arguments_of_other_classes(config, base, cache(lambda: run_alone(path, base)))
    except ConfigError:
        raise
    except Exception as error:  # a config is a program: anything can come out of it
        raise ConfigError(f'{path}: the config cannot be read: {type(error).__name__}: {error}') from error
    for name in [key for key in config if key.startswith('_')]:
        config.pop(name)
    return config


def _check_inheritance(path: Path) -> None:
    for base in _bases(path):
        if not base.is_file():
            raise ConfigError(f'{path}: its _base_ {base} does not exist')
        if _bases(base):
            raise ConfigError(
                f'{path}: its _base_ {base} has a _base_ itself. Only one level is allowed, so that a config can be '
                f'read from top to bottom; "python tools/print_config.py {base}" prints what to write there instead.'
            )


def _bases(path: Path) -> list[Path]:
    """Files named by ``_base_ = ...`` of a Python config."""
    if path.suffix != '.py':
        return []
    try:
        tree = ast.parse(path.read_text(encoding='utf-8'))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path}: not valid Python: {error}') from error
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and any(ast.unparse(t) == '_base_' for t in statement.targets):
            try:
                names = ast.literal_eval(statement.value)
            except ValueError:
                raise ConfigError(f'{path}: _base_ must be a file name or a list of them, written out') from None
            return [path.parent / name for name in ([names] if isinstance(names, str) else names)]
    return []


def _merge(config: Config, overrides: Mapping[str, Any]) -> None:
    for key, value in sorted(overrides.items(), key=_classes_first):
        check_override(config.to_dict(), key)
        place, _, last = key.rpartition('.')
        if place and last == 'type' and names_another_class({last: value}, _at(config, place)):
            key, value = place, {last: value}  # arguments of one class mean nothing to another
        if names_another_class(value, old := _at(config, key)):
            old.clear()  # mmengine's _delete_ does not work inside lists
        try:
            config.merge_from_dict({key: value})
        except (KeyError, TypeError, IndexError) as error:
            raise ConfigError(f'--cfg-options {key}={value}: {error}') from error
    if any(key.split('.')[0] == 'custom_imports' for key in overrides):  # reading the file imported only its own
        try:
            import_modules_from_strings(**config.custom_imports)
        except (ImportError, TypeError) as error:
            raise ConfigError(f'--cfg-options custom_imports: {error}') from error


def _classes_first(override: tuple[str, Any]) -> tuple[bool, int]:
    """Order of overrides: classes, outer before inner, so that their arguments find them; the rest as it is given."""
    parts = override[0].split('.')
    return (False, len(parts)) if parts[-1] == 'type' else (True, 0)


def _at(config: Config, path: str) -> Any:
    """The value at a dotted path, None if there is none."""
    node: Any = config
    for part in path.split('.'):
        if isinstance(node, list | tuple) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, Mapping | Config):
            node = node.get(part)
        else:
            return None
    return node


def _check_length(config: Config, path: Path) -> None:
    given = [key for key in ('max_epochs', 'max_iters') if (config.get('train_cfg') or {}).get(key) is not None]
    if config.get('train_cfg') is not None and len(given) != 1:
        raise ConfigError(
            f'{path}: train_cfg must say how long to train, with either max_epochs or max_iters; it gives '
            f'{" and ".join(given) or "neither"}'
        )
