"""Training squares of 511 pixels as files: one per object and frame, as ``tools/convert_dataset.py siam-crops`` writes.

    <root>/train.json                                   {"train/<video>": {"<track>": {"<frame>": [x1, y1, x2, y2]}}}
    <root>/train.crops.json                             what the set is of
    <root>/train/<video>/<frame>.<track>.x.jpg          the square
    <root>/train/<video>/<frame>.<track>.m.png          the object in it, 0 or 255

Frames are written with six digits, tracks with two. Boxes are those of the original frame; only their sizes are used,
as the object is in the middle of its square. Folders that the original SiamMask's scripts made are of this form too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmdet.datasets.image_file import read_image
from mmdet.datasets.schema import Problem, read_json
from mmdet.datasets.siam.crop_space import CROP_SIZE, CropView, size_in_crop
from mmdet.datasets.siam.objects import ObjectTable
from mmdet.errors import ConfigError, DataError
from mmdet.registry import DATASETS

__all__ = ['Crop511Dataset', 'crop_path', 'facts_path', 'mask_path']


def crop_path(folder: str | Path, frame: str, track: str) -> Path:
    """File of a square."""
    return Path(folder) / f'{frame}.{track}.x.jpg'


def mask_path(folder: str | Path, frame: str, track: str) -> Path:
    """File of its mask."""
    return Path(folder) / f'{frame}.{track}.m.png'


def facts_path(ann_file: str | Path) -> Path:
    """File that says what a set of squares was made of."""
    return Path(ann_file).with_suffix('.crops.json')


@DATASETS.register_module()
class Crop511Dataset:
    """Squares in a folder, as material for :class:`~mmdet.datasets.siam.pairs.SiamPairDataset`.

    Boxes without area, frames whose name is no number, and tracks and videos without frames are left out.

    Args:
        ann_file: index, relative to ``data_root``.
        data_root: folder that the other paths are relative to.
        img_prefix: folder of the squares; by default that of the index.
        with_masks: whether there are masks; None takes what the converter noted. Must be given for folders that the
            original scripts made: True for COCO and YouTube-VOS, False for ImageNet.

    Attributes:
        objects: see :class:`~mmdet.datasets.siam.objects.ObjectTable`; ``frames`` are the numbers in the file names.

    Raises:
        DataError: the index is missing, damaged, or empty.
        ConfigError: it is not known whether there are masks.
    """

    def __init__(
        self, ann_file: str, data_root: str = '', img_prefix: str | None = None, with_masks: bool | None = None
    ) -> None:
        root = Path(data_root).expanduser()
        self.ann_file = str(root / ann_file)
        self.folder = Path(self.ann_file).parent if img_prefix is None else root / img_prefix
        self.with_masks = _noted_masks(self.ann_file) if with_masks is None else with_masks
        self._read(read_json(self.ann_file))

    def _read(self, index: dict[str, Any]) -> None:
        rows: list[tuple[int, int, int]] = []
        sizes: list[tuple[float, float]] = []
        names: list[str] = []
        tracks: list[str] = []
        for video, content in index.items():
            if not isinstance(content, dict):
                raise DataError(f'{self.ann_file}, video {video}: needs an object of tracks, got {content!r:.60}')
            before = len(rows)
            for track, frames in content.items():
                found = _track_sizes(frames, f'{self.ann_file}, video {video}, track {track}')
                rows += [(len(names), len(tracks), frame) for frame, _ in found]
                sizes += [size for _, size in found]
                tracks += [track] * bool(found)
            names += [video] * (len(rows) > before)
        if not rows:
            raise DataError(f'{self.ann_file}: there is no object with a box in it')
        videos, objects, frame_ids = np.array(rows, dtype=np.int64).T
        self.objects = ObjectTable(videos, objects, np.ascontiguousarray(frame_ids))
        self._videos, self._objects = videos.astype(np.int32), objects.astype(np.int32)
        self._sizes = np.array(sizes, dtype=np.float32)
        # arrays of bytes: workers share them, lists of strings they would copy
        self._names, self._tracks = (np.char.encode(np.array(words), 'utf-8') for words in (names, tracks))

    def view(self, row: int) -> CropView:
        """An object in a frame, by its row in the table.

        Raises:
            DataError: a file is missing, damaged or of another size.
        """
        path, mask_file, where = self._files(row)
        image = read_image(path, where)
        if image.shape[:2] != (CROP_SIZE, CROP_SIZE):
            size = f'{image.shape[1]} x {image.shape[0]}'
            raise DataError(f'{path} ({where}): a square has {CROP_SIZE} x {CROP_SIZE} pixels, this one {size}')
        mask = _read_mask(mask_file, where) if self.with_masks else None
        in_crop, video = size_in_crop(*self._sizes[row].tolist()), int(self._videos[row])
        frame = int(self.objects.frames[row])
        return CropView(image, mask, np.zeros(2), 1.0, in_crop, 255, video, frame, str(path))

    def problems(self, decode: bool = False) -> Iterator[Problem]:
        """Files that are missing, or with ``decode`` also those that are damaged."""
        for row in range(len(self.objects.frames)):
            square, mask, where = self._files(row)
            if decode:
                try:
                    self.view(row)
                except DataError as error:
                    yield Problem(self.ann_file, str(error))
                continue
            for path in (square, mask)[: 1 + self.with_masks]:
                if not path.is_file():
                    yield Problem(where, f'{path} is not there; make the set again')

    def _files(self, row: int) -> tuple[Path, Path, str]:
        """Files of square and mask, and the place in the index as text."""
        name = self._names[int(self._videos[row])].decode()
        track, stem = self._tracks[int(self._objects[row])].decode(), f'{int(self.objects.frames[row]):06d}'
        where = f'{self.ann_file}, video {name}, track {track}, frame {stem}'
        return crop_path(self.folder / name, stem, track), mask_path(self.folder / name, stem, track), where


def _track_sizes(frames: Any, where: str) -> list[tuple[int, tuple[float, float]]]:
    """Frame numbers, rising, and sizes of a track's boxes with area."""
    if not isinstance(frames, dict):
        raise DataError(f'{where}: needs an object of frames, got {frames!r:.60}')
    found = []
    for frame, box in frames.items():
        if not str(frame).isdigit():
            continue
        if not isinstance(box, list) or len(box) not in (2, 4) or not all(isinstance(v, int | float) for v in box):
            raise DataError(f'{where}, frame {frame}: a box is [x1, y1, x2, y2] or [width, height], got {box!r:.60}')
        width, height = (box[2] - box[0], box[3] - box[1]) if len(box) == 4 else box
        if width > 0 and height > 0:
            found.append((int(frame), (float(width), float(height))))
    return sorted(found)


def _read_mask(path: Path, where: str) -> np.ndarray:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise DataError(
            f'{path} ({where}): the mask cannot be read ({error.strerror}); set with_masks=False for a set without'
        ) from None
    mask = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    if mask is None or mask.shape != (CROP_SIZE, CROP_SIZE):
        raise DataError(f'{path} ({where}): no mask of {CROP_SIZE} x {CROP_SIZE} pixels; make the set again')
    return np.asarray(mask, dtype=np.uint8)


def _noted_masks(ann_file: str) -> bool:
    path = facts_path(ann_file)
    try:
        return bool(json.loads(path.read_bytes())['masks'])
    except FileNotFoundError:
        raise ConfigError(
            f'{ann_file}: {path.name} is not there, so it is not known whether these squares have masks; set '
            f'with_masks=True (COCO, YouTube-VOS) or False (ImageNet)'
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f'{path}: damaged ({error}); make the set again, or set with_masks') from error
