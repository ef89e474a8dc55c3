"""Put a checkpoint's weights into a model, and account for every tensor on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from mmdet.checkpoints.backbone import torchvision_backbone
from mmdet.checkpoints.files import load_file
from mmdet.checkpoints.foreign import refuse_foreign
from mmdet.checkpoints.metadata import differences
from mmdet.checkpoints.parts import missing_parts
from mmdet.checkpoints.report import Entry, LoadReport, module_of, shape_text
from mmdet.checkpoints.state import StateDict, classes_in, first_difference, meta_of, state_dict_of
from mmdet.errors import CheckpointError, ConfigError

LEAST_MATCH = 0.1  # below this part of a model's tensors, a checkpoint is of another model
COUNTER = 'num_batches_tracked'  # batch norm counts with it and never computes with it; old files lack it
LISTED = 12
NO_PLACE = 'the model has no tensor of that name'


def load_weights(
    model: nn.Module,
    path: str | Path,
    *,
    trust: bool = False,
    require_complete: bool = False,
    classes: Sequence[str] | None = None,
) -> LoadReport:
    """Load the weights in ``path`` into ``model``, in place.

    A tensor of another shape is never cut or stretched to fit: the parameter keeps its initialisation and is listed
    under ``random``. ``report.metadata`` holds what the file tells about its weights. A part that brings a file of its
    own (:mod:`mmdet.checkpoints.parts`) takes its weights from there where ``path`` has none for it.

    Args:
        model: target; a DistributedDataParallel wrapper is seen through.
        path: weights or training checkpoint of this program.
        trust: unpickle without limits; only on the user's explicit word.
        require_complete: for testing. Any parameter that the file does not fill, weights of a part that the model
            lacks (but for a track head, where that slot is empty or brings its own: a detector may be tested alone),
            other class names, or a model that is set up unlike what the weights need are errors. Without it
            (``load_from``) they are listed in the report. Nobody asks for what only training uses
            (``model.training_only``).
        classes: class names by label that the model will be used with; None takes ``model.classes`` if it has any. A
            model that says it is ``class_agnostic`` takes weights and data of any classes.

    Raises:
        CheckpointError: the file cannot be read safely, belongs to another model or family, or does not suffice.
    """
    module = model.module if isinstance(model, DistributedDataParallel) else model
    checkpoint = load_file(path, trust)
    state, meta = state_dict_of(checkpoint, path), meta_of(checkpoint)
    own_parts, part_notes = missing_parts(module, state, trust)
    report = LoadReport(source=str(path), family='own', metadata=meta, notes=part_notes)
    fitting = _match(module.state_dict(), {**state, **own_parts}, report)
    if report.random or not fitting:
        refuse_foreign(state, meta, path)
    _refuse_unrelated(module, fitting, report, path)
    # a track head alone has no class heads, and a model that follows what is marked takes any class
    knows_classes = not all(key.startswith('track_head.') for key in fitting)
    knows_classes &= not getattr(module, 'class_agnostic', False)
    problems = _class_problem(meta, classes or getattr(module, 'classes', None)) if knows_classes else []
    problems += differences(meta, module)
    if require_complete:
        _require_complete(module, report, problems + _unused(module, report), path)
    report.notes += problems
    module.load_state_dict(fitting, strict=False)
    return report


def _match(own: Mapping[str, Tensor], state: Mapping[str, Tensor], report: LoadReport) -> StateDict:
    """Tensors of ``state`` that fit a tensor of the model by name and shape."""
    fitting: StateDict = {}
    for key, tensor in state.items():
        shape = tuple(tensor.shape)
        if key not in own:
            report.dropped.append(Entry(key, shape, NO_PLACE))
        elif shape != tuple(own[key].shape):
            report.dropped.append(Entry(key, shape, 'the model has another shape there'))
        else:
            fitting[key] = tensor
            report.loaded.append(Entry(key, shape))
    for key, tensor in own.items():
        if key not in fitting and not key.endswith(COUNTER):
            note = f'the file has shape {shape_text(state[key].shape)}' if key in state else 'not in the file'
            report.random.append(Entry(key, tuple(tensor.shape), note))
    return fitting


def _refuse_unrelated(module: nn.Module, fitting: StateDict, report: LoadReport, path: str | Path) -> None:
    own = module.state_dict()
    if len(fitting) >= LEAST_MATCH * len(own) and fitting:
        return
    theirs = [entry.key for entry in report.dropped]
    advice = ''
    if {'conv1.weight', 'layer1.0.conv1.weight'} <= set(theirs):
        advice = " It looks like an ImageNet classifier: give it to the backbone as 'pretrained'."
    raise CheckpointError(
        f'{path} is a checkpoint of another model: {len(fitting)} of {len(own)} tensors fit. It holds '
        f'{", ".join(theirs[:3])}, ...; the model has {", ".join(list(own)[:3])}, ...{advice}'
    )


def _class_problem(meta: Mapping[str, Any], classes: Sequence[str] | None) -> list[str]:
    theirs = classes_in(meta)
    difference = first_difference(classes, theirs) if classes and theirs else None
    return [f'the classes of the weights are not those of the data: {difference}'] if difference else []


def _unused(module: nn.Module, report: LoadReport) -> list[str]:
    """A clause on weights that the model has no place for: it computes something else than what was trained."""
    head = getattr(module, 'track_head', None)
    replaced = ('track_head.',) if head is None or getattr(head, 'own_weights', None) else ()
    expected = replaced + _training_only(module)
    unused = [
        entry
        for entry in report.dropped
        if entry.note == NO_PLACE
        and not entry.key.endswith(COUNTER)
        and not entry.key.startswith(expected)
    ]
    if not unused:
        return []
    parts = ', '.join(dict.fromkeys(module_of(entry.key) for entry in unused))
    return [f'{len(unused)} of its tensors have no place in the model ({parts}): the config lacks a part of it']


def _training_only(module: nn.Module) -> tuple[str, ...]:
    """Beginnings of the names of weights that a model uses in training alone, such as a classifier of identities."""
    return tuple(getattr(module, 'training_only', ()))


def _require_complete(module: nn.Module, report: LoadReport, problems: Sequence[str], path: str | Path) -> None:
    problems = list(problems)
    random = [entry for entry in report.random if not entry.key.startswith(_training_only(module))]
    if random:
        listed = [f'{entry.key} {shape_text(entry.shape)} ({entry.note})' for entry in random[:LISTED]]
        more = f', and {len(random) - LISTED} more' if len(random) > LISTED else ''
        advice = _own_file(module, random)
        problems.append(f'{len(random)} parameters would be left random: {", ".join(listed)}{more}{advice}')
    if problems:
        raise CheckpointError(f'{path} does not suit this model and data: {"; ".join(problems)}')


def _own_file(module: nn.Module, random: Sequence[Entry]) -> str:
    """How to name a file for a part that could bring its weights, where it is all that is missing."""
    for name, part in module.named_modules():
        if hasattr(part, 'own_weights') and all(entry.key.startswith(f'{name}.') for entry in random):
            return f'. They are those of the {name}: name the file that has them, model.{name}.weights=FILE'
    return ''


def filled_parts(module: nn.Module) -> tuple[str, ...]:
    """Beginnings of the names of weights that parts of a model bring with them where nothing else fills them."""
    own = ('pretrained', 'own_weights')
    return tuple(f'{name}.' for name, part in module.named_modules() if any(getattr(part, key, None) for key in own))


def require_frozen_weights(module: nn.Module, report: LoadReport | None, filled: tuple[str, ...] = ()) -> None:
    """Refuse to train where weights that training never changes (``module.stays_as_loaded``) would be random.

    Args:
        module: about to be trained.
        report: of what was loaded into it; None where nothing was.
        filled: beginnings of the names of weights that it gets from elsewhere where nothing was loaded.

    Raises:
        ConfigError: nothing was loaded.
        CheckpointError: some of those weights were not in the file.
    """
    frozen = tuple(getattr(module, 'stays_as_loaded', ()))
    if not frozen:
        return
    parts = ', '.join(name.rstrip('.') for name in frozen)
    if report is None:
        if all(key.startswith(filled) for key in module.state_dict() if key.startswith(frozen)):
            return
        raise ConfigError(
            f'this config trains around {parts}, which stay as they are loaded, and nothing is: set load_from to the '
            'checkpoint of an earlier stage, in which they were trained'
        )
    random = [entry for entry in report.random if entry.key.startswith(frozen)]
    if random:
        raise CheckpointError(
            f'{report.source} leaves {len(random)} parameters random that this config keeps as they are loaded '
            f'({parts}): {", ".join(f"{e.key} ({e.note})" for e in random[:4])}. Give a load_from in which they were '
            'trained with the same settings and classes'
        )


def load_backbone(backbone: nn.Module, weights: str | Path, trust: bool = False) -> LoadReport:
    """Start ``backbone`` from ImageNet weights; ``weights`` as :func:`torchvision_backbone` takes it.

    A network of another kind than our ResNets takes a file; its ``pretrained_state(state)`` picks what it needs of it.

    Raises:
        CheckpointError: the weights are not to be had, or of a network of another depth or width.
    """
    own = getattr(backbone, 'pretrained_state', None)
    state = own(state_dict_of(load_file(weights, trust), weights)) if own else torchvision_backbone(weights, trust)
    report = LoadReport(source=str(weights), family='torchvision classifier')
    fitting = _match(backbone.state_dict(), state, report)
    parts = {name for name, _ in backbone.named_children()}  # a backbone may end before the last stage of the weights
    unused = [e for e in report.dropped if not e.key.endswith(COUNTER) and e.key.split('.')[0] in parts]
    odd = report.random + unused  # unused alone: deeper weights fill a shallower network, complete and wrong
    if odd:
        listed = ', '.join(f'{entry.key} {shape_text(entry.shape)} ({entry.note})' for entry in odd[:4])
        raise CheckpointError(
            f'{weights} is of a network of another depth or width than the backbone, or of other shortcuts: '
            f'{listed}, ...'
        )
    with torch.no_grad():
        backbone.load_state_dict(fitting, strict=False)
    return report
