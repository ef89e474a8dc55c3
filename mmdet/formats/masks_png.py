"""MOTS instance maps: one 16-bit picture per frame, pixel = class * 1000 + number, 0 background, 10000 ignore."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdet.errors import DataError
from mmdet.files import write_bytes
from mmdet.formats.masks import IDS_PER_CLASS, IGNORE, IGNORE_ID, MOTS_CLASSES, MaskTable, refuse_identities
from mmdet.formats.text import refuse_unknown_frames
from mmdet.ops.rle import decode, encode
from mmdet.structures import RLE


def read_mask_pngs(
    folder: str | Path,
    length: int | None = None,
    first_frame: int = 0,
    size: tuple[int, int] | None = None,
    complete: bool = False,
    drop_unknown_classes: bool = False,
    drop_unknown_frames: bool = False,
) -> MaskTable:
    """Read the instance maps ``000000.png``, ... of one sequence; frames without a file have no objects.

    Args:
        folder: of the sequence, such as ``instances/0002``.
        length: frames of the sequence, None where unknown.
        first_frame: number in the name of the first frame: 0 in KITTI MOTS, 1 in MOTSChallenge.
        size: height and width of the frames, None to take those of the first map.
        complete: ground truth: every frame has a map, an empty one where there is nothing, so that a lost file is not
            taken for a frame without objects. Without ``length`` up to the last map.
        drop_unknown_classes: leave values of other classes out instead of refusing the map.
        drop_unknown_frames: leave maps of frames outside the sequence out instead of refusing them.

    Raises:
        DataError: no such folder, a name without a number, a picture that is no 16-bit map or of another size, a
            value of an unknown class, a map of no frame, or a missing map; file and value are named.
    """
    folder = Path(folder)
    frames: list[int] = []
    values: list[int] = []
    masks: list[RLE] = []
    paths = list_mask_pngs(folder)
    if complete:
        check_complete(paths, folder, length, first_frame)
    for path in paths:
        frame = int(path.stem) - first_frame
        picture = _read_map(path, size, drop_unknown_classes)
        size = picture.shape[:2]
        found = np.unique(picture)
        if found[-1] > 0 and (frame < 0 or (length is not None and frame >= length)):
            if drop_unknown_frames:
                continue
            last = 'on' if length is None else f'to {first_frame + length - 1}'
            raise DataError(f'{path}: frame {frame + first_frame} is unknown; frames go {first_frame} {last}')
        for value in found[found > 0].tolist():
            frames.append(frame)
            values.append(value)
            masks.append(encode(picture == value))
    ids = np.array(values, np.int64)
    return MaskTable.of(str(folder), frames, ids, ids // IDS_PER_CLASS, masks, first_frame)


def mots_sources(folder: str | Path) -> dict[str, Path]:
    """Where the masks of every sequence of a folder lie: a folder of maps, else ``<sequence>.txt``."""
    folder = Path(folder)
    maps = {path.name: path for path in folder.iterdir() if path.is_dir() and any(path.glob('*.png'))}
    return {path.stem: path for path in folder.glob('*.txt')} | maps


def list_mask_pngs(folder: Path) -> list[Path]:
    """Instance maps of a folder in the order of their frames.

    Raises:
        DataError: no such folder, or a name without a number.
    """
    if not folder.is_dir():
        raise DataError(f'{folder}: no such folder of instance maps')
    paths = list(folder.glob('*.png'))
    for path in paths:
        if not path.stem.isdecimal():
            raise DataError(f'{path}: the name of an instance map is the number of its frame, such as 000000.png')
    return sorted(paths, key=lambda path: int(path.stem))


def check_complete(paths: Sequence[Path], folder: Path, length: int | None, first_frame: int) -> None:
    """Refuse ground truth in which maps are missing.

    Args:
        paths: maps in order.
        folder: where they lie.
        length: frames of the sequence, None for as many as the last map says.
        first_frame: number of the first frame.

    Raises:
        DataError: a frame has no map; its file is named.
    """
    numbers = {int(path.stem) for path in paths}
    stop = first_frame + length if length is not None else max(numbers, default=first_frame) + 1
    missing = [number for number in range(first_frame, stop) if number not in numbers]
    if missing:
        digits = len(paths[0].stem) if paths else 6
        raise DataError(
            f'{folder / f"{missing[0]:0{digits}d}.png"}: missing; {len(missing)} of {stop - first_frame} frames have '
            'no map. Ground truth has one for every frame, an empty one where there is nothing: copy the set again'
        )


def write_mask_pngs(folder: str | Path, table: MaskTable, length: int, size: tuple[int, int]) -> None:
    """Write an instance map for every frame of a sequence, empty ones too.

    Ids of results may be any number; a class whose ids do not say class * 1000 + number is numbered anew from 1.

    Args:
        folder: made where it is missing.
        table: overlap-free masks.
        length: frames of the sequence.
        size: height and width of the frames.

    Raises:
        DataError: masks overlap or are of another size, an id is negative or in a frame twice, a frame is beyond
            ``length``, a class has more identities than 16 bits can tell apart, or the folder cannot be written.
    """
    refuse_identities(table)
    refuse_unknown_frames(table.frames, length, table.source, table.lines, table.first_frame)
    if len(table) and tuple(table.masks.size) != tuple(size):
        raise DataError(f'{table.source}: masks of {table.masks.size} (height, width) for frames of {tuple(size)}')
    values = _pixel_values(table)
    for frame in range(length):
        picture = np.zeros(size, np.uint16)
        for row in np.flatnonzero(table.frames == frame).tolist():
            picture[decode(table.masks.rle(row)) > 0] = values[row]
        path = Path(folder) / f'{frame + table.first_frame:06d}.png'
        try:
            write_bytes(path, cv2.imencode('.png', picture)[1].tobytes())
        except OSError as error:
            raise DataError(f'{path}: cannot write: {error.strerror}') from error


def _read_map(path: Path, size: tuple[int, ...] | None, drop_unknown: bool) -> NDArray[np.uint16]:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise DataError(f'{path}: the instance map cannot be decoded; download it again')
    if picture.ndim != 2 or picture.dtype != np.uint16:
        found = f'{picture.dtype} {picture.shape}'
        raise DataError(f'{path}: an instance map has one channel of 16 bits, this one is {found}')
    if size is not None and picture.shape != tuple(size):
        raise DataError(f'{path}: the map is {picture.shape} (height, width), the frames are {tuple(size)}')
    unknown = sorted(set((np.unique(picture) // IDS_PER_CLASS).tolist()) - {0, IGNORE, *MOTS_CLASSES})
    if drop_unknown:
        known = np.isin(picture // IDS_PER_CLASS, (IGNORE, *MOTS_CLASSES))
        return np.where(known, picture, 0).astype(np.uint16)
    strays = picture[(picture > 0) & (picture < IDS_PER_CLASS)]
    if unknown or strays.size:
        value = int(strays[0]) if strays.size else f'{unknown[0]}xxx'
        raise DataError(f'{path}: pixel value {value} is of no class 1, 2 or 10; values are class * 1000 + number')
    return picture.astype(np.uint16, copy=False)


def _pixel_values(table: MaskTable) -> NDArray[np.uint16]:
    values = table.ids.copy()
    for class_id in np.unique(table.class_ids).tolist():
        rows = table.class_ids == class_id
        if class_id == IGNORE:
            values[rows] = IGNORE_ID
        elif (table.ids[rows] // IDS_PER_CLASS != class_id).any():
            found, numbers = np.unique(table.ids[rows], return_inverse=True)
            if len(found) >= IDS_PER_CLASS:
                raise DataError(
                    f'{table.source}: {len(found)} identities of class {class_id}, but an instance map can tell '
                    f'{IDS_PER_CLASS - 1} apart; write text files'
                )
            values[rows] = class_id * IDS_PER_CLASS + 1 + numbers
    return values.astype(np.uint16)
