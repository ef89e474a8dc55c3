"""ImageNet VID and DET: boxes without masks in one XML file per frame, for the training of trackers."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

from mmdet.datasets.base import VideoDataset
from mmdet.errors import DataError
from mmdet.registry import DATASETS

__all__ = ['ImageNetDETDataset', 'ImageNetVIDDataset']

IMAGE_SUFFIX = '.JPEG'


@dataclass(frozen=True)
class _Frame:
    """One XML file: its path relative to the root without suffix, the image's size, and its objects."""

    name: str
    height: int
    width: int
    objects: tuple[tuple[str, str, tuple[float, float, float, float]], ...]  # track, class, x y w h


class _XMLDataset(VideoDataset):
    """XML files below ``ann_file``, images with the same names below ``img_prefix``."""

    @abstractmethod
    def groups(self, names: list[str]) -> Iterable[list[str]]:
        """Names of frames, sorted, by video."""

    def read_document(self) -> dict[str, Any]:
        """All XML files as a YouTube-VIS document without masks."""
        root = Path(self.ann_file)
        names = sorted(_xml_names(root))
        if not names:
            raise DataError(f'{root}: no XML file below it; ann_file is a folder such as Annotations/VID/train')
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            frames = {frame.name: frame for frame in pool.map(lambda name: _read_frame(root, name), names)}
        videos = [[frames[name] for name in group] for group in self.groups(names)]
        classes = sorted({kind for frame in frames.values() for _, kind, _ in frame.objects})
        category = {kind: number for number, kind in enumerate(classes, 1)}
        return {
            'videos': [_video(number, frames) for number, frames in enumerate(videos, 1)],
            'categories': [{'id': number, 'name': kind} for kind, number in category.items()],
            'annotations': list(_tracks(videos, category)),
        }


@DATASETS.register_module()
class ImageNetVIDDataset(_XMLDataset):
    """A folder of XML files is a video; ``trackid`` says which boxes are one object, with gaps where it is hidden.

    Args: ``ann_file`` such as ``Annotations/VID/train``, ``img_prefix`` such as ``Data/VID/train``; others:
    :class:`mmdet.datasets.base.VideoDataset`.
    """

    def groups(self, names: list[str]) -> Iterable[list[str]]:
        """Frames of one folder."""
        found = defaultdict(list)
        for name in names:
            found[PurePosixPath(name).parent].append(name)
        return found.values()


@DATASETS.register_module()
class ImageNetDETDataset(_XMLDataset):
    """Every image is a video of one frame. Arguments: :class:`ImageNetVIDDataset`."""

    def groups(self, names: list[str]) -> Iterable[list[str]]:
        """Every image alone."""
        return [[name] for name in names]


def _xml_names(root: Path) -> Iterator[str]:
    for folder, _, files in os.walk(root, followlinks=True):
        place = Path(folder).relative_to(root)
        yield from ((place / file).with_suffix('').as_posix() for file in files if file.endswith('.xml'))


def _read_frame(root: Path, name: str) -> _Frame:
    path = root / f'{name}.xml'
    try:
        tree = ElementTree.parse(path)
        width, height = (int(tree.findtext(f'size/{key}', '')) for key in ('width', 'height'))
        objects = tuple(_object(node, number) for number, node in enumerate(tree.iter('object')))
    except (ElementTree.ParseError, OSError, ValueError, TypeError) as error:
        raise DataError(f'{path}: not an ImageNet annotation ({error}); extract it again') from error
    return _Frame(name, height, width, objects)


def _object(node: ElementTree.Element, number: int) -> tuple[str, str, tuple[float, float, float, float]]:
    x1, y1, x2, y2 = (float(node.findtext(f'bndbox/{key}', '')) for key in ('xmin', 'ymin', 'xmax', 'ymax'))
    track = node.findtext('trackid') or str(number)  # still images have none
    return track, node.findtext('name', ''), (x1, y1, x2 - x1, y2 - y1)


def _video(number: int, frames: list[_Frame]) -> dict[str, Any]:
    first = frames[0]
    if any((frame.height, frame.width) != (first.height, first.width) for frame in frames):
        raise DataError(f'{first.name}: the frames of this video differ in size; its annotations are damaged')
    files = [f'{frame.name}{IMAGE_SUFFIX}' for frame in frames]
    return {'id': number, 'file_names': files, 'height': first.height, 'width': first.width}


def _tracks(videos: list[list[_Frame]], category: dict[str, int]) -> Iterator[dict[str, Any]]:
    identity = 0
    for number, frames in enumerate(videos, 1):
        found: dict[tuple[str, str], list[Any]] = {}
        for index, frame in enumerate(frames):
            for track, kind, box in frame.objects:
                found.setdefault((track, kind), [None] * len(frames))[index] = list(box)
        for (_, kind), boxes in found.items():
            identity += 1
            yield {
                'id': identity,
                'video_id': number,
                'category_id': category[kind],
                'segmentations': [None] * len(frames),
                'bboxes': boxes,
                'areas': [box and box[2] * box[3] for box in boxes],
            }
