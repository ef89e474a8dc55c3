"""Sequences in the DAVIS layout: a list of names, a folder of frames and a folder of label maps for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mmdet.errors import DataError
from mmdet.sequences.label_maps import object_numbers, read_label_map

__all__ = ['DavisSequence', 'frame_files', 'picture_size', 'read_davis', 'read_names']

PICTURES = frozenset(['.jpg', '.jpeg', '.png'])


@dataclass(frozen=True)
class DavisSequence:
    """One sequence.

    Attributes:
        name: of its folders.
        images: file names of its frames in order.
        maps: label map of every frame; None where there is none (test sets have only the first).
        size: (H, W) of the first frame in pixels.
    """

    name: str
    images: tuple[str, ...]
    maps: tuple[Path | None, ...]
    size: tuple[int, int]

    @property
    def complete(self) -> bool:
        """Whether every frame has a label map."""
        return all(path is not None for path in self.maps)

    def labels(self, frame: int) -> np.ndarray:
        """Object numbers (H, W) uint8 of one frame that has a map.

        Raises:
            DataError: none there, damaged, or not of the frames' size.
        """
        path = self.maps[frame]
        where = f'sequence {self.name}, frame {frame}'
        if path is None:
            raise DataError(f'{where}: there is no label map for {self.images[frame]}')
        return read_label_map(path, self.size, where)

    def objects(self) -> list[int]:
        """Numbers of the objects of the first frame.

        Raises:
            DataError: there is none.
        """
        found = object_numbers(self.labels(0))
        if not found:
            raise DataError(
                f'{self.maps[0]}: the label map of the first frame of {self.name} is empty, so there is no object to '
                f'follow; restore the file, or take the sequence out of the list'
            )
        return found


def read_davis(
    names: Sequence[str], image_folder: Path, map_folder: Path, source: str = 'the list'
) -> list[DavisSequence]:
    """The sequences of ``names``.

    Args:
        names: of the sequences.
        image_folder: ``JPEGImages/480p``.
        map_folder: ``Annotations/480p``.
        source: file that the names come from, for messages.

    Raises:
        DataError: a folder or the first label map is missing, maps are missing in the middle, or maps have no frame.
    """
    return [_sequence(name, image_folder / name, map_folder / name, source) for name in names]


def _sequence(name: str, images: Path, maps: Path, source: str) -> DavisSequence:
    files = frame_files(images, f'sequence {name} of {source}')
    stems = {Path(file).stem: index for index, file in enumerate(files)}
    found: list[Path | None] = [None] * len(files)
    for path in sorted(maps.glob('*.png')):
        if path.stem not in stems:
            raise DataError(f'{path}: there is no frame {path.stem} in {images}; frames are missing or maps too many')
        found[stems[path.stem]] = path
    if found[0] is None:
        raise DataError(f'{maps / Path(files[0]).stem}.png: the label map of the first frame of {name} is missing')
    given = sum(path is not None for path in found)
    if given not in (1, len(files)):
        first = next(file for file, path in zip(files, found) if path is None)
        raise DataError(
            f'{maps}: {len(files) - given} of {len(files)} label maps are missing (first: {Path(first).stem}.png); '
            f'a sequence has a map for every frame, or one for the first frame alone'
        )
    return DavisSequence(name, tuple(files), tuple(found), picture_size(images / files[0]))


def read_names(path: str | Path) -> list[str]:
    """Names in a text file, one a line; of a line with several words (DAVIS 2016) the last folder of the first path.

    Raises:
        DataError: the file is missing, empty, or names a sequence twice.
    """
    try:
        lines = Path(path).read_text(encoding='utf-8').split('\n')
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'{path}: cannot read the list of sequences: {error}') from error
    names = [_name(line.split()[0]) for line in lines if line.strip()]
    names = list(dict.fromkeys(names)) if any('/' in line for line in lines) else names
    if not names:
        raise DataError(f'{path}: the list of sequences is empty')
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f'{path}: {", ".join(twice)} is listed twice')
    return names


def _name(word: str) -> str:
    """``bear`` of ``bear`` and of ``/JPEGImages/480p/bear/00000.jpg``, the spelling of the 2016 pair lists."""
    return Path(word).parent.name if '/' in word else word


def frame_files(folder: Path, what: str) -> list[str]:
    """Names of the pictures in a folder, sorted.

    Raises:
        DataError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise DataError(f'{folder}: no such folder of frames ({what})')
    files = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not files:
        raise DataError(f'{folder}: no frames ({what})')
    return files


def picture_size(path: Path) -> tuple[int, int]:
    """(H, W) of a picture from its header.

    Raises:
        DataError: missing or not a picture.
    """
    try:
        with Image.open(path) as picture:
            return picture.height, picture.width
    except OSError as error:
        raise DataError(f'{path}: the frame cannot be read ({error})') from error
