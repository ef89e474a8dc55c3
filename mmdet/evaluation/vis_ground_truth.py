"""The YouTube-VIS annotation file as the evaluators see it: checked ids, sizes and lengths.

File format: ``videos`` (id, height, width, file_names, length), ``categories`` (id, name) and ``annotations`` (id,
video_id, category_id, iscrowd, and per frame ``segmentations``, ``areas``, ``bboxes``, null where it is absent).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mmdet.errors import AnnotationsMissingError, DataError
from mmdet.holdout import split_ids


@dataclass(frozen=True)
class Video:
    """Identity and size of a video: pixels, and frames for ``length``."""

    id: int
    height: int
    width: int
    length: int


@dataclass(frozen=True)
class GroundTruth:
    """A read annotation file.

    Attributes:
        source: file name for messages.
        videos: by id, in the order of the ids.
        categories: names by id, in the order of the ids.
        annotations: the file's annotation dicts by video id, in file order.
    """

    source: str
    videos: dict[int, Video]
    categories: dict[int, str]
    annotations: dict[int, list[dict[str, Any]]]

    def part(self, split: str | None, fraction: float) -> GroundTruth:
        """The videos of a split alone, see :func:`mmdet.holdout.split_ids`; ``source`` then names the split.

        Raises:
            ConfigError: no such split, or nothing is left in it.
        """
        if split is None:
            return self
        ids = split_ids(self.videos, split, fraction)
        return replace(
            self,
            source=f"{self.source} (split '{split}' of {fraction:g})",
            videos={key: video for key, video in self.videos.items() if key in ids},
            annotations={key: entries for key, entries in self.annotations.items() if key in ids},
        )


def read_ground_truth(data: Any, source: str = 'annotations', need_annotations: bool = True) -> GroundTruth:
    """Check the head of an annotation file; masks are checked later, video by video.

    Args:
        data: content of the JSON file.
        source: file name for messages.
        need_annotations: whether a file without ground truth is an error.

    Raises:
        AnnotationsMissingError: there are no annotations.
        DataError: a list or key is missing, an id is unknown, appears twice or is not a whole number.
    """
    if not isinstance(data, dict):
        raise DataError(f'{source}: is not an annotation file (a dict with videos, categories and annotations)')
    videos = [_read_video(entry, index, source) for index, entry in enumerate(_entries(data, 'videos', source))]
    names = {}
    for index, entry in enumerate(_entries(data, 'categories', source)):
        category_id = _integer(entry, 'id', f'{source}: category {index}')
        if category_id in names:
            raise DataError(f'{source}: category id {category_id} appears twice')
        names[category_id] = str(entry.get('name', category_id))
    by_id = {video.id: video for video in videos}
    if len(by_id) < len(videos):
        raise DataError(f'{source}: a video id appears twice')
    annotations = _entries(data, 'annotations', source) if data.get('annotations') else []
    if need_annotations and not annotations:
        raise AnnotationsMissingError(
            f'{source} has no annotations, so nothing can be evaluated with it; export a submission file instead, '
            'or evaluate on a hold-out split of the training file.'
        )
    grouped = _group_annotations(annotations, by_id, names, source)
    return GroundTruth(source, dict(sorted(by_id.items())), dict(sorted(names.items())), grouped)


def _group_annotations(
    annotations: list[dict], videos: dict[int, Video], names: dict[int, str], source: str
) -> dict[int, list[dict[str, Any]]]:
    grouped: dict[int, list[dict[str, Any]]] = {video_id: [] for video_id in videos}
    seen: set[int] = set()
    for index, entry in enumerate(annotations):
        annotation_id = _integer(entry, 'id', f'{source}: annotation at position {index}')
        where = f'{source}: annotation {annotation_id}'
        if annotation_id in seen:
            raise DataError(f'{where}: this id appears twice')
        seen.add(annotation_id)
        video_id, category_id = _integer(entry, 'video_id', where), _integer(entry, 'category_id', where)
        if video_id not in videos:
            raise DataError(f'{where}: video {video_id} is not among the videos of the file')
        if category_id not in names:
            raise DataError(f'{where}: category {category_id} is not among the categories of the file')
        grouped[video_id].append(entry)
    return grouped


def _entries(data: dict, key: str, source: str) -> list[dict]:
    entries = data.get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DataError(f"{source}: '{key}' is missing or not a list of dicts")
    return entries


def _integer(entry: dict, key: str, where: str) -> int:
    value = entry.get(key)
    if type(value) is not int:
        raise DataError(f"{where}: '{key}' must be a whole number, found {value!r}")
    return value


def _read_video(entry: dict, index: int, source: str) -> Video:
    video_id = _integer(entry, 'id', f'{source}: video at position {index}')
    where = f'{source}: video {video_id}'
    length, files = entry.get('length'), entry.get('file_names')
    if length is None and isinstance(files, list):
        length = len(files)
    if type(length) is not int or (isinstance(files, list) and len(files) != length):
        count = len(files) if isinstance(files, list) else 'no'
        raise DataError(f'{where}: length {length!r} with {count} file names; both must give the number of frames')
    return Video(video_id, _integer(entry, 'height', where), _integer(entry, 'width', where), length)
