"""The ``meta.json`` of YouTube-VOS: which objects a video has, of which category, in which frames."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdet.errors import DataError
from mmdet.sequences.label_maps import MAX_OBJECT

__all__ = ['VOSObject', 'VOSVideo', 'read_meta']


@dataclass(frozen=True)
class VOSObject:
    """One object of a video.

    Attributes:
        id: number of its pixels in the label maps.
        category: name.
        frames: names of the frames that are scored, in order; it is marked in the first of them.
    """

    id: int
    category: str
    frames: tuple[str, ...]


@dataclass(frozen=True)
class VOSVideo:
    """One video: its name, its objects by rising number, and all frames that one of them lists, in order."""

    name: str
    objects: tuple[VOSObject, ...]
    frames: tuple[str, ...]


def read_meta(path: str | Path) -> list[VOSVideo]:
    """Videos of a ``meta.json``, in the file's order.

    Raises:
        DataError: missing, damaged, or not of this form; file, video and object are named.
    """
    try:
        document = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise DataError(f'{path}: cannot read the YouTube-VOS meta file: {error.strerror}') from error
    except ValueError as error:
        raise DataError(f'{path}: not JSON, or cut off ({error}); download it again') from error
    videos = document.get('videos') if isinstance(document, dict) else None
    if not isinstance(videos, dict) or not videos:
        raise DataError(f"{path}: needs the object 'videos' with one entry per video")
    return [_video(str(name), entry, f'{path}, video {name}') for name, entry in videos.items()]


def _video(name: str, entry: Any, where: str) -> VOSVideo:
    objects = entry.get('objects') if isinstance(entry, dict) else None
    if not isinstance(objects, dict) or not objects:
        raise DataError(f"{where}: needs 'objects' with at least one object")
    read = sorted((_object(key, value, where) for key, value in objects.items()), key=lambda o: o.id)
    return VOSVideo(name, tuple(read), tuple(sorted({frame for item in read for frame in item.frames})))


def _object(key: str, value: Any, where: str) -> VOSObject:
    if not str(key).isdigit() or not 1 <= int(key) <= MAX_OBJECT:
        raise DataError(f'{where}: object {key!r} is not a number from 1 to {MAX_OBJECT}')
    frames = value.get('frames') if isinstance(value, dict) else None
    if not isinstance(frames, list) or not frames or not all(isinstance(frame, str) for frame in frames):
        raise DataError(f"{where}, object {key}: needs 'frames', the names of its frames")
    return VOSObject(int(key), str(value.get('category', 'object')), tuple(sorted(frames)))
