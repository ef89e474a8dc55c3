"""Finds everything that is wrong with a set of crops: file names, folders, images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmdet.datasets.crops.base import CropDataset
from mmdet.datasets.crops.market1501 import Market1501Dataset
from mmdet.datasets.schema import Problem
from mmdet.errors import DataError

__all__ = ['check_crops', 'check_market', 'is_market']


def is_market(root: str | Path) -> bool:
    """Whether a folder has the layout of Market-1501."""
    return (Path(root) / 'bounding_box_train').is_dir() or (Path(root) / 'bounding_box_test').is_dir()


def check_market(root: str | Path, skip_images: bool, echo: Callable[[str], None]) -> Iterator[Problem]:
    """Everything wrong with both parts of such a folder."""
    for part, test_mode in (('train', False), ('test', True)):
        arguments = {'data_root': str(root), 'test_mode': test_mode}
        yield from check_crops(f'{root} ({part})', Market1501Dataset, arguments, skip_images, echo)


def check_crops(
    place: str, cls: type[CropDataset], arguments: Mapping[str, Any], skip_images: bool, echo: Callable[[str], None]
) -> Iterator[Problem]:
    """Everything wrong with one set.

    Args:
        place: for messages.
        cls: data set.
        arguments: of its constructor.
        skip_images: leave images alone; else all are decoded.
        echo: gets a summary line.
    """
    try:
        dataset = cls(**arguments)
    except DataError as error:
        yield Problem(place, str(error))
        return
    people = len(np.unique(dataset.table.identities[dataset.table.identities >= 0]))
    echo(f'{place}: {cls.__name__}, {len(dataset.table)} crops of {people} identities')
    for index in range(0 if skip_images else len(dataset.table)):
        try:
            dataset.read_crop(index)
        except DataError as error:
            yield Problem(place, str(error))
