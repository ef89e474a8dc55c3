"""Turn a checkpoint of another program into safetensors weights of ours."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from torch import Tensor

from mmdet.checkpoints import families
from mmdet.checkpoints.families import ConvertOptions
from mmdet.checkpoints.files import load_file, save_weights
from mmdet.checkpoints.metadata import config_facts, differences
from mmdet.checkpoints.report import LoadReport
from mmdet.checkpoints.state import first_difference, meta_of, shapes_of, state_dict_of
from mmdet.errors import CheckpointError

CLASS_ROWS = 'detector.roi_head.bbox_head.fc_cls.weight'


def convert(
    src: str | Path,
    dst: str | Path,
    family: str = 'auto',
    *,
    trust: bool = False,
    config: Config | None = None,
    classes: Sequence[str] | None = None,
    options: ConvertOptions | None = None,
) -> LoadReport:
    """Read ``src``, rename and reorder its weights, and write them with metadata to ``dst``.

    Args:
        src: checkpoint of any family in ``families.FAMILIES``.
        dst: file to write; its name ends with .safetensors.
        family: name of the family, or ``auto`` to tell it from the keys.
        trust: unpickle without limits; only on the user's explicit word.
        config: our config that the weights are meant for. It gives its name, class names and normalisation where the
            checkpoint tells none, and is compared with what the weights need.
        classes: class names by label, for weights that do not tell them.
        options: choices that keys cannot tell.

    Raises:
        CheckpointError: ``src`` cannot be read safely or is of no known family, ``classes`` are not its classes, or
            ``dst`` cannot be written.
    """
    src, dst = Path(src), Path(dst)
    _check_output(src, dst)
    checkpoint = load_file(src, trust)
    state, meta = state_dict_of(checkpoint, src), meta_of(checkpoint)
    shapes = shapes_of(state)
    chosen = families.detect(shapes, meta, src) if family == 'auto' else families.get(family)
    if not chosen.detect(shapes):
        raise CheckpointError(f'{src} is not of the family {chosen.name} ({chosen.title}); leave --family out to see')
    converted = chosen.convert(state, meta, options or ConvertOptions())
    report = converted.report
    report.source = str(src)
    given = {**(config_facts(config) if config is not None else {}), **({'classes': list(classes)} if classes else {})}
    report.metadata = {'family': chosen.name, **converted.assumed, **given, **converted.meta}
    report.metadata |= _origin(src, converted.state_dict)
    if 'config' in given:  # the checkpoint may name the config that it was trained with before
        report.metadata['config'] = given['config']
    if 'classes' in converted.assumed and 'classes' not in {**given, **converted.meta}:
        first = ', '.join(converted.assumed['classes'][:3])
        report.notes.append(f'class names, which the file does not tell, are taken to be {first}, ... (--annotations)')
    _check_classes(report.metadata, given.get('classes'), src)
    if config is not None:
        report.notes += [f'in {config.filename}: {what}' for what in differences(report.metadata, config.get('model'))]
    save_weights(converted.state_dict, dst, report.metadata)
    return report


def _check_output(src: Path, dst: Path) -> None:
    if dst.suffix != '.safetensors':
        raise CheckpointError(f'converted weights are safetensors: call the output {dst.stem}.safetensors, not {dst}')
    if src.resolve() == dst.resolve():
        raise CheckpointError(f'{src} is input and output; give the output another name')


def _check_classes(metadata: Mapping[str, Any], given: Sequence[str] | None, src: Path) -> None:
    names, count = metadata.get('classes'), metadata.get('num_classes')
    if names and count is not None and len(names) != count:
        raise CheckpointError(
            f'{src} has heads for {count} classes, and {len(names)} class names were given: {", ".join(names[:3])}, ...'
        )
    difference = first_difference(names, given) if names and given else None
    if difference:
        raise CheckpointError(f'{src} tells its own class names, and those that were given differ: {difference}')


def _origin(src: Path, state_dict: Mapping[str, Tensor]) -> dict[str, Any]:
    digest = hashlib.sha256()
    with open(src, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    rows = state_dict.get(CLASS_ROWS)
    count = {} if rows is None else {'num_classes': len(rows) - 1}
    return {'source': src.name, 'source_sha256': digest.hexdigest(), **count}
