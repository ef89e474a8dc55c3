"""DAVIS 2017 layout: frames, palette PNG label maps, and lists of sequences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mmdet.datasets.shapes.config import ShapesConfig
from mmdet.datasets.shapes.truth import label_map, seen_objects
from mmdet.datasets.shapes.video import ShapesVideo
from mmdet.datasets.shapes.writers.base import ShapesWriter, write_image
from mmdet.sequences.label_maps import encode_label_map

LIST_NAMES = {'train': 'train', 'valid': 'val', 'test': 'test-dev'}


@dataclass(frozen=True)
class DAVISWriter(ShapesWriter):
    """``JPEGImages/480p/<seq>/00000.jpg``, ``Annotations/480p/<seq>/00000.png``, ``ImageSets/2017/{train,val}.txt``.

    As in DAVIS, the objects of a sequence are those of its first frame, numbered 1..K; what appears later is not
    labelled. Of the test split only the first frame has a label map. The folder is called 480p at any frame size.
    """

    name: ClassVar[str] = 'davis'
    folders: ClassVar[tuple[str, ...]] = ('JPEGImages', 'Annotations', 'ImageSets')

    def default_config(self) -> ShapesConfig:
        """Nothing enters later, as it could not be labelled."""
        return ShapesConfig(enter_probability=0.0)

    def write_video(self, root: Path, video: ShapesVideo) -> dict[str, Any]:
        """Write frames and label maps; return the sequence's name."""
        images, maps = root / 'JPEGImages' / '480p' / video.name, root / 'Annotations' / '480p' / video.name
        images.mkdir(parents=True, exist_ok=True)
        maps.mkdir(parents=True, exist_ok=True)
        labels = np.zeros(0, np.uint16)
        for t, frame in enumerate(video):
            if t == 0:
                marked = np.array([s is not None for s in seen_objects(frame, video.config.min_area)])
                labels = np.where(marked, np.cumsum(marked), 0).astype(np.uint16)
            write_image(images / f'{t:05d}.jpg', frame.image, video.config.jpeg_quality)
            if t == 0 or video.split != 'test':
                numbers = label_map(frame, video.config.min_area, labels).astype(np.uint8)
                (maps / f'{t:05d}.png').write_bytes(encode_label_map(numbers))
        return {'name': video.name}

    def write_index(self, root: Path, split: str, config: ShapesConfig, records: list[dict[str, Any]]) -> None:
        """Write the list of sequences of a split."""
        folder = root / 'ImageSets' / '2017'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f'{LIST_NAMES[split]}.txt').write_text(''.join(f'{r["name"]}\n' for r in records), encoding='utf-8')
