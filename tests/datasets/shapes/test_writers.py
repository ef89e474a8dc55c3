"""Files read back with independent readers and compared with the rendered truth."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from mmdet.datasets.schema import structure_problems
from mmdet.datasets.shapes import (
    CATEGORY_IDS,
    DAVISWriter,
    KITTIMOTSWriter,
    ShapesConfig,
    ShapesVideo,
    YTVISWriter,
    make_shapes,
)
from mmdet.errors import ConfigError

SIZE = (96, 64)
CONFIG = ShapesConfig(size=SIZE, num_frames=5, occlusion='heavy', objects=(3, 5))
SPLITS = {'train': 3, 'valid': 2, 'test': 1}


def _visible(video: ShapesVideo, t: int) -> np.ndarray:
    """(H, W) object numbers from 1, without objects that are too small to be annotated: the slow way."""
    ids = video.render(t).ids.copy()
    for number in np.unique(ids):
        if np.sum(ids == number) < CONFIG.min_area:
            ids[ids == number] = 0
    return ids


@pytest.fixture(scope='module', params=['uncompressed', 'compressed'])
def ytvis(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('ytvis')
    return make_shapes(root, CONFIG, SPLITS, YTVISWriter(rle=request.param), seed=1, progress=False)


def _decode(segmentation: dict) -> np.ndarray:
    if isinstance(segmentation['counts'], list):
        segmentation = coco_mask.frPyObjects(segmentation, *segmentation['size'])
    return coco_mask.decode(segmentation)


@pytest.mark.parametrize('split', list(SPLITS))
def test_ytvis_masks_boxes_areas_and_levels_agree(ytvis: Path, split: str) -> None:
    document = json.loads((ytvis / 'annotations' / f'{split}.json').read_text())
    assert list(structure_problems(document, split)) == []
    assert len(document['videos']) == SPLITS[split]
    names = {c['id']: c['name'] for c in document['categories']}
    assert names == {v: k for k, v in CATEGORY_IDS.items()}
    for index, entry in enumerate(document['videos']):
        video = ShapesVideo(CONFIG, 1, split, index)
        tracks = [a for a in document['annotations'] if a['video_id'] == entry['id']]
        assert tracks and {names[a['category_id']] for a in tracks} <= set(video.categories)
        for t in range(CONFIG.num_frames):
            total = np.zeros(SIZE[::-1], int)
            for track in tracks:
                fields = [track[key][t] for key in ('segmentations', 'bboxes', 'areas', 'occlusion')]
                if fields[0] is None:
                    assert fields == [None] * 4
                    continue
                mask = _decode(fields[0])
                total += mask
                assert fields[2] == mask.sum() >= CONFIG.min_area
                assert fields[1] == coco_mask.toBbox(coco_mask.encode(np.asfortranarray(mask))).tolist()
                assert fields[3] in ('no_occlusion', 'slight_occlusion', 'severe_occlusion')
            assert total.max() <= 1
            assert np.array_equal(total > 0, _visible(video, t) > 0)


def test_ytvis_entries_have_the_official_keys(ytvis: Path) -> None:
    document = json.loads((ytvis / 'annotations' / 'train.json').read_text())
    annotation = document['annotations'][0]
    assert {'id', 'video_id', 'category_id', 'iscrowd', 'width', 'height', 'length'} <= set(annotation)
    assert {'segmentations', 'bboxes', 'areas', 'occlusion'} <= set(annotation)
    assert {len(annotation[k]) for k in ('segmentations', 'bboxes', 'areas', 'occlusion')} == {CONFIG.num_frames}
    ids = [a['id'] for a in document['annotations']]
    assert len(set(ids)) == len(ids) and min(ids) >= 1
    assert [v['id'] for v in document['videos']] != list(range(1, SPLITS['train'] + 1))


def test_ytvis_frames_are_the_rendered_pictures(ytvis: Path) -> None:
    document = json.loads((ytvis / 'annotations' / 'valid.json').read_text())
    name = document['videos'][1]['file_names'][4]
    picture = cv2.imread(str(ytvis / 'valid' / 'JPEGImages' / name))[..., ::-1].astype(int)
    expected = ShapesVideo(CONFIG, 1, 'valid', 1).render(4).image.astype(int)
    assert name.endswith('/00004.jpg')
    assert np.abs(picture - expected).mean() < 8  # JPEG loses a little; another frame differs by far more


def test_davis_reads_back_equal_masks(tmp_path: Path) -> None:
    make_shapes(tmp_path, CONFIG, SPLITS, 'davis', seed=1, progress=False)
    names = (tmp_path / 'ImageSets' / '2017' / 'val.txt').read_text().split()
    assert len(names) == SPLITS['valid']
    for index, name in enumerate(names):
        video = ShapesVideo(CONFIG, 1, 'valid', index)
        first = [n for n in np.unique(_visible(video, 0)) if n > 0]
        for t in range(CONFIG.num_frames):
            assert (tmp_path / 'JPEGImages' / '480p' / name / f'{t:05d}.jpg').is_file()
            with Image.open(tmp_path / 'Annotations' / '480p' / name / f'{t:05d}.png') as picture:
                assert picture.mode == 'P'
                labels = np.asarray(picture)
                palette = picture.getpalette()
            expected = sum((label + 1) * (_visible(video, t) == n) for label, n in enumerate(first))
            assert np.array_equal(labels, expected)
        assert palette is not None and palette[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]


def test_davis_objects_are_those_of_the_first_frame(tmp_path: Path) -> None:
    config = ShapesConfig(size=SIZE, num_frames=8, enter_probability=1.0, objects=(4, 4))
    make_shapes(tmp_path, config, {'test': 2}, DAVISWriter(), progress=False)
    names = (tmp_path / 'ImageSets' / '2017' / 'test-dev.txt').read_text().split()
    for name in names:
        maps = sorted((tmp_path / 'Annotations' / '480p' / name).iterdir())
        assert [m.name for m in maps] == ['00000.png']  # the rest of the test split is not given away
        assert np.asarray(Image.open(maps[0])).max() == 1  # the others come in later
    assert DAVISWriter().default_config().enter_probability == 0


def _expected_kitti(video: ShapesVideo, t: int, others: int) -> np.ndarray:
    classes = {'square': 1, 'star': 2}
    visible = _visible(video, t)
    expected = np.zeros(visible.shape, int)
    for k, category in enumerate(video.categories):
        value = classes[category] * 1000 + k + 1 if category in classes else others
        expected[visible == k + 1] = value
    return expected


@pytest.mark.parametrize(('others', 'value'), [('background', 0), ('ignore', 10_000)])
def test_kitti_mots_reads_back_equal_masks(tmp_path: Path, others: str, value: int) -> None:
    make_shapes(tmp_path, CONFIG, SPLITS, KITTIMOTSWriter(others=others), seed=1, progress=False)
    lines = (tmp_path / 'seqmaps' / 'val.seqmap').read_text().splitlines()
    assert lines == ['5000 empty 000000 000004', '5001 empty 000000 000004']
    for index, line in enumerate(lines):
        video, sequence = ShapesVideo(CONFIG, 1, 'valid', index), line.split()[0]
        from_text = np.zeros((CONFIG.num_frames, *SIZE[::-1]), int)
        for row in (tmp_path / 'instances_txt' / f'{sequence}.txt').read_text().splitlines():
            t, number, category, height, width, counts = row.split(' ')
            assert int(category) == int(number) // 1000
            mask = coco_mask.decode({'size': [int(height), int(width)], 'counts': counts.encode()})
            assert from_text[int(t)][mask > 0].sum() == 0
            from_text[int(t)] += mask.astype(int) * int(number)
        for t in range(CONFIG.num_frames):
            png = cv2.imread(str(tmp_path / 'instances' / sequence / f'{t:06d}.png'), cv2.IMREAD_UNCHANGED)
            assert png.dtype == np.uint16
            expected = _expected_kitti(video, t, value)
            assert np.array_equal(png, expected) and np.array_equal(from_text[t], expected)
            frame = cv2.imread(str(tmp_path / 'training' / 'image_02' / sequence / f'{t:06d}.png'))
            assert np.array_equal(frame[..., ::-1], video.render(t).image)


def test_kitti_mots_test_split_has_frames_only(tmp_path: Path) -> None:
    make_shapes(tmp_path, CONFIG, {'test': 1}, KITTIMOTSWriter(image_format='jpg'), progress=False)
    assert len(list((tmp_path / 'testing' / 'image_02' / '0000').glob('*.jpg'))) == CONFIG.num_frames
    assert not (tmp_path / 'instances').exists() and not (tmp_path / 'instances_txt').exists()
    assert (tmp_path / 'seqmaps' / 'test.seqmap').read_text() == '0000 empty 000000 000004\n'


@pytest.mark.parametrize(
    'make',
    [
        pytest.param(lambda: YTVISWriter(rle='polygon'), id='RLE kind'),  # type: ignore[arg-type]
        pytest.param(lambda: KITTIMOTSWriter(car='truck'), id='unknown shape'),
        pytest.param(lambda: KITTIMOTSWriter(car='star'), id='one shape for two classes'),
        pytest.param(lambda: KITTIMOTSWriter(others='drop'), id='others'),  # type: ignore[arg-type]
        pytest.param(lambda: KITTIMOTSWriter(image_format='bmp'), id='image format'),  # type: ignore[arg-type]
        pytest.param(lambda: KITTIMOTSWriter().check(ShapesConfig(classes=('disc',)), {}), id='classes not drawn'),
        pytest.param(lambda: KITTIMOTSWriter().check(ShapesConfig(), {'train': 5001}), id='five digits'),
    ],
)
def test_bad_writer_options(make: object) -> None:
    with pytest.raises(ConfigError):
        make()  # type: ignore[operator]


def test_kitti_mots_default_config_draws_its_classes() -> None:
    writer = KITTIMOTSWriter(car='ring', pedestrian='disc')
    writer.check(writer.default_config(), {'train': 1})
    assert set(writer.default_config().classes) == {'ring', 'disc'}
