"""KITTI MOTS layout: frames, 16-bit instance maps, text files with RLE, and sequence maps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import cv2
import numpy as np

from mmdet.datasets.shapes.config import CATEGORY_IDS, ShapesConfig
from mmdet.datasets.shapes.truth import label_map
from mmdet.datasets.shapes.video import ShapesVideo
from mmdet.datasets.shapes.writers.base import ShapesWriter, write_encoded, write_image
from mmdet.errors import ConfigError
from mmdet.ops import rle

CAR, PEDESTRIAN, IGNORE = 1, 2, 10
IGNORE_ID = 10_000
VALID_OFFSET = 5000  # KITTI names sequences by four digits; train and valid share a folder and must not collide
SEQMAP_NAMES = {'train': 'train', 'valid': 'val', 'test': 'test'}


@dataclass(frozen=True)
class KITTIMOTSWriter(ShapesWriter):
    """``training/image_02/<seq>/000000.png``, ``instances/<seq>/000000.png``, ``instances_txt/<seq>.txt``, ``seqmaps``.

    Pixels of an instance hold class * 1000 + its number in the sequence, from 1. Sequences of the valid split start at
    5000. Those of the test split lie in ``testing/image_02`` and have no annotations, as in KITTI. A line of
    ``seqmaps/{train,val,test}.seqmap`` is ``<seq> empty 000000 <last frame>``.

    Attributes:
        car: shape that is written as car (1).
        pedestrian: shape that is written as pedestrian (2).
        others: what becomes of other shapes, if there are some: ``ignore`` (value 10000, class 10), or ``background``,
            which makes them distractors that a detector has to tell apart.
        image_format: ``png`` as in KITTI, or ``jpg``.
    """

    name: ClassVar[str] = 'kitti-mots'
    folders: ClassVar[tuple[str, ...]] = ('training', 'testing', 'instances', 'instances_txt', 'seqmaps')

    car: str = 'square'
    pedestrian: str = 'star'
    others: Literal['background', 'ignore'] = 'ignore'
    image_format: Literal['png', 'jpg'] = 'png'

    def __post_init__(self) -> None:
        if self.car == self.pedestrian or not {self.car, self.pedestrian} <= set(CATEGORY_IDS):
            raise ConfigError(
                f'KITTIMOTSWriter got car={self.car!r} and pedestrian={self.pedestrian!r}; '
                f'use two different shapes of {", ".join(CATEGORY_IDS)}'
            )
        if self.others not in ('background', 'ignore'):
            raise ConfigError(f"KITTIMOTSWriter.others is {self.others!r}; use 'background' or 'ignore'")
        if self.image_format not in ('png', 'jpg'):
            raise ConfigError(f"KITTIMOTSWriter.image_format is {self.image_format!r}; use 'png' or 'jpg'")

    def default_config(self) -> ShapesConfig:
        """The two annotated shapes and nothing else."""
        return ShapesConfig(classes=(self.car, self.pedestrian))

    def check(self, config: ShapesConfig, splits: dict[str, int]) -> None:
        """Raise ConfigError for shapes that never appear, or more sequences than four digits can name."""
        missing = {self.car, self.pedestrian} - set(config.classes)
        if missing:
            raise ConfigError(f'classes {config.classes} leave out {sorted(missing)}, which KITTI MOTS files need')
        too_many = [split for split, count in splits.items() if count > VALID_OFFSET]
        if too_many:
            raise ConfigError(f'KITTI MOTS sequences have four digits: at most {VALID_OFFSET} in {", ".join(too_many)}')

    def write_video(self, root: Path, video: ShapesVideo) -> dict[str, Any]:
        """Write frames and annotations of a sequence; return its name and length."""
        sequence = f'{video.index + (VALID_OFFSET if video.split == "valid" else 0):04d}'
        annotated = video.split != 'test'
        images = root / ('training' if annotated else 'testing') / 'image_02' / sequence
        maps, texts = root / 'instances' / sequence, root / 'instances_txt'
        for folder in (images, maps, texts) if annotated else (images,):
            folder.mkdir(parents=True, exist_ok=True)
        labels = self._labels(video)
        lines: list[str] = []
        for t, frame in enumerate(video):
            write_image(images / f'{t:06d}.{self.image_format}', frame.image, video.config.jpeg_quality)
            if annotated:
                instances = label_map(frame, video.config.min_area, labels)
                write_encoded(maps / f'{t:06d}.png', instances, [cv2.IMWRITE_PNG_COMPRESSION, 6])
                lines += [_line(t, value, instances == value) for value in np.unique(instances[instances > 0]).tolist()]
        if annotated:
            (texts / f'{sequence}.txt').write_text(''.join(lines), encoding='ascii')
        return {'name': sequence, 'length': len(video)}

    def write_index(self, root: Path, split: str, config: ShapesConfig, records: list[dict[str, Any]]) -> None:
        """Write the sequence map of a split."""
        folder = root / 'seqmaps'
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f'{r["name"]} empty 000000 {r["length"] - 1:06d}\n' for r in records]
        (folder / f'{SEQMAP_NAMES[split]}.seqmap').write_text(''.join(lines), encoding='ascii')

    def _labels(self, video: ShapesVideo) -> np.ndarray:
        """Value of each object's pixels, (N,) uint16."""
        classes = {self.car: CAR, self.pedestrian: PEDESTRIAN}
        other = IGNORE_ID if self.others == 'ignore' else 0
        values = [
            classes[category] * 1000 + k + 1 if category in classes else other
            for k, category in enumerate(video.categories)
        ]
        return np.array(values, np.uint16)


def _line(t: int, value: int, mask: np.ndarray) -> str:
    encoded = rle.encode(mask)
    height, width = encoded['size']
    return f'{t} {value} {value // 1000} {height} {width} {encoded["counts"]}\n'
