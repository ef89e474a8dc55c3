"""The checkpoint families that can be told apart and converted; a new one is a module and a line in ``FAMILIES``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from mmdet.checkpoints.families.base import Change, Converted, ConvertOptions, Family, KeyMap, Rule
from mmdet.checkpoints.families.deepsort import DEEPSORT
from mmdet.checkpoints.families.masktrack import CMASKTRACK, MASKTRACK
from mmdet.checkpoints.families.mmdet3 import MMDET3, MMTRACKING
from mmdet.checkpoints.families.own import OWN
from mmdet.checkpoints.families.point_track import POINT_TRACK
from mmdet.checkpoints.families.siammask import SIAMMASK
from mmdet.checkpoints.families.spatial_embedding import SPATIAL_EMBEDDING
from mmdet.checkpoints.families.torchvision import TORCHVISION
from mmdet.checkpoints.state import Shapes
from mmdet.errors import CheckpointError

__all__ = ['FAMILIES', 'Change', 'ConvertOptions', 'Converted', 'Family', 'KeyMap', 'Rule', 'detect', 'get', 'matching']

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        *(MMDET3, MMTRACKING, MASKTRACK, CMASKTRACK, TORCHVISION),
        *(DEEPSORT, SPATIAL_EMBEDDING, POINT_TRACK, SIAMMASK, OWN),
    )
}


def get(name: str) -> Family:
    """The family called ``name``.

    Raises:
        CheckpointError: there is none; the message lists them.
    """
    if name in FAMILIES:
        return FAMILIES[name]
    close = difflib.get_close_matches(name, FAMILIES, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ''
    raise CheckpointError(f"there is no checkpoint family '{name}'.{hint} Families: {', '.join(FAMILIES)}")


def matching(shapes: Shapes, meta: Mapping[str, Any]) -> list[Family]:
    """Every family that recognises weights of these names and shapes in a checkpoint with this ``meta``."""
    return [family for family in FAMILIES.values() if family.detect(shapes) and family.claims(meta)]


def detect(shapes: Shapes, meta: Mapping[str, Any], source: object) -> Family:
    """The one family that recognises the weights.

    Raises:
        CheckpointError: none does, or more than one.
    """
    found = matching(shapes, meta)
    if len(found) == 1:
        return found[0]
    if found:
        names = ', '.join(f'{family.name} ({family.title})' for family in found)
        raise CheckpointError(f'{source} could be {names}; say which with --family')
    known = '; '.join(f'{family.name}: {family.title}' for family in FAMILIES.values())
    raise CheckpointError(
        f'{source} is of no family that is known here. Its weights begin with {", ".join(list(shapes)[:5])}. '
        f'Known: {known}'
    )
