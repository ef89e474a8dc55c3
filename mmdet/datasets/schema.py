"""Reads annotation files in the YouTube-VIS form and finds what is wrong with their structure.

The same checks serve two readers: a data set raises the first problem, ``tools/check_data.py`` lists all of them. Masks
are looked at elsewhere (:mod:`mmdet.ops.rle` when they are used, :mod:`mmdet.datasets.check` beforehand).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from mmdet.errors import DataError
from mmdet.occlusion import OCCLUSION_SHARES

__all__ = ['OCCLUSION_LEVELS', 'Problem', 'entry_ok', 'first_problem', 'read_json', 'structure_problems']

OCCLUSION_LEVELS = tuple(OCCLUSION_SHARES)
PER_FRAME_LISTS = ('segmentations', 'bboxes', 'areas', 'occlusion')


@dataclass(frozen=True)
class Problem:
    """One finding in a data set, with the place where a user has to look.

    Attributes:
        file: annotation file or image.
        message: what is wrong and, where it is not plain, what to do.
        video: id of the video in the file.
        annotation: id of the annotation in the file.
        frame: index of the frame in its video, from 0.
        harmless: training and testing cope with it; worth knowing all the same.
    """

    file: str
    message: str
    video: Any = None
    annotation: Any = None
    frame: int | None = None
    harmless: bool = False

    @property
    def where(self) -> str:
        """The place as text: ``file, video 3, annotation 5, frame 7``."""
        parts = [('video', self.video), ('annotation', self.annotation), ('frame', self.frame)]
        return ', '.join([self.file] + [f'{name} {value}' for name, value in parts if value is not None])

    def __str__(self) -> str:
        return f'{self.where}: {self.message}'


def read_json(path: str | Path) -> dict[str, Any]:
    """Read an annotation file.

    Raises:
        DataError: not there, not JSON (with the line), or its top level is not an object.
    """
    try:
        document = json.loads(Path(path).read_bytes())
    except FileNotFoundError:
        raise DataError(f'{path}: the annotation file does not exist; check data_root and ann_file') from None
    except OSError as error:
        raise DataError(f'{path}: the annotation file cannot be read ({error.strerror})') from error
    except UnicodeDecodeError as error:
        raise DataError(f'{path}: not JSON text ({error.reason} at byte {error.start})') from None
    except json.JSONDecodeError as error:
        raise DataError(
            f'{path}: not valid JSON ({error.msg} at line {error.lineno}, column {error.colno}); '
            f'is the download complete?'
        ) from None
    if not isinstance(document, dict):
        raise DataError(
            f'{path}: an annotation file is an object with videos and categories, this is a '
            f'{type(document).__name__}; result files are lists'
        )
    return document


def first_problem(document: dict[str, Any], file: str) -> None:
    """Raise the first structural problem of ``document``.

    Raises:
        DataError: the message names file, video and annotation.
    """
    for problem in structure_problems(document, file):
        if not problem.harmless:
            raise DataError(str(problem))


def structure_problems(document: dict[str, Any], file: str) -> Iterator[Problem]:
    """Everything wrong with ids, keys, references and list lengths of a YouTube-VIS document, masks not decoded."""
    for key in ('videos', 'categories'):
        if not isinstance(document.get(key), list) or not document[key]:
            yield Problem(file, f"the list '{key}' is missing or empty{_other_format(document)}")
            return
    if not isinstance(document.get('annotations'), (list, type(None))):
        yield Problem(file, "'annotations' must be a list, or null where the ground truth is not public")
        return
    yield from _category_problems(document['categories'], file)
    yield from _video_problems(document['videos'], file)
    if document.get('annotations'):
        yield from _annotation_problems(document, file)


def _other_format(document: dict[str, Any]) -> str:
    if isinstance(document.get('images'), list):
        return '; this looks like a COCO image file, which COCOVideoDataset reads'
    return ''


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _category_problems(categories: list[Any], file: str) -> Iterator[Problem]:
    seen: set[int] = set()
    for position, category in enumerate(categories):
        place = f'category at position {position}'
        if not isinstance(category, dict) or not _is_int(category.get('id')) or 'name' not in category:
            yield Problem(file, f"{place} needs a whole number 'id' and a 'name', got {category!r}")
        elif category['id'] in seen:
            yield Problem(file, f'{place} repeats the category id {category["id"]}')
        else:
            seen.add(category['id'])


def _video_problems(videos: list[Any], file: str) -> Iterator[Problem]:
    seen: set[int] = set()
    for position, video in enumerate(videos):
        if not isinstance(video, dict) or not _is_int(video.get('id')):
            yield Problem(file, f"video at position {position} needs a whole number 'id'")
            continue
        identity = video['id']
        if identity in seen:
            yield Problem(file, f'the video id is used twice (again at position {position})', identity)
        seen.add(identity)
        names = video.get('file_names')
        if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
            hint = '; CocoVID files made by a converter are not read, use the official one' if not names else ''
            yield Problem(file, f"'file_names' must list the frames of the video in order{hint}", identity)
            continue
        length = video.get('length')
        if length is not None and length != len(names):
            yield Problem(file, f"'length' is {length} but 'file_names' lists {len(names)} frames", identity)
        for key in ('height', 'width'):
            if not _is_int(video.get(key)) or video[key] < 1:
                yield Problem(file, f"'{key}' must be a whole number of pixels, got {video.get(key)!r}", identity)


def _annotation_problems(document: dict[str, Any], file: str) -> Iterator[Problem]:
    lengths: dict[int, int] = {}  # 0: unknown, reported already
    for entry in document['videos']:
        if isinstance(entry, dict) and _is_int(entry.get('id')):
            names = entry.get('file_names')
            lengths.setdefault(entry['id'], len(names) if isinstance(names, list) else 0)
    categories = {c['id'] for c in document['categories'] if isinstance(c, dict) and _is_int(c.get('id'))}
    seen: set[int] = set()
    for position, annotation in enumerate(document['annotations']):
        if not isinstance(annotation, dict) or not _is_int(annotation.get('id')):
            yield Problem(file, f"annotation at position {position} needs a whole number 'id'")
            continue
        video, identity = annotation.get('video_id'), annotation['id']
        if identity in seen:
            yield Problem(file, f'the annotation id is used twice (again at position {position})', video, identity)
        seen.add(identity)
        if not _is_int(video) or video not in lengths:
            yield Problem(file, f'it belongs to video {video!r}, which the file does not list', None, identity)
            continue
        category = annotation.get('category_id')
        if not _is_int(category) or category not in categories:
            known = ', '.join(map(str, sorted(categories)[:8])) + (', ...' if len(categories) > 8 else '')
            message = f'unknown category {category!r}; the file has {known}'
            yield Problem(file, message, video, identity)
        if lengths[video]:
            yield from _list_problems(annotation, lengths[video], file)


def _list_problems(annotation: dict[str, Any], length: int, file: str) -> Iterator[Problem]:
    video, identity = annotation['video_id'], annotation['id']
    if not isinstance(annotation.get('segmentations'), list):
        yield Problem(file, "'segmentations' must be a list with one mask or null per frame", video, identity)
        return
    for key in PER_FRAME_LISTS:
        values = annotation.get(key)
        if values is None:
            continue  # boxes and areas are taken from the masks then
        if not isinstance(values, list) or len(values) != length:
            count = len(values) if isinstance(values, list) else repr(values)
            yield Problem(file, f"'{key}' has {count} entries but the video has {length} frames", video, identity)
        elif key != 'segmentations':
            yield from (
                Problem(file, f'{key} entry {value!r} {_RULES[key]}', video, identity, frame)
                for frame, value in enumerate(values)
                if not entry_ok(key, value)
            )


_RULES = {
    'bboxes': 'must be [x, y, width, height] or null',
    'areas': 'must be a number of pixels or null',
    'occlusion': f'must be null or one of {", ".join(OCCLUSION_LEVELS)}',
}


def entry_ok(key: str, value: Any) -> bool:
    """Whether one entry of ``bboxes``, ``areas`` or ``occlusion`` is of the right form; null always is."""
    if value is None:
        return True
    if key == 'occlusion':
        return value in OCCLUSION_LEVELS
    if key == 'areas':
        return _is_number(value)
    if not isinstance(value, (list, tuple)):
        return False
    return len(value) == 0 or (len(value) == 4 and all(_is_number(v) for v in value))
