"""Sequences in the layout of VOT 2016, 2018 and 2019: list.txt, frames, groundtruth.txt and one file per attribute."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdet.errors import DataError
from mmdet.sequences.davis import frame_files, picture_size, read_names
from mmdet.sequences.regions import box_polygon, read_regions

__all__ = ['ATTRIBUTES', 'VOTSequence', 'read_vot']

ATTRIBUTES = ('camera_motion', 'illum_change', 'motion_change', 'size_change', 'occlusion')


@dataclass(frozen=True)
class VOTSequence:
    """One sequence of T frames.

    Attributes:
        name: of its folder.
        images: files of its frames in order, relative to the root of the set.
        regions: T rows of 4 or 8 numbers, as in groundtruth.txt.
        size: (H, W) of the first frame in pixels.
        attributes: (T,) bool for every attribute of :data:`ATTRIBUTES` that has a file.
    """

    name: str
    images: tuple[str, ...]
    regions: tuple[tuple[float, ...], ...]
    size: tuple[int, int]
    attributes: dict[str, np.ndarray]

    @property
    def polygons(self) -> np.ndarray:
        """Corners (T, 4, 2) of every region."""
        return np.stack([np.reshape(r, (4, 2)) if len(r) == 8 else box_polygon(*r) for r in self.regions])


def read_vot(root: str | Path, list_file: str | Path = 'list.txt') -> list[VOTSequence]:
    """The sequences that ``list_file`` (relative to ``root``) names.

    Raises:
        DataError: a list, folder, ground truth or frame is missing, or their numbers differ.
    """
    root = Path(root)
    return [_sequence(root, name) for name in read_names(root / list_file)]


def _sequence(root: Path, name: str) -> VOTSequence:
    folder = root / name / 'color' if (root / name / 'color').is_dir() else root / name
    images = frame_files(folder, f'sequence {name}')
    truth = root / name / 'groundtruth.txt'
    regions = read_regions(truth)
    if len(regions) != len(images):
        raise DataError(f'{truth}: {len(regions)} regions, but {folder} has {len(images)} frames')
    prefix = folder.relative_to(root)
    flags = {attribute: _flags(root / name, attribute, len(images)) for attribute in ATTRIBUTES}
    return VOTSequence(
        name,
        tuple(str(prefix / image) for image in images),
        tuple(tuple(row) for row in regions),
        picture_size(folder / images[0]),
        {attribute: values for attribute, values in flags.items() if values is not None},
    )


def _flags(folder: Path, attribute: str, length: int) -> np.ndarray | None:
    """(T,) bool; lists that are too short are padded with False, as the benchmark's own are."""
    for suffix in ('.tag', '.label'):
        path = folder / (attribute + suffix)
        if path.is_file():
            values = [line.strip() not in ('', '0') for line in path.read_text(encoding='utf-8').splitlines()][:length]
            return np.array(values + [False] * (length - len(values)), dtype=bool)
    return None
