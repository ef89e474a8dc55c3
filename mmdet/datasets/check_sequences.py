"""Checks sets whose annotations are label maps or regions: DAVIS, YouTube-VOS and VOT."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmdet.datasets.davis import davis_document
from mmdet.datasets.layouts import FoundPart
from mmdet.datasets.schema import Problem
from mmdet.datasets.vot import vot_document
from mmdet.datasets.youtube_vos import vos_document
from mmdet.errors import DataError
from mmdet.sequences.davis import read_davis, read_names
from mmdet.sequences.vot import read_vot
from mmdet.sequences.youtube_vos import read_meta

if TYPE_CHECKING:
    from mmdet.datasets.check import CheckOptions

__all__ = ['check_sequences']


def check_sequences(
    kind: str, part: FoundPart, options: CheckOptions, echo: Callable[[str], None] = print
) -> Iterator[Problem]:
    """Everything wrong with one split: every sequence that cannot be read, then masks and images of the others."""
    from mmdet.datasets.check import check_document  # it asks this module in turn

    file, images = part.ann_file, part.img_prefix
    if file is None or images is None:
        return  # missing_pieces has said so
    errors: list[DataError] = []
    try:
        document = _READERS[kind](file, images, errors.append)
    except DataError as error:
        yield Problem(str(file), str(error).removeprefix(f'{file}: '))
        return
    for problem in errors:
        yield Problem(str(file), str(problem))
    if document['videos']:
        yield from check_document(document, str(file), images, options, echo)


def _davis(file: Path, images: Path, on_error: Callable[[DataError], None]) -> dict[str, Any]:
    maps = images.parents[1] / 'Annotations' / images.name
    sequences = []
    for name in read_names(file):
        try:
            sequences += read_davis([name], images, maps, str(file))
        except DataError as error:
            on_error(error)
    return davis_document(sequences, on_error=on_error)


def _youtube_vos(file: Path, images: Path, on_error: Callable[[DataError], None]) -> dict[str, Any]:
    return vos_document(read_meta(file), images, images.parent / 'Annotations', on_error=on_error)


def _vot(file: Path, images: Path, on_error: Callable[[DataError], None]) -> dict[str, Any]:
    return vot_document(read_vot(images, file.resolve()))


_READERS: dict[str, Callable[[Path, Path, Callable[[DataError], None]], dict[str, Any]]] = {
    'davis': _davis,
    'youtube-vos': _youtube_vos,
    'vot': _vot,
}
