"""YouTube-VOS layout: frames, palette label maps of every frame, and a meta file per split."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mmdet.datasets.shapes.config import ShapesConfig
from mmdet.datasets.shapes.truth import label_map, seen_objects
from mmdet.datasets.shapes.video import ShapesVideo
from mmdet.datasets.shapes.writers.base import SPLITS, ShapesWriter, write_image
from mmdet.errors import ConfigError
from mmdet.sequences.label_maps import encode_label_map


@dataclass(frozen=True)
class YouTubeVOSWriter(ShapesWriter):
    """``<split>/{JPEGImages,Annotations}/<video>/00000.{jpg,png}`` and ``<split>/meta.json``.

    An object is listed from the frame in which it is first seen, so some begin later than others. The test split has,
    as the public validation set of YouTube-VOS, only the label maps of frames in which an object begins.

    Attributes:
        step: every how many frames there is a label map, from frame 0; 5 in YouTube-VOS.
    """

    name: ClassVar[str] = 'youtube-vos'
    folders: ClassVar[tuple[str, ...]] = SPLITS

    step: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.step, int) or self.step < 1:
            raise ConfigError(f'YouTubeVOSWriter.step is {self.step!r}; it has to be a whole number from 1')

    def write_video(self, root: Path, video: ShapesVideo) -> dict[str, Any]:
        """Write frames and label maps; return the video's name and objects."""
        images, maps = (root / video.split / kind / video.name for kind in ('JPEGImages', 'Annotations'))
        images.mkdir(parents=True, exist_ok=True)
        maps.mkdir(parents=True, exist_ok=True)
        numbers = np.arange(1, len(video.categories) + 1, dtype=np.uint16)
        begun: dict[int, int] = {}
        for t, frame in enumerate(video):
            write_image(images / f'{t:05d}.jpg', frame.image, video.config.jpeg_quality)
            if t % self.step:
                continue
            seen = [k for k, s in enumerate(seen_objects(frame, video.config.min_area)) if s is not None]
            new = [k for k in seen if k not in begun]
            begun.update(dict.fromkeys(new, t))
            if new or video.split != 'test':
                labels = label_map(frame, video.config.min_area, numbers).astype(np.uint8)
                (maps / f'{t:05d}.png').write_bytes(encode_label_map(labels))
        names = [f'{t:05d}' for t in range(0, len(video), self.step)]
        objects = {
            str(k + 1): {'category': video.categories[k], 'frames': names[start // self.step :]}
            for k, start in sorted(begun.items())
        }
        return {'name': video.name, 'objects': objects}

    def write_index(self, root: Path, split: str, config: ShapesConfig, records: list[dict[str, Any]]) -> None:
        """Write ``<split>/meta.json``."""
        document = {'videos': {record['name']: {'objects': record['objects']} for record in records}}
        folder = root / split
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'meta.json').write_text(json.dumps(document), encoding='utf-8')
