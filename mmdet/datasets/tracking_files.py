"""Sequences of tracking benchmarks on disk, and their objects as annotations of a YouTube-VIS document."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmdet.datasets.image_file import SUFFIXES, header_size
from mmdet.errors import ConfigError, DataError
from mmdet.structures import RLE

__all__ = [
    'SequenceFiles',
    'choose_sequences',
    'list_frames',
    'refuse_gaps',
    'sequence_numbers',
    'track_annotations',
    'video_entry',
]


@dataclass(frozen=True)
class SequenceFiles:
    """One sequence.

    Attributes:
        name: as its folder or file is called.
        file_names: frames, relative to the folder of images.
        size: height and width in pixels.
        first_frame: number that the benchmark's files give to the first frame.
    """

    name: str
    file_names: list[str]
    size: tuple[int, int]
    first_frame: int


def choose_sequences(found: Iterable[str], wanted: Sequence[str] | None, where: str) -> list[str]:
    """Names to read, in the order of ``wanted``, else sorted.

    Raises:
        DataError: there is none, or a wanted one is missing.
        ConfigError: a name is wanted twice, or is no text.
    """
    known = sorted(found)
    odd = [name for name in wanted or () if not isinstance(name, str)]
    if odd:
        raise ConfigError(f"{where}: names of sequences are text, got {odd[0]!r}: write '{odd[0]}' in quotes")
    if wanted is None:
        if not known:
            raise DataError(f'{where}: no sequence is there')
        return known
    if len(set(wanted)) < len(wanted):
        raise ConfigError(f'{where}: a sequence is named twice in {list(wanted)}')
    missing = [name for name in wanted if name not in known]
    if missing:
        raise DataError(f'{where}: sequence {missing[0]} is missing; there are {", ".join(known[:10]) or "none"}')
    return list(wanted)


def list_frames(folder: Path) -> list[str]:
    """Names of the images of a folder in order, hidden files left out; empty where there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.suffix in SUFFIXES and path.name[0] != '.')


def refuse_gaps(folder: Path, frames: Sequence[str], first_frame: int | None = None) -> None:
    """Refuse frames called by numbers that do not follow each other: annotations count them.

    Args:
        folder: where they lie.
        frames: their names in order; where none is a number, they tell nothing and pass.
        first_frame: number of the first; None: whatever it is called.

    Raises:
        DataError: a frame is missing, one is there in two formats, or a picture is no frame; the file is named.
    """
    stems = [Path(name).stem for name in frames]
    numbered = [stem.isdecimal() for stem in stems]
    if not any(numbered):
        return
    if not all(numbered):
        raise DataError(f'{folder / frames[numbered.index(False)]}: frames here are called by numbers, this is none')
    start = int(stems[0]) if first_frame is None else first_frame
    for expected, (stem, name) in enumerate(zip(stems, frames), start):
        if int(stem) != expected:
            raise DataError(
                f'{folder / name}: frame {expected:0{len(stem)}d} is due here. Annotations count the frames, from '
                f'{start}, so each must be there once'
            )


def frame_size(path: Path, known: tuple[int, int] | None, where: str) -> tuple[int, int]:
    """Size that the annotations tell, else that of the image at ``path``.

    Raises:
        DataError: neither is there.
    """
    return known if known else header_size(path, where)


def sequence_numbers(names: Iterable[str], where: str) -> dict[str, int]:
    """Video ids by name: one more than a name that is a number, a checksum of any other.

    An id depends on nothing but the name: what is held out, and which stored detections are whose, goes by ids, and
    must not change when sequences are added.

    Raises:
        DataError: two names get one number.
    """
    found: dict[int, str] = {}
    for name in sorted(names):
        number = 1 + (int(name) if name.isdecimal() else zlib.crc32(name.encode()))
        if number in found:
            raise DataError(f'{where}: the sequences {found[number]} and {name} get the same number; rename one')
        found[number] = name
    return {name: number for number, name in found.items()}


def video_entry(number: int, sequence: SequenceFiles) -> dict[str, Any]:
    """A video of the document, with the benchmark's name and first frame number for those who write its files."""
    height, width = sequence.size
    names = {'name': sequence.name, 'first_frame': sequence.first_frame, 'file_names': sequence.file_names}
    return {'id': number, 'height': height, 'width': width, **names}


def track_annotations(
    video: dict[str, Any],
    frames: np.ndarray,
    groups: np.ndarray,
    masks: Sequence[RLE],
    bboxes: np.ndarray | None = None,
    areas: np.ndarray | None = None,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Annotations without id and category, one per group of rows, by rising group: (first row, annotation).

    Args:
        video: entry of the document.
        frames, groups: (N,) frame from 0 and track of every row.
        masks: N masks.
        bboxes: (N, 4) x1 y1 x2 y2; those of the masks where None.
        areas: (N,) pixels; those of the masks where None.
    """
    length = len(video['file_names'])
    order = np.lexsort((frames, groups))
    bounds = np.flatnonzero(np.diff(groups[order], prepend=groups[order][:1] - 1)).tolist() if len(order) else []
    for start, stop in zip(bounds, [*bounds[1:], len(order)]):
        rows = order[start:stop].tolist()
        annotation: dict[str, Any] = {'video_id': video['id'], 'segmentations': [None] * length}
        for row in rows:
            annotation['segmentations'][frames[row]] = masks[row]
        if bboxes is not None:
            annotation['bboxes'] = [None] * length
            for row in rows:
                x1, y1, x2, y2 = bboxes[row].tolist()
                annotation['bboxes'][frames[row]] = [x1, y1, x2 - x1, y2 - y1]
        if areas is not None:
            annotation['areas'] = [None] * length
            for row in rows:
                annotation['areas'][frames[row]] = float(areas[row])
        yield rows[0], annotation
