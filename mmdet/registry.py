"""The registries that turn config dicts into objects, and the rule that no key of a config is ever swallowed."""

from __future__ import annotations

import difflib
import importlib
import inspect
from typing import Any

from mmengine import registry as base
from mmengine.registry import Registry as MMEngineRegistry

from mmdet.errors import ConfigError

ROOMS = (
    'mmdet.models',
    'mmdet.trackers',
    'mmdet.datasets',
    'mmdet.evaluation',
    'mmdet.engine.hooks',
    'mmdet.visualization',
)


def register_all() -> None:
    """Import every room that holds registered classes. Cheap to call again."""
    for room in ROOMS:
        importlib.import_module(room)


def allowed_keys(cls: Any) -> tuple[list[str], bool]:
    """Names that the constructor of ``cls`` takes, and whether it takes any others (``**kwargs``)."""
    parameters = inspect.signature(cls).parameters.values()
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return named, any(p.kind is p.VAR_KEYWORD for p in parameters)


def build_checked(cfg: Any, registry: Registry, default_args: dict | None = None, **kwargs: Any) -> Any:
    """Build ``cfg`` after checking all its keys against the constructor of the class that it names.

    Raises:
        ConfigError: unknown keys (all of them at once, with the allowed ones) or a ``type`` that is not registered.
    """
    if cfg is not None and not isinstance(cfg, dict):
        return cfg  # already an object
    if cfg is None or not ('type' in cfg or 'type' in (default_args or {})):
        raise ConfigError(f"a {registry.name} config needs a 'type' key, got {cfg!r}. Known types: {registry.known()}")
    merged = {**(default_args or {}), **cfg}
    cls = merged['type']
    if isinstance(cls, str):
        cls = registry.get(cls)
    names, takes_any = allowed_keys(cls)
    unknown = sorted(set(merged) - set(names) - {'type', '_scope_'})
    if unknown and not takes_any:
        hints = []
        for key in unknown:
            close = difflib.get_close_matches(key, names, n=1)
            hints.append(f"'{key}'" + (f" (did you mean '{close[0]}'?)" if close else ''))
        raise ConfigError(f'{cls.__name__} does not take {", ".join(hints)}. It takes: {", ".join(names)}.')
    required = [
        p.name
        for p in inspect.signature(cls).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name not in merged
    ]
    if required:
        raise ConfigError(f'{cls.__name__} needs {", ".join(required)}, which the config does not give.')
    arguments = {k: v for k, v in merged.items() if k not in ('type', '_scope_')}
    return cls(**arguments)


class Registry(MMEngineRegistry):
    """A registry whose misses name the close matches, and whose builds reject unknown keys."""

    def __init__(self, name: str, parent: MMEngineRegistry | None = None, locations: tuple[str, ...] = ()) -> None:
        super().__init__(name, build_func=build_checked, parent=parent, scope='mmdet', locations=list(locations))

    def known(self) -> str:
        """Names registered here, sorted, as one line of text."""
        return ', '.join(sorted(self._module_dict)) or '(none)'

    def get(self, key: str) -> type:
        """The class registered under ``key``.

        Raises:
            ConfigError: nothing has that name; the message lists close matches and the room to import.
        """
        self.import_from_location()
        found = super().get(key)
        if found is not None:
            return found
        close = difflib.get_close_matches(key, self._module_dict, n=3)
        hint = f'Did you mean {" or ".join(close)}? ' if close else ''
        rooms = ', '.join(self._locations) or 'the module that defines it'
        raise ConfigError(
            f"'{key}' is not a registered {self.name}. {hint}Known: {self.known()}. If it is your own class, "
            f'decorate it with @{self.name.upper()}S.register_module() and import its module '
            f"(config: custom_imports=dict(imports=['my_module'])); ours live in {rooms}."
        )


MODELS = Registry('model', parent=base.MODELS, locations=('mmdet.models',))
TRACKERS = Registry('tracker', locations=('mmdet.trackers',))
DATASETS = Registry('dataset', parent=base.DATASETS, locations=('mmdet.datasets',))
TRANSFORMS = Registry('transform', parent=base.TRANSFORMS, locations=('mmdet.datasets',))
DATA_SAMPLERS = Registry('data_sampler', parent=base.DATA_SAMPLERS, locations=('mmdet.datasets',))
METRICS = Registry('metric', parent=base.METRICS, locations=('mmdet.evaluation',))
HOOKS = Registry('hook', parent=base.HOOKS, locations=('mmdet.engine.hooks',))
