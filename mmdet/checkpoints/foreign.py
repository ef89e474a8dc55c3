"""Recognises checkpoints of other programs where weights of ours are expected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdet.checkpoints import families
from mmdet.checkpoints.safe_pickle import convert_command
from mmdet.checkpoints.state import StateDict, shapes_of
from mmdet.errors import CheckpointError


def refuse_foreign(state: StateDict, meta: Mapping[str, Any], path: str | Path) -> None:
    """Stop at weights that the converter knows.

    Raises:
        CheckpointError: they are of another program; the message is the command that converts them.
    """
    foreign = [family for family in families.matching(shapes_of(state), meta) if family.name != 'own']
    if foreign:
        choice = '' if len(foreign) == 1 else f' --family {"|".join(family.name for family in foreign)}'
        raise CheckpointError(
            f'{path} is a checkpoint of another program ({" or ".join(family.title for family in foreign)}). '
            f'Convert it first: {convert_command(path)}{choice}'
        )
