"""Which keys a config may have, and what to answer to one that it may not have.

Sections made of plain values are listed here. Dicts with a ``type`` take what the constructor of that class takes;
:func:`mmdet.registry.build_checked` sees to that when they are built.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from mmdet.errors import ConfigError

SECTIONS: dict[str, tuple[str, ...]] = {
    'train_cfg': ('max_epochs', 'max_iters', 'val_interval', 'val_begin'),
    'val_cfg': ('chunk_size',),
    'test_cfg': ('chunk_size',),
    'optim_wrapper': (
        'type',
        'optimizer',
        'clip_grad',
        'accumulative_counts',
        'paramwise_cfg',
        'constructor',
        'dtype',
        'loss_scale',
    ),
    'checkpoint_cfg': ('interval', 'max_keep', 'save_best', 'rule'),
    'log_cfg': ('interval', 'tensorboard'),
    'env_cfg': ('deterministic', 'cudnn_benchmark', 'find_unused_parameters', 'timeout'),
    'custom_imports': ('imports', 'allow_failed_imports'),
}
"""Sections of plain values and all their keys."""

TOP_KEYS = (
    'model',
    'classes',
    'train_dataloader',
    'val_dataloader',
    'test_dataloader',
    'val_evaluator',
    'test_evaluator',
    'param_scheduler',
    'custom_hooks',
    'load_from',
    'resume',
    'seed',
    'work_dir',
    *SECTIONS,
)

ELSEWHERE = {
    'default_hooks': "logging is 'log_cfg', checkpoints are 'checkpoint_cfg', further hooks go into 'custom_hooks'",
    'runner': "the length of training is train_cfg=dict(max_epochs=...) or dict(max_iters=...)",
    'optimizer': "write optim_wrapper=dict(type='OptimWrapper', optimizer=dict(...))",
    'optimizer_config': 'write optim_wrapper=dict(clip_grad=dict(max_norm=...))',
    'lr_config': "write param_scheduler=[dict(type='MultiStepLR', ...)]",
    'data': "write 'train_dataloader', 'val_dataloader' and 'test_dataloader'",
    'evaluation': "write 'val_evaluator' and train_cfg=dict(val_interval=...)",
    'checkpoint_config': "write 'checkpoint_cfg'",
    'log_config': "write 'log_cfg'",
    'dist_params': "write env_cfg=dict(timeout=...); the back end follows from the device",
    'workflow': 'validation is set by train_cfg=dict(val_interval=...)',
    'randomness': "write seed=... and env_cfg=dict(deterministic=...)",
    'auto_scale_lr': 'write the learning rate that the total batch size needs',
    'default_scope': 'it is always mmdet; remove it',
}
"""Keys of older or related config systems, and what they are called here."""


ANYTHING = ('(any)',)  # stands for a set of keys that is not known here


def unknown_key(key: str, known: Collection[str], where: str) -> str:
    """One sentence on a key that ``where`` does not take."""
    if where == 'config' and key in ELSEWHERE:
        return f"'{key}' is not a key of this config system: {ELSEWHERE[key]}."
    close = difflib.get_close_matches(key, known, n=2)
    hint = f' Did you mean {" or ".join(repr(name) for name in close)}?' if close else ''
    own = ' Constants of your own begin with an underscore.' if where == 'config' else ''
    return f"{where} has no key '{key}'.{hint} It takes: {', '.join(sorted(known))}.{own}"


def check_keys(config: Mapping[str, Any], source: str) -> None:
    """Refuse unknown keys of the top level and of the sections of plain values, all of them at once.

    Names that begin with an underscore are the config's own constants and are not looked at.

    Raises:
        ConfigError: the message lists every unknown key with what is near it.
    """
    problems = [unknown_key(key, TOP_KEYS, 'config') for key in _strangers(config, TOP_KEYS)]
    for section, known in SECTIONS.items():
        content = config.get(section)
        if content is None:
            continue
        if not isinstance(content, Mapping):
            problems.append(f'{section} must be a dict, got {content!r}.')
        else:
            problems += [unknown_key(key, known, section) for key in _strangers(content, known)]
    if problems:
        raise ConfigError(f'{source}: ' + '\n'.join(problems))


def _strangers(config: Iterable[str], known: Collection[str]) -> list[str]:
    return [key for key in config if key not in known and not key.startswith('_')]


def check_override(config: Any, path: str) -> None:
    """Refuse an override of something that the config does not have and cannot have.

    New keys may be added where it is known what a place takes: to a listed section, to the top level, and to a dict
    with a ``type`` if the constructor of that class takes them.

    Raises:
        ConfigError: naming the part of ``path`` that does not exist and what is near it.
    """
    parts = path.split('.')
    node = config
    for depth, part in enumerate(parts):
        where = '.'.join(parts[:depth]) or 'config'
        if isinstance(node, list | tuple):
            if not part.isdigit() or int(part) >= len(node):
                raise ConfigError(f'--cfg-options {path}: {where} is a list of {len(node)}, use 0 to {len(node) - 1}')
            node = node[int(part)]
        elif isinstance(node, Mapping):
            if part not in node:
                _check_addition(node, part, where, path)
                return
            node = node[part]
        elif node is None and depth > 0:
            return  # a switched-off part gets its own value; its class checks the keys
        else:
            raise ConfigError(f'--cfg-options {path}: {where} is {node!r}, which has no keys')


def _check_addition(node: Mapping[str, Any], key: str, where: str, path: str) -> None:
    if where == 'config':
        known: Collection[str] = TOP_KEYS
    elif where in SECTIONS:
        known = SECTIONS[where]
    elif where.endswith('_dataloader'):
        known = ANYTHING  # the loader's builder checks its keys
    elif 'type' in node:
        known = constructor_keys(node['type']) or ANYTHING
    else:
        known = tuple(node)
    if key not in known and known is not ANYTHING:
        raise ConfigError(f'--cfg-options {path}: {unknown_key(key, set(known) | set(node), where)}')


def constructor_keys(name: Any) -> Collection[str] | None:
    """Arguments of a class of any of our registries; ANYTHING where it takes any, None where there is no such class."""
    import mmdet.registry as rooms

    registries = [value for value in vars(rooms).values() if isinstance(value, rooms.Registry)]
    for registry in registries:
        try:
            cls = registry.get(name) if isinstance(name, str) else name
        except ConfigError:
            continue
        names, takes_any = rooms.allowed_keys(cls)
        return ANYTHING if takes_any else names
    return None
