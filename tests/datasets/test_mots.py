"""KITTI MOTS and MOTSChallenge data sets, from the procedural set that is written in that layout."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdet.datasets import ChunkIndex, MOTSDataset, TrainIndex
from mmdet.datasets.check import check_data
from mmdet.datasets.shapes import ShapesConfig, make_shapes
from mmdet.datasets.shapes.writers.kitti_mots import KITTIMOTSWriter
from mmdet.datasets.tracking_files import sequence_numbers
from mmdet.errors import ConfigError, DataError
from mmdet.formats import MaskTable, write_masks
from mmdet.ops.rle import decode, encode

PIPELINE = (dict(type='LoadFrames'), dict(type='LoadAnnotations'), dict(type='PackClip'))


@pytest.fixture(scope='module')
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = ShapesConfig(size=(96, 64), num_frames=5, classes=('square', 'star', 'ring'))
    folder = tmp_path_factory.mktemp('mots') / 'set'
    splits = {'train': 2, 'valid': 2, 'test': 1}
    return make_shapes(folder, config, splits, fmt=KITTIMOTSWriter(others='ignore'), progress=False)


def test_text_and_maps_are_the_same_set(root: Path) -> None:
    first, second = (MOTSDataset(name, str(root)).read_document() for name in ('instances_txt', 'instances'))
    assert first == second
    assert [video['name'] for video in first['videos']] == ['0000', '0001', '5000', '5001']


@pytest.mark.parametrize('seqmap', [None, 'seqmaps/val.seqmap'], ids=['length of the frames', 'length of the map'])
def test_a_lost_map_is_no_empty_frame(root: Path, tmp_path: Path, seqmap: str | None) -> None:
    shutil.copytree(root, tmp_path / 'set')
    (tmp_path / 'set/instances/5001/000004.png').unlink()
    with pytest.raises(DataError, match=r'instances/5001/000004\.png: missing'):
        MOTSDataset('instances', str(tmp_path / 'set'), seqmap=seqmap)


def test_masks_are_those_of_the_maps(root: Path) -> None:
    dataset = MOTSDataset('instances_txt', str(root), seqmap='seqmaps/train.seqmap', pipeline=PIPELINE)
    assert dataset.classes == ('car', 'pedestrian') and dataset.category_ids == (1, 2)
    assert len(dataset.videos) == 2
    for annotation in dataset.read_document()['annotations']:
        for frame, mask in enumerate(annotation['segmentations']):
            name = f'{annotation["video_id"] - 1:04d}/{frame:06d}.png'
            picture = cv2.imread(str(root / 'instances' / name), cv2.IMREAD_UNCHANGED)
            expected = picture == annotation['track_id']
            assert expected.any() if mask else not expected.any()
            if mask:
                np.testing.assert_array_equal(decode(mask), expected)
    clip = dataset[TrainIndex(0, 0, 0)]
    assert clip['inputs'].shape[1:] == (3, 64, 96)


def test_regions_are_crowds_of_the_first_class_in_use(root: Path) -> None:
    for classes, category in ((None, 1), (('pedestrian',), 2)):
        document = MOTSDataset('instances_txt', str(root), classes=classes).ground_truth()
        regions = [a for a in document['annotations'] if a['iscrowd']]
        assert regions and {a['category_id'] for a in regions} == {category}
        assert {a['role'] for a in regions} == {'region'}


@pytest.mark.parametrize(
    ('choice', 'names'),
    [
        (dict(seqmap='seqmaps/val.seqmap'), ['5000', '5001']),
        (dict(sequences=['0001']), ['0001']),
    ],
    ids=['seqmap', 'sequences'],
)
def test_choice_of_sequences(root: Path, choice: dict, names: list[str]) -> None:
    dataset = MOTSDataset('instances_txt', str(root), **choice)
    assert [video.file_names[0].split('/')[0] for video in dataset.videos] == names
    everything = MOTSDataset('instances_txt', str(root))
    ids = {video.file_names: video.id for video in everything.videos}
    assert all(video.id == ids[video.file_names] for video in dataset.videos)


def test_ids_stay_when_sequences_come(root: Path, tmp_path: Path) -> None:
    """What is held out, and whose stored detections are whose, goes by ids."""
    shutil.copytree(root, tmp_path / 'set')
    for folder in ('instances_txt', 'training/image_02'):
        for path in sorted((tmp_path / 'set' / folder).glob('0000*')):
            path.rename(path.with_name(path.name.replace('0000', '0000-night')))
    dataset = MOTSDataset('instances_txt', str(tmp_path / 'set'), test_mode=True)
    ids = {video.file_names[0].split('/')[0]: video.id for video in dataset.videos}
    assert ids.pop('0000-night') > 10_000 and ids == {'0001': 2, '5000': 5001, '5001': 5002}
    assert sequence_numbers(['7', 'MOT17-02'], 'x') == {'7': 8, 'MOT17-02': 1 + zlib.crc32(b'MOT17-02')}
    with pytest.raises(DataError, match='x: the sequences 02 and 2 get the same number'):
        sequence_numbers(['2', '02'], 'x')


def test_an_identity_that_changes_its_class(root: Path, tmp_path: Path) -> None:
    """Every evaluator counts it as an object of each class; so does what is trained on."""
    mask = encode(np.pad(np.ones((8, 8), np.uint8), ((0, 56), (0, 88))))
    table = MaskTable.of('t', range(4), [1] * 4, [1, 1, 2, 2], [mask] * 4)
    write_masks(tmp_path / 'instances_txt/0000.txt', table)
    dataset = MOTSDataset('instances_txt', str(tmp_path), str(root / 'training/image_02'), test_mode=True)
    found = dataset.ground_truth()['annotations']
    assert [a['category_id'] for a in found] == [1, 2] and [a['track_id'] for a in found] == [1, 1]
    assert [[frame for frame, m in enumerate(a['segmentations']) if m] for a in found] == [[0, 1], [2, 3]]


@pytest.mark.parametrize(('name', 'seen'), [('preview.png', True), ('._000000.png', False)])
def test_pictures_that_are_no_frames(root: Path, tmp_path: Path, name: str, seen: bool) -> None:
    shutil.copytree(root, tmp_path / 'set')
    frames = tmp_path / 'set/training/image_02/0000'
    shutil.copy(frames / '000000.png', frames / name)
    if not seen:
        assert len(MOTSDataset('instances_txt', str(tmp_path / 'set')).videos) == 4
        return
    with pytest.raises(DataError, match=f'{name}: frames here are called by numbers'):
        MOTSDataset('instances_txt', str(tmp_path / 'set'))


def test_frames_without_ground_truth(root: Path) -> None:
    dataset = MOTSDataset('', str(root), 'testing/image_02', test_mode=True)
    assert not dataset.has_annotations and dataset.videos[0].length == 5
    pipeline = [dict(type='LoadFrames'), dict(type='LoadAnnotations'), dict(type='PackClip')]
    dataset = MOTSDataset('', str(root), 'testing/image_02', test_mode=True, pipeline=pipeline)
    (sample,) = dataset[ChunkIndex(0, 0, 1)]['data_samples']
    assert 'gt_instances' not in sample  # which is not the same as an empty frame


def test_ground_truth_without_frames_needs_a_map(root: Path) -> None:
    dataset = MOTSDataset('instances_txt', str(root), 'elsewhere', seqmap='seqmaps/train.seqmap', test_mode=True)
    assert dataset.videos[0].file_names[-1] == '0000/000004.png'
    with pytest.raises(DataError, match='no sequence map tells the length of 0000'):
        MOTSDataset('instances_txt', str(root), 'elsewhere', test_mode=True)


def test_motschallenge(tmp_path: Path) -> None:
    mask = np.zeros((20, 30), np.uint8)
    mask[3:9, 4:8] = 1
    write_masks(
        tmp_path / 'train' / '0002' / 'gt' / 'gt.txt',
        MaskTable.of('gt', [0, 2], [2001, 2001], [2, 2], [encode(mask), encode(mask)]),
        first_frame=1,
    )
    (tmp_path / 'train' / '0002' / 'img1').mkdir()
    for number in (1, 2, 3):
        cv2.imwrite(str(tmp_path / 'train' / '0002' / 'img1' / f'{number:06d}.jpg'), np.zeros((20, 30, 3), np.uint8))
    dataset = MOTSDataset('train', str(tmp_path), 'train', layout='motschallenge', pipeline=PIPELINE)
    assert dataset.classes == ('pedestrian',) and dataset.category_ids == (2,)
    assert dataset.videos[0].file_names == tuple(f'0002/img1/{n:06d}.jpg' for n in (1, 2, 3))
    assert [m is not None for m in dataset.videos[0].annotations[0].segmentations] == [True, False, True]
    assert len(dataset) == 2
    assert check_data(tmp_path, echo=lambda line: None) == 0


def test_refused(root: Path) -> None:
    with pytest.raises(DataError, match='sequence 0002 is missing; there are 0000, 0001'):
        MOTSDataset('instances_txt', str(root), part='val')
    with pytest.raises(ConfigError, match='give one of'):
        MOTSDataset('instances_txt', str(root), part='val', sequences=['0000'])
    with pytest.raises(ConfigError, match="layout 'apollo' does not exist"):
        MOTSDataset('instances_txt', str(root), layout='apollo')
    with pytest.raises(DataError, match='no such folder'):
        MOTSDataset('none', str(root))
    with pytest.raises(ConfigError, match="names of sequences are text, got 5000: write '5000' in quotes"):
        MOTSDataset('instances_txt', str(root), sequences=[5000])
    with pytest.raises(ConfigError, match=r"classes is a list of names, got 'car': write \['car'\]"):
        MOTSDataset('instances_txt', str(root), classes='car')


def test_check_data_knows_the_layout(root: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    assert check_data(root, echo=lines.append) == 0
    assert any('KITTI MOTS' in line for line in lines)
    (tmp_path / 'instances_txt').mkdir()
    (tmp_path / 'instances_txt' / '0000.txt').write_text('0 1 3 20 40 05?0000000le0\n')
    lines.clear()
    assert check_data(tmp_path, echo=lines.append) == 1
    assert any('0000.txt, line 1, frame 0, id 1: class 3 is unknown' in line for line in lines)
