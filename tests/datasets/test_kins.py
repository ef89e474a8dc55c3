"""KINS crops: which pixels, which windows, which files; interrupted runs and damaged input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mmdet.datasets import COCOVideoDataset, kins
from mmdet.datasets.base import TrainIndex
from mmdet.datasets.kins import KINSCrops, convert_kins, paint_objects
from mmdet.datasets.transforms.crop import object_window
from mmdet.errors import ConfigError, DataError
from mmdet.ops import rle

HEIGHT, WIDTH = 60, 100
PLAN = KINSCrops('car', (40, 30))


def _box(y1: int, y2: int, x1: int, x2: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    mask[y1:y2, x1:x2] = 1
    return mask


def _polygon(y1: int, y2: int, x1: int, x2: int) -> list[list[float]]:
    return [[x1, y1, x2, y1, x2, y2, x1, y2]]


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """``source(edit)`` writes three KINS images, one without cars; ``edit(document)`` may change the file first."""

    def make(edit: Callable[[dict], object] | None = None) -> tuple[Path, Path]:
        images = tmp_path / 'image_2'
        images.mkdir(exist_ok=True)
        rng = np.random.default_rng(0)
        for name in ('000001', '000002', '000003'):
            cv2.imwrite(str(images / f'{name}.png'), rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))
        entries = [dict(id=i, file_name=f'00000{i}.png', height=HEIGHT, width=WIDTH) for i in (3, 1, 2)]
        objects = [
            dict(image_id=1, category_id=4, inmodal_seg=rle.encode(_box(0, 10, 0, 12)), segmentation=[[0, 0]]),
            dict(image_id=1, category_id=4, inmodal_seg=rle.encode(_box(5, 20, 6, 30))),
            dict(image_id=1, category_id=7, inmodal_seg=rle.encode(_box(15, 25, 20, 40))),
            dict(image_id=2, category_id=2, inmodal_seg=rle.encode(_box(15, 25, 20, 40))),
            dict(image_id=3, category_id=4, i_segm=_polygon(50, 60, 90, 100)),  # the second release has polygons
        ]
        document = dict(images=entries, annotations=[dict(id=i + 1, **entry) for i, entry in enumerate(objects)])
        if edit is not None:
            edit(document)
        path = tmp_path / 'instances_train.json'
        path.write_text(json.dumps(document))
        return path, images

    return make


def test_objects_are_painted_in_order_and_share_one_count() -> None:
    cars, van = [_box(0, 10, 0, 10), _box(5, 15, 5, 15)], _box(12, 20, 12, 20)
    ids = paint_objects([*cars, van], [True, True, False], (HEIGHT, WIDTH))
    assert np.unique(ids).tolist() == [0, 3, 26001, 26002]
    assert ids[7, 7] == 26002 and ids[13, 13] == 3  # the later one lies on top


@pytest.mark.parametrize(
    ('centre', 'size', 'frame', 'window'),
    [
        ((10, 10), (640, 160), (1242, 375), (0, 0, 640, 160)),
        ((1241, 374), (640, 160), (1242, 375), (602, 215, 1242, 375)),
        ((600.5, 200), (640, 160), (1242, 375), (280, 120, 920, 280)),
        ((50, 30), (640, 160), (100, 60), (0, 0, 100, 60)),  # a frame smaller than the window
    ],
)
def test_window_around_an_object(centre: tuple, size: tuple, frame: tuple, window: tuple) -> None:
    assert object_window(centre, size, frame) == window


def test_crops_and_their_file(source: Callable, tmp_path: Path) -> None:
    annotations, images = source()
    target = convert_kins(annotations, images, tmp_path / 'out', PLAN, progress=False)
    document = json.loads(target.read_text())
    assert target.name == 'instances_train.json'
    assert [c['file_name'] for c in document['images']] == ['000001_0.png', '000001_1.png', '000003_0.png']
    assert [(c['id'], c['width'], c['height']) for c in document['images']] == [(i, 40, 30) for i in (1, 2, 3)]
    of_first = [a for a in document['annotations'] if a['image_id'] == 1]
    assert [(a['iscrowd'], a['area']) for a in of_first] == [(0, 120 - 30), (0, 24 * 15 - 50), (1, 200)]
    last = document['annotations'][-1]
    assert last['bbox'] == [30, 20, 10, 10] and last['area'] == 100  # the window ends with the image
    crop = cv2.imread(str(tmp_path / 'out/instances_train/000003_0.png'))
    assert np.array_equal(crop, cv2.imread(str(images / '000003.png'))[30:, 60:])
    assert not (tmp_path / 'out/.parts/instances_train').exists()


def test_crops_train(source: Callable, tmp_path: Path) -> None:
    annotations, images = source()
    convert_kins(annotations, images, tmp_path / 'out', PLAN, progress=False)
    pipeline = [dict(type='LoadFrames'), dict(type='LoadAnnotations'), dict(type='PackClip')]
    dataset = COCOVideoDataset(
        'instances_train.json', str(tmp_path / 'out'), 'instances_train', pipeline, num_ref_frames=0
    )
    sample = dataset[TrainIndex(0, 0, 0)]['data_samples'][0]
    assert dataset.classes == ('car',) and len(dataset) == 3
    assert sample.gt_instances.masks.shape == (2, 30, 40)
    assert sample.ignored_instances.masks.sum() == 200


def test_pedestrians(source: Callable, tmp_path: Path) -> None:
    annotations, images = source()
    target = convert_kins(annotations, images, tmp_path / 'out', KINSCrops('pedestrian', (40, 30)), 'val', 2, False)
    document = json.loads(target.read_text())
    assert target.name == 'val.json' and document['categories'] == [{'id': 1, 'name': 'pedestrian'}]
    assert [c['file_name'] for c in document['images']] == ['000002_0.png']


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob('*')) if p.is_file()}


def test_an_interrupted_run_goes_on(source: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    annotations, images = source()
    convert_kins(annotations, images, tmp_path / 'whole', PLAN, progress=False)
    cut, done = kins._cut_image, []

    def stop_at_the_second(image: Any, *rest: Any) -> Any:
        if image.stem == '000003':
            raise KeyboardInterrupt
        done.append(image.stem)
        return cut(image, *rest)

    monkeypatch.setattr(kins, '_cut_image', stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        convert_kins(annotations, images, tmp_path / 'out', PLAN, progress=False)
    monkeypatch.setattr(kins, '_cut_image', lambda image, *rest: done.append(image.stem) or cut(image, *rest))
    convert_kins(annotations, images, tmp_path / 'out', PLAN, workers=2, progress=False)
    assert done == ['000001', '000003']
    convert_kins(annotations, images, tmp_path / 'out', PLAN, progress=False)  # finished: nothing is done again
    assert done == ['000001', '000003']
    assert _tree(tmp_path / 'out') == _tree(tmp_path / 'whole')


def test_another_plan_does_not_mix_with_what_is_there(source: Callable, tmp_path: Path) -> None:
    annotations, images = source()
    convert_kins(annotations, images, tmp_path / 'out', PLAN, progress=False)
    with pytest.raises(ConfigError, match='belongs to other crops'):
        convert_kins(annotations, images, tmp_path / 'out', KINSCrops('car', (20, 20)), progress=False)


@pytest.mark.parametrize(
    ('edit', 'message'),
    [
        (lambda d: d.pop('images'), "needs the list 'images'"),
        (lambda d: d['annotations'][1].pop('inmodal_seg'), 'image 1, annotation 2: there is no visible mask'),
        (lambda d: d['annotations'][0].update(image_id=9), 'image 9, which the file does not list'),
        (lambda d: d.update(annotations=d['annotations'][2:4]), "no object of the class 'car'; the file's classes are"),
        (lambda d: d['images'][0].update(height=70), 'image 3: mask size|100 x 60'),
        (lambda d: d['images'][1].pop('width'), "image 1 needs 'file_name', 'height' and 'width'"),
        (lambda d: d['images'][1].update(file_name='lost.png'), 'lost.png .*the image does not exist'),
        (lambda d: [e.update(file_name=f) for e, f in zip(d['images'], ('a/1.png', 'a_1.png'))], 'called the same'),
    ],
    ids=['no images', 'amodal only', 'lost image', 'no cars', 'size', 'no width', 'no file', 'one name for two'],
)
def test_damaged_input_ends_with_its_place(source: Callable, tmp_path: Path, edit: Callable, message: str) -> None:
    annotations, images = source(edit)
    with pytest.raises(DataError, match=message):
        convert_kins(annotations, images, tmp_path / 'out', PLAN, progress=False)


def test_wrong_plans() -> None:
    for arguments in (dict(name='van'), dict(image_format='bmp'), dict(size=(0, 5))):
        with pytest.raises(ConfigError):
            KINSCrops(**arguments)
