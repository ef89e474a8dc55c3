"""Market-1501 (ICCV 2015) and other sets in its folders and file names, read as downloaded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmdet.datasets.crops.base import CropDataset, CropTable
from mmdet.datasets.image_file import read_image
from mmdet.errors import ConfigError, DataError
from mmdet.registry import DATASETS

__all__ = ['Market1501Dataset', 'parse_name']

TRAIN, QUERY, GALLERY = 'bounding_box_train', 'query', 'bounding_box_test'
JUNK, DISTRACTOR = -1, 0  # numbers of people in file names: to be ignored, and nobody
_NAME = re.compile(r'(-?\d+)_c(\d+)')
_SUFFIXES = ('.jpg', '.jpeg', '.png')


def parse_name(name: str) -> tuple[int, int] | None:
    """Person and camera out of a file name such as ``0002_c1s1_000451_03.jpg``; None if it is not of that form."""
    found = _NAME.match(name)
    return (int(found.group(1)), int(found.group(2))) if found else None


@DATASETS.register_module()
class Market1501Dataset(CropDataset):
    """One image file per crop; the file name tells person and camera.

    ``bounding_box_train`` is for training, ``query`` and ``bounding_box_test`` (the gallery) for testing. In the
    gallery person -1 (junk) is left out and person 0 (distractors) never matches.

    Args:
        data_root: folder that holds the three.
        pipeline, test_mode: see :class:`CropDataset`.
    """

    def __init__(self, data_root: str, pipeline: Sequence[Any] = (), test_mode: bool = False) -> None:
        self.root = Path(data_root).expanduser()
        self.ann_file = str(self.root)
        super().__init__(pipeline, test_mode)

    def read_table(self) -> CropTable:
        """Crops in the order of their file names, queries first."""
        folders = (QUERY, GALLERY) if self.test_mode else (TRAIN,)
        rows = [row for folder in folders for row in self._files(folder)]
        self._paths = [path for path, _, _ in rows]
        people = np.array([person for _, person, _ in rows], dtype=np.int64)
        cameras = np.array([camera for _, _, camera in rows], dtype=np.int64)
        query = np.array([path.parent.name == QUERY for path in self._paths], dtype=np.bool_)
        if not self.test_mode:
            _, people = np.unique(people, return_inverse=True)
            return CropTable(people.astype(np.int64), cameras, query, query)
        if (people[query] <= DISTRACTOR).any():
            first = self._paths[int(np.flatnonzero(query & (people <= DISTRACTOR))[0])]
            raise DataError(f'{first}: a query needs a person from 1 on; remove the file')
        return CropTable(np.where(people == DISTRACTOR, -1, people), cameras, query, ~query)

    def _files(self, folder: str) -> list[tuple[Path, int, int]]:
        """Images of a folder with person and camera, without junk."""
        place = self.root / folder
        if not place.is_dir():
            raise DataError(f'{place} does not exist; data_root must hold {TRAIN}, {QUERY} and {GALLERY}')
        found = []
        for path in sorted(place.iterdir()):
            if path.suffix.lower() not in _SUFFIXES:
                continue  # the published set has a Thumbs.db
            facts = parse_name(path.name)
            if facts is None:
                raise DataError(
                    f'{path}: the name must begin with person and camera, as 0002_c1s1_000451_03.jpg; rename or '
                    'remove it'
                )
            if facts[0] != JUNK:
                found.append((path, *facts))
        if not found:
            raise DataError(f'{place} has no images ({", ".join(_SUFFIXES)})')
        return found

    def read_crop(self, index: int) -> np.ndarray:
        """The whole image."""
        if not 0 <= index < len(self._paths):
            raise ConfigError(f'crop {index} of {len(self._paths)}')
        return read_image(self._paths[index])

    def name(self, index: int) -> str:
        """Folder and file."""
        path = self._paths[index]
        return f'{path.parent.name}/{path.name}'
