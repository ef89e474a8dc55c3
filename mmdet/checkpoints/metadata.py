"""The facts that travel with weights, and how they are held against a model before it uses them.

Metadata of a converted file (JSON; every entry is optional):

==================  ============================================================================================
family              the family that it was converted from
convention          geometry that the weights were trained with: ``modern`` or ``legacy``
normalisation       {channel_order: rgb or bgr, mean: [3], std: [3]} in pixel values 0..255
backbone            {style: pytorch or caffe}, where the stride sits
track_head          {last_relu: bool} or {compat: bool}, what the head computes beside its weights
calibration_head    {window: centred or cuda, dilation_patch}, where the correlation looks
reid                {size: [width, height] of crops, mean: [3], std: [3], network, num_identities}
embedding           {num_sigmas, coordinates, unit} of a SpatialEmbedding detector
classes             names by label
num_classes         classes without background
config              name of the config that the weights belong to
source              name of the file that was converted
source_sha256       its checksum
==================  ============================================================================================

The weights of two programs can fit the same model and yet need another geometry, colour order or a ReLU more. Nothing
crashes then; results are only worse. So these entries are compared with the model.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from torch import Tensor

from mmdet.errors import ConfigError, DataError
from mmdet.registry import MODELS

COMPARED = {  # metadata entry -> where a model, or the model part of a config, has it
    'convention': 'detector.convention',
    'normalisation.channel_order': 'data_preprocessor.channel_order',
    'normalisation.mean': 'data_preprocessor.mean',
    'normalisation.std': 'data_preprocessor.std',
    'backbone.style': 'detector.backbone.style',
    'track_head.last_relu': 'track_head.last_relu',
    'track_head.compat': 'track_head.compat',
    'calibration_head.window': 'calibration_head.window',
    'calibration_head.dilation_patch': 'calibration_head.dilation_patch',
    'reid.size': 'embedder.size',
    'reid.mean': 'embedder.mean',
    'reid.std': 'embedder.std',
    'embedding.num_sigmas': 'detector.num_sigmas',
    'embedding.coordinates': 'detector.coordinates',
    'embedding.unit': 'detector.unit',
}


def step_in(holder: Any, path: str) -> Any:
    """Follow a dotted path through mappings and attributes; None where it ends early.

    What the config of a registered class leaves out has the default of that class's constructor.
    """
    for part in path.split('.'):
        if isinstance(holder, Mapping):
            holder = holder[part] if part in holder else _default(holder, part)
        else:
            holder = getattr(holder, part, None)
        if holder is None:
            return None
    return holder


def _default(config: Mapping[str, Any], name: str) -> Any:
    """Default of argument ``name`` of the class that ``config`` names; None where there is none to know."""
    kind = config.get('type')
    try:
        cls = MODELS.get(kind) if isinstance(kind, str) else kind
    except ConfigError:
        return None
    parameter = inspect.signature(cls).parameters.get(name) if cls is not None else None
    return None if parameter is None or parameter.default is parameter.empty else parameter.default


def differences(metadata: Mapping[str, Any], model: Any) -> list[str]:
    """Clauses that say where ``model`` (a module, or the model part of a config) is not what the weights need."""
    found = []
    odd_patch = int(step_in(model, 'calibration_head.patch_size') or 0) % 2 == 1
    for entry, path in COMPARED.items():
        if entry == 'calibration_head.window' and odd_patch:
            continue  # then both windows are the same
        needed, present = _plain(step_in(metadata, entry)), _plain(step_in(model, path))
        if needed is not None and present is not None and not _equal(needed, present):
            found.append(f'{path} is {present!r} and the weights need {needed!r}')
    return found


def describe(model: Any, classes: Sequence[str] | None = None, config: str | None = None) -> dict[str, Any]:
    """Metadata of a model of ours, for the ``meta`` of its checkpoints.

    Args:
        model: the module.
        classes: class names by label; None takes ``model.classes`` if it has any.
        config: name of its config.
    """
    described: dict[str, Any] = {}
    for entry, path in COMPARED.items():
        value = _plain(step_in(model, path))
        if value is not None:
            *parents, last = entry.split('.')
            reduce(lambda place, name: place.setdefault(name, {}), parents, described)[last] = value
    classes = classes or getattr(model, 'classes', None)
    return {**described, **({'classes': list(classes)} if classes else {}), **({'config': config} if config else {})}


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return [round(number, 4) for number in value.flatten().tolist()]
    if isinstance(value, tuple | list):
        return list(value)
    return getattr(value, 'name', value)  # a BoxConvention is known by its name


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        return all(math.isclose(a, b, rel_tol=1e-4) for a, b in zip(first, second))
    return bool(first == second)


def config_facts(config: Config) -> dict[str, Any]:
    """Metadata entries that a config tells."""
    model = config.get('model', ConfigDict())
    classes = model.get('classes') or config.get('classes')
    found = {key: _plain(step_in(model, f'data_preprocessor.{key}')) for key in ('channel_order', 'mean', 'std')}
    normalisation = {key: value for key, value in found.items() if value is not None}
    return {
        **({'config': Path(config.filename).stem} if config.filename else {}),
        **({'classes': list(classes)} if classes else {}),
        **({'normalisation': {'channel_order': 'rgb', **normalisation}} if 'mean' in normalisation else {}),
    }


def annotation_classes(path: str | Path) -> list[str]:
    """Class names by label of an annotation file in COCO or YouTube-VIS form: its categories, in its order.

    Raises:
        DataError: the file is missing, is no JSON, or has no categories.
    """
    try:
        categories = json.loads(Path(path).read_bytes())['categories']
        return [str(category['name']) for category in categories]
    except OSError as error:
        raise DataError(f'cannot read annotations {path}: {error.strerror}') from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no annotation file with 'categories' that have names: {error!r}") from error
