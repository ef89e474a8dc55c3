"""Small scenes from which evaluation tests are built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mmdet.ops.rle import encode

Box = tuple[int, int, int, int]


@pytest.fixture(scope='session')
def rectangle() -> Callable[..., Any]:
    """``rectangle((x, y, w, h), size)``: the RLE of a filled rectangle, None for None; ``size`` is (height, width)."""

    def make(box: Box | None, size: tuple[int, int] = (60, 80)) -> Any:
        if box is None:
            return None
        x, y, w, h = box
        mask = np.zeros(size, np.uint8)
        mask[y : y + h, x : x + w] = 1
        return encode(mask)

    return make


@pytest.fixture(scope='session')
def ground_truth(rectangle: Callable[..., Any]) -> Callable[..., dict]:
    """``ground_truth([track, ...])`` for one video of id 7; a track is dict(boxes, and any annotation keys)."""

    def make(tracks: list[dict], size: tuple[int, int] = (60, 80), categories: tuple[int, ...] = (3, 5)) -> dict:
        annotations = []
        for index, track in enumerate(tracks):
            masks = [rectangle(box, size) for box in track['boxes']]
            annotation = {
                'id': index + 1,
                'video_id': 7,
                'category_id': 3,
                'iscrowd': 0,
                'segmentations': masks,
                'areas': [box and box[2] * box[3] for box in track['boxes']],
            }
            annotations.append({**annotation, **{k: v for k, v in track.items() if k != 'boxes'}})
        length = len(tracks[0]['boxes']) if tracks else 3
        video = {'id': 7, 'height': size[0], 'width': size[1], 'length': length}
        names = [{'id': category, 'name': f'thing {category}'} for category in categories]
        return {'videos': [video], 'categories': names, 'annotations': annotations}

    return make


@pytest.fixture(scope='session')
def result(rectangle: Callable[..., Any]) -> Callable[..., dict]:
    """``result([box or None, ...], score)``: one result of video 7 and category 3."""

    def make(boxes: list[Box | None], score: float = 0.9, size: tuple[int, int] = (60, 80), **keys: Any) -> dict:
        masks = [rectangle(box, size) for box in boxes]
        return {'video_id': 7, 'category_id': 3, 'score': score, 'segmentations': masks, **keys}

    return make
