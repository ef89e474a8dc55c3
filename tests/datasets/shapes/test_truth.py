from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmdet.datasets.shapes.render import Frame
from mmdet.datasets.shapes.truth import label_map, occlusion_level, seen_objects, tight_box, uncompressed_rle


def _slow_counts(mask: np.ndarray) -> list[int]:
    """Run lengths by walking down the columns pixel by pixel."""
    counts, value = [0], False
    for pixel in mask.T.ravel():
        if pixel != value:
            counts.append(0)
            value = bool(pixel)
        counts[-1] += 1
    return counts


@pytest.mark.parametrize(
    'rows',
    [
        pytest.param(['...', '.#.', '...'], id='middle'),
        pytest.param(['#..', '...', '..#'], id='first and last pixel'),
        pytest.param(['###', '###', '###'], id='all'),
        pytest.param(['#.#', '#.#', '###'], id='hole'),
        pytest.param(['.#', '..', '##'], id='not square'),
    ],
)
def test_rle_equals_the_pixel_walk_and_decodes(rows: list[str]) -> None:
    mask = np.array([[c == '#' for c in row] for row in rows])
    rle = uncompressed_rle(mask)
    assert rle == {'counts': _slow_counts(mask), 'size': list(mask.shape)}
    assert np.array_equal(coco_mask.decode(coco_mask.frPyObjects(rle, *mask.shape)), mask)


def test_rle_of_random_masks() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        mask = rng.random(tuple(rng.integers(1, 30, 2))) < 0.4
        mask[0, 0] |= not mask.any()
        assert uncompressed_rle(mask)['counts'] == _slow_counts(mask)


def test_tight_box_is_x_y_width_height() -> None:
    mask = np.zeros((10, 20), bool)
    mask[3:7, 5] = mask[4, 5:15] = True
    assert tight_box(mask) == [5.0, 3.0, 10.0, 4.0]


@pytest.mark.parametrize(
    ('visible', 'level'),
    [
        (1000, 'no_occlusion'),
        (951, 'no_occlusion'),
        (949, 'slight_occlusion'),
        (500, 'slight_occlusion'),
        (499, 'severe_occlusion'),
        (1, 'severe_occlusion'),
    ],
)
def test_occlusion_thresholds(visible: int, level: str) -> None:
    assert occlusion_level(visible, 1000) == level


IDS = np.array([[0, 1, 1, 1], [2, 2, 1, 0], [2, 3, 0, 0]], np.uint8)
FRAME = Frame(np.zeros((3, 4, 3), np.uint8), IDS, np.array([4, 6, 5]))


def test_seen_objects_by_hand() -> None:
    first, second, third = seen_objects(FRAME, min_area=2)
    assert third is None and first is not None and second is not None
    assert np.array_equal(first.mask, IDS == 1)
    assert (first.area, first.bbox, first.occlusion) == (4, [1.0, 0.0, 3.0, 2.0], 'no_occlusion')
    assert (second.area, second.bbox, second.occlusion) == (3, [0.0, 1.0, 2.0, 2.0], 'slight_occlusion')


def test_label_map_leaves_out_what_is_too_small() -> None:
    labels = np.array([1001, 2002, 1003], np.uint16)
    expected = [[0, 1001, 1001, 1001], [2002, 2002, 1001, 0], [2002, 0, 0, 0]]
    assert label_map(FRAME, 2, labels).tolist() == expected
