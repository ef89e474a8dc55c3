"""YouTube-VIS layout: one JSON per split, frames in folders; with OVIS occlusion levels."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from mmdet.datasets.shapes.config import CATEGORY_IDS, MAX_OBJECTS, ShapesConfig
from mmdet.datasets.shapes.truth import SeenObject, seen_objects, uncompressed_rle
from mmdet.datasets.shapes.video import ShapesVideo
from mmdet.datasets.shapes.writers.base import SPLITS, ShapesWriter, write_image
from mmdet.errors import ConfigError
from mmdet.ops import rle


@dataclass(frozen=True)
class YTVISWriter(ShapesWriter):
    """``<split>/JPEGImages/<video>/00000.jpg`` and ``annotations/<split>.json``.

    Attributes:
        rle: masks as lists of run lengths, as in the official files, or as COCO's shorter strings.
    """

    name: ClassVar[str] = 'ytvis'
    folders: ClassVar[tuple[str, ...]] = (*SPLITS, 'annotations')

    rle: Literal['uncompressed', 'compressed'] = 'uncompressed'

    def __post_init__(self) -> None:
        if self.rle not in ('uncompressed', 'compressed'):
            raise ConfigError(f"YTVISWriter.rle is {self.rle!r}; use 'uncompressed' or 'compressed'")

    def write_video(self, root: Path, video: ShapesVideo) -> dict[str, Any]:
        """Write the frames; return the video's entry and its annotations."""
        folder = root / video.split / 'JPEGImages' / video.name
        folder.mkdir(parents=True, exist_ok=True)
        tracks: list[list[SeenObject | None]] = [[] for _ in video.categories]
        masks: list[list[Any]] = [[] for _ in video.categories]
        for t, frame in enumerate(video):
            write_image(folder / f'{t:05d}.jpg', frame.image, video.config.jpeg_quality)
            for k, seen in enumerate(seen_objects(frame, video.config.min_area)):
                masks[k].append(self._encode(seen))
                tracks[k].append(seen._replace(mask=seen.mask[:0]) if seen else None)  # dense masks need not stay
        seen_once = [k for k, track in enumerate(tracks) if any(track)]
        annotations = [_annotation(video, k, tracks[k], masks[k]) for k in seen_once]
        return {'video': _video_entry(video), 'annotations': annotations}

    def write_index(self, root: Path, split: str, config: ShapesConfig, records: list[dict[str, Any]]) -> None:
        """Write ``annotations/<split>.json``."""
        document = {
            'info': {'description': 'procedural data set "shapes"', 'version': '1', 'config': config.as_dict()},
            'licenses': [],
            'videos': [record['video'] for record in records],
            'categories': [{'supercategory': 'shape', 'id': CATEGORY_IDS[c], 'name': c} for c in config.classes],
            'annotations': [annotation for record in records for annotation in record['annotations']],
        }
        folder = root / 'annotations'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f'{split}.json').write_text(json.dumps(document), encoding='utf-8')

    def _encode(self, seen: SeenObject | None) -> Any:
        if seen is None:
            return None
        return rle.encode(seen.mask) if self.rle == 'compressed' else uncompressed_rle(seen.mask)


def _video_entry(video: ShapesVideo) -> dict[str, Any]:
    return {
        'id': video.video_id,
        'width': video.config.width,
        'height': video.config.height,
        'length': len(video),
        'file_names': [f'{video.name}/{t:05d}.jpg' for t in range(len(video))],
    }


def _annotation(video: ShapesVideo, k: int, track: list[SeenObject | None], masks: list[Any]) -> dict[str, Any]:
    return {
        'id': video.video_id * (MAX_OBJECTS + 1) + k + 1,
        'video_id': video.video_id,
        'category_id': CATEGORY_IDS[video.categories[k]],
        'iscrowd': 0,
        'height': video.config.height,
        'width': video.config.width,
        'length': len(video),
        'segmentations': masks,
        'bboxes': [seen.bbox if seen else None for seen in track],
        'areas': [seen.area if seen else None for seen in track],
        'occlusion': [seen.occlusion if seen else None for seen in track],
    }
