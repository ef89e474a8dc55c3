"""Instance databases: what is written, that it is the same however often it is interrupted, and what it gives."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmdet.datasets import InstanceDatabase, TrainIndex, YouTubeVISDataset
from mmdet.datasets.check import CheckOptions
from mmdet.datasets.check_configured import check_configured
from mmdet.datasets.instances import AnnotatedFrame, SourceVideo, mots_videos, videos_of, write_database
from mmdet.datasets.instances.database import windows_of
from mmdet.engine.build import build_trainer
from mmdet.engine.distributed import join_processes
from mmdet.errors import ConfigError, DataError
from mmdet.formats import read_mask_pngs, write_masks
from mmdet.models.track_heads.points.regions import find_regions
from mmdet.models.track_heads.points.sampling import FrameView, PointSampler

SIZE = (20, 30)
Rectangle = tuple[int, int, int, int]  # first and last row, first and last column


def frame(rectangles: list[Rectangle], labels: list[int], ids: list[int], seed: int = 0) -> AnnotatedFrame:
    masks = np.zeros((len(rectangles), *SIZE), bool)
    for mask, (r0, r1, c0, c1) in zip(masks, rectangles):
        mask[r0 : r1 + 1, c0 : c1 + 1] = True
    image = np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    return AnnotatedFrame(image, masks, np.array(labels), np.array(ids))


FRAMES = [
    frame([(5, 9, 5, 14), (8, 12, 15, 19)], [0, 0], [7, 8]),
    frame([(5, 9, 6, 15), (8, 12, 16, 20), (19, 19, 29, 29)], [0, 1, 1], [7, 8, 9], seed=1),
    frame([], [], []),
    frame([(5, 9, 5, 14), (3, 2, 3, 2)], [0, 0], [7, 8], seed=2),
]


def video(name: str = 'walk', length: int = 4, state: int = 0) -> SourceVideo:
    return SourceVideo(name, length, FRAMES.__getitem__, state)


def write(folder: Path, *videos: SourceVideo) -> Path:
    return write_database(folder, videos or [video()], ['car', 'person'], progress=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob('*')) if path.is_file()}


def test_tracks_and_crops(tmp_path: Path) -> None:
    document = json.loads(write(tmp_path).read_text())
    found = [(track['id'], track['label'], [c['frame'] for c in track['crops']]) for track in document['tracks']]
    assert found == [
        (7, 0, [0, 1, 3]),
        (8, 0, [0, 1]),  # an instance without pixels is none
        (9, 1, [1]),
    ]
    crop = document['tracks'][0]['crops'][0]
    assert crop == {'frame': 0, 'file': 'crops/walk/7_000000.png', 'window': [3, 4, 30, 20]}
    picture = cv2.imread(str(tmp_path / crop['file']), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (7, 14, 4)
    assert (picture[..., 2::-1] == FRAMES[0].image[4:11, 3:17]).all()
    expected = np.zeros((7, 14), np.uint8)
    expected[1:6, 2:12], expected[4:7, 12:14] = 255, 128
    assert (picture[..., 3] == expected).all()


def test_a_neighbour_of_another_class(tmp_path: Path) -> None:
    write(tmp_path)
    picture = cv2.imread(str(tmp_path / 'crops/walk/7_000001.png'), cv2.IMREAD_UNCHANGED)
    assert set(np.unique(picture[..., 3]).tolist()) == {0, 64, 255}


def test_an_interrupted_run_goes_on_and_gives_the_same(tmp_path: Path) -> None:
    videos = [video('a'), video('b'), video('c')]
    write(tmp_path / 'whole', *videos)
    reads = []

    def failing(index: int) -> AnnotatedFrame:
        if index == 2:
            raise DataError('the disk is full')
        return FRAMES[index]

    def counting(index: int) -> AnnotatedFrame:
        reads.append(index)
        return FRAMES[index]

    with pytest.raises(DataError, match='disk is full'):
        write(tmp_path / 'parts', videos[0], SourceVideo('b', 4, failing, 0), videos[2])
    assert not (tmp_path / 'parts/database.json').exists()
    write(tmp_path / 'parts', SourceVideo('a', 4, counting, 0), *videos[1:])
    assert reads == []  # finished videos are not read again
    assert contents(tmp_path / 'parts') == contents(tmp_path / 'whole')


@pytest.mark.parametrize(
    ('videos', 'classes', 'message'),
    [
        ([video()], ['dog'], 'of the classes car, person, not dog'),
        ([video(length=3)], ['car', 'person'], 'had 4 frames'),
        ([video(state=1)], ['car', 'person'], 'have changed since'),
    ],
    ids=['other classes', 'other length', 'other annotations'],
)
def test_a_folder_of_another_set(tmp_path: Path, videos: list, classes: list, message: str) -> None:
    write(tmp_path)
    with pytest.raises(DataError, match=message):
        write_database(tmp_path, videos, classes, progress=False)


def test_a_clip_is_a_crop_with_those_before_and_after(tmp_path: Path) -> None:
    write(tmp_path)
    dataset = InstanceDatabase(str(tmp_path), max_gap=1)
    assert len(dataset) == 6 and dataset.classes == ('car', 'person')
    assert dataset.key_videos.tolist() == [0, 0, 0, 1, 1, 2] and dataset.key_sizes.tolist() == [[20, 30]] * 6
    clip = dataset[TrainIndex(1, 0, 0)]
    assert [sample.frame_id for sample in clip['data_samples']] == [1, 0, 3]
    assert [sample.frame_id for sample in dataset[TrainIndex(5, 0, 0)]['data_samples']] == [1, 1, 1]
    sample = clip['data_samples'][1]
    assert sample.gt_instances.instance_ids.tolist() == [0, -1, -1]
    assert sample.gt_instances.labels[:2].tolist() == [0, 0] and sample.gt_instances.labels[2] not in (0, 1)
    assert clip['inputs'][1, :, :7, :14].permute(1, 2, 0).numpy().tolist() == FRAMES[0].image[4:11, 3:17].tolist()
    again = dataset[TrainIndex(1, 0, 0)]
    assert again['inputs'].equal(clip['inputs'])


def test_gaps_are_drawn_up_to_the_largest(tmp_path: Path) -> None:
    long = SourceVideo('long', 40, lambda index: FRAMES[0], 0)
    write(tmp_path, long)
    dataset = InstanceDatabase(str(tmp_path), max_gap=10)
    gaps = set()
    for epoch in range(150):
        first, before, after = (s.frame_id for s in dataset[TrainIndex(20, epoch, 0)]['data_samples'])
        assert first - before == after - first
        gaps.add(after - first)
    assert gaps == set(range(1, 11))


def test_points_of_a_crop_are_those_of_its_frame(tmp_path: Path) -> None:
    write(tmp_path)
    dataset, sampler = InstanceDatabase(str(tmp_path)), PointSampler(200, 100)
    for track, crops in enumerate(([0, 1, 3], [0, 1], [1])):
        for place, number in enumerate(crops):
            clip = dataset[TrainIndex(int(dataset._starts[track]) + place, 0, 0)]
            sample = clip['data_samples'][0]
            height, width = sample.img_shape
            instances, source = sample.gt_instances, FRAMES[number]
            image = clip['inputs'][0, :, :height, :width]
            cut = FrameView(image, instances.masks.bool(), instances.labels, sample.frame_window)
            full, masks, labels = (torch.from_numpy(a) for a in (source.image, source.masks, source.labels))
            whole = FrameView(full.permute(2, 0, 1), masks, labels)
            rows = [torch.tensor([0]), torch.from_numpy(np.flatnonzero(source.ids == 7 + track))]
            first, second = (
                sampler.draw(view, torch.Generator().manual_seed(0), rows=row) for view, row in zip((cut, whole), rows)
            )
            for ours, theirs in ((first.foreground, second.foreground), (first.context, second.context)):
                assert ours.values.sub(theirs.values).abs().max() < 1e-6 and ours.kinds.equal(theirs.kinds)
            assert first.bboxes.equal(second.bboxes) and first.frame_sizes.equal(second.frame_sizes)


def test_classes_can_be_chosen(tmp_path: Path) -> None:
    write(tmp_path)
    dataset = InstanceDatabase(str(tmp_path), classes=['person'])
    assert len(dataset) == 1 and dataset[TrainIndex(0, 0, 0)]['data_samples'][0].gt_instances.labels[0] == 0
    with pytest.raises(ConfigError, match="no class 'dog'; it has car, person"):
        InstanceDatabase(str(tmp_path), classes=['dog'])


def test_damage(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='mots-instances writes it'):
        InstanceDatabase(str(tmp_path / 'nothing'))
    write(tmp_path)
    dataset = InstanceDatabase(str(tmp_path))
    (tmp_path / 'crops/walk/9_000001.png').write_bytes(b'no picture')
    with pytest.raises(DataError, match=r'9_000001\.png is no crop'):
        dataset[TrainIndex(5, 0, 0)]
    shutil.rmtree(tmp_path / 'crops')
    with pytest.raises(DataError, match='is missing; delete it where it is, and run'):
        dataset[TrainIndex(0, 0, 0)]
    (tmp_path / 'database.json').write_text('{}')
    with pytest.raises(DataError, match='no instance database of format 1'):
        InstanceDatabase(str(tmp_path))


def shapes(root: Path) -> YouTubeVISDataset:
    return YouTubeVISDataset(str(root / 'annotations/train.json'), img_prefix=str(root / 'train/JPEGImages'))


# ---- sources ------------------------------------------------------------------------------------------------------


def test_any_data_set(tiny_shapes: Path, tmp_path: Path) -> None:
    dataset = shapes(tiny_shapes)
    videos = videos_of(dataset)
    write_database(tmp_path, videos, dataset.classes, progress=False)
    written = InstanceDatabase(str(tmp_path))
    assert len(written) == sum(int(track.valid.sum()) for v in dataset.videos for track in v.annotations)
    first = videos[0].read(0)
    assert first.masks.shape[1:] == first.image.shape[:2] and first.masks.dtype == bool


@pytest.fixture
def mots(tmp_path: Path) -> Path:
    """Two sequences of two frames of 4 x 6 pixels."""
    values = np.zeros((4, 6), np.uint16)
    values[0, :3], values[1, :2], values[2], values[3, 5] = 1005, 2003, 10000, 1001
    for name in ('0000', '0002'):
        for folder in ('instances', 'training/image_02'):
            (tmp_path / folder / name).mkdir(parents=True)
        for index in range(2):
            cv2.imwrite(str(tmp_path / f'instances/{name}/{index:06d}.png'), values)
            cv2.imwrite(str(tmp_path / f'training/image_02/{name}/{index:06d}.png'), np.full((4, 6, 3), 9, np.uint8))
    return tmp_path


def as_texts(root: Path) -> None:
    """Turn the maps of a root into texts."""
    for folder in sorted((root / 'instances').iterdir()):
        write_masks(root / f'instances_txt/{folder.name}.txt', read_mask_pngs(folder))
    shutil.rmtree(root / 'instances')


@pytest.mark.parametrize('texts', [False, True], ids=['maps', 'texts'])
def test_sequences_of_mots(mots: Path, texts: bool) -> None:
    if texts:
        as_texts(mots)
    videos = mots_videos(mots)
    assert [(video.name, video.length) for video in videos] == [('0000', 2), ('0002', 2)]
    found = videos[1].read(1)
    assert found.labels.tolist() == [0, 0, 1] and len(set(found.ids)) == 3
    assert found.masks.sum((1, 2)).tolist() == [1, 3, 2]
    assert [v.name for v in mots_videos(mots, sequences=['0002'])] == ['0002']


def test_a_sequence_is_the_same_whatever_is_read_with_it(mots: Path, tmp_path: Path) -> None:
    write_database(tmp_path / 'db', mots_videos(mots), ('car', 'pedestrian'), progress=False)
    before = {path.name for path in (tmp_path / 'db/crops/0002').iterdir()}
    write_database(tmp_path / 'db', mots_videos(mots, sequences=['0002']), ('car', 'pedestrian'), progress=False)
    assert {path.name for path in (tmp_path / 'db/crops/0002').iterdir()} == before


def test_a_lost_crop_is_written_again(mots: Path, tmp_path: Path) -> None:
    write_database(tmp_path / 'db', mots_videos(mots), ('car', 'pedestrian'), progress=False)
    crop = sorted((tmp_path / 'db/crops/0002').iterdir())[0]
    before = crop.read_bytes()
    crop.unlink()
    write_database(tmp_path / 'db', mots_videos(mots), ('car', 'pedestrian'), progress=False)
    assert crop.read_bytes() == before


def test_texts_of_some_sequences_only(mots: Path) -> None:
    write_masks(mots / 'instances_txt/0000.txt', read_mask_pngs(mots / 'instances/0000'))
    with pytest.raises(DataError, match='sequence 0002 is in one of instances_txt and instances only'):
        mots_videos(mots)


def test_frames_in_another_folder(mots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (mots / 'training/image_02').rename(mots / 'frames')
    with pytest.raises(DataError, match=r'training/image_02/0000: no frames'):
        mots_videos(mots)
    monkeypatch.chdir(mots.parent)
    videos = mots_videos(mots, f'{mots.name}/frames')  # as the command line gives it: from the current folder
    assert videos[0].read(0).image.shape == (4, 6, 3)


@pytest.mark.parametrize(
    ('break_it', 'message'),
    [
        (lambda maps, image: cv2.imwrite(str(maps), np.full((4, 6), 3001, np.uint16)), 'pixel value 3xxx'),
        (lambda maps, image: cv2.imwrite(str(maps), np.zeros((5, 6), np.uint16)), r'000001\.png: the map is \(4, 6\)'),
        (lambda maps, image: image.unlink(), r'000001\.png: frame 000000 is due here'),
        (lambda maps, image: maps.write_bytes(b'x'), r'000000\.png: '),
        (lambda maps, image: cv2.imwrite(str(image), np.zeros((3, 6, 3), np.uint8)), r'frame 0\): .*6 x 3 .*6 x 4'),
    ],
    ids=['unknown class', 'maps of two sizes', 'no image', 'no picture', 'another size'],
)
def test_bad_mots_data(mots: Path, break_it: Callable, message: str) -> None:
    break_it(mots / 'instances/0000/000000.png', mots / 'training/image_02/0000/000000.png')
    with pytest.raises(DataError, match=message):
        mots_videos(mots)[0].read(0)


@pytest.mark.parametrize('lost', ['000000', '000001'], ids=['first', 'last'])
def test_a_frame_without_a_label_map(mots: Path, lost: str) -> None:
    (mots / f'instances/0002/{lost}.png').unlink()
    with pytest.raises(DataError, match=f'0002/{lost}.png: missing; 1 of 2 frames have no map'):
        mots_videos(mots)


@pytest.mark.parametrize('texts', [False, True], ids=['maps', 'texts'])
def test_frames_that_are_missing_on_both_sides(mots: Path, texts: bool) -> None:
    for folder in ('instances', 'training/image_02'):
        (mots / folder / '0002/000001.png').rename(mots / folder / '0002/000002.png')
    if texts:
        as_texts(mots)
    with pytest.raises(DataError, match=r'0002/000001\.png: missing|0002/000002\.png: frame 000001 is due here'):
        mots_videos(mots)


@pytest.mark.parametrize(
    ('rows', 'columns', 'window'),
    [
        ((100, 119), (200, 259), (188, 96, 272, 124)),
        ((0, 99), (0, 199), (0, 0, 240, 120)),
        ((300, 374), (1200, 1241), (1192, 285, 1242, 375)),  # the last row and column stay
        ((374, 374), (5, 9), (4, 374, 11, 375)),
    ],
    ids=['inside', 'first corner', 'last corner', 'last row'],
)
def test_t17_windows_of_a_database_are_those_of_tracking(rows: tuple, columns: tuple, window: tuple) -> None:
    """The published program cuts its database up to a pixel otherwise than what it tracks; here both are one."""
    masks = np.zeros((1, 375, 1242), bool)
    masks[0, rows[0] : rows[1] + 1, columns[0] : columns[1] + 1] = True
    assert windows_of(masks) == [window] == list(map(tuple, find_regions(torch.from_numpy(masks)).windows.tolist()))
    x1, y1, x2, y2 = window
    assert masks[0, y1:y2, x1:x2].sum() == masks.sum()


def test_missing_sequences(mots: Path) -> None:
    with pytest.raises(DataError, match='sequence 0009 is missing; there are 0000, 0002'):
        mots_videos(mots, sequences=['0009'])
    with pytest.raises(DataError, match='no such folder'):
        mots_videos(mots / 'nothing')


def test_training(tiny_shapes: Path, tmp_path: Path, reduced_config: Callable) -> None:
    dataset = shapes(tiny_shapes)
    write_database(tmp_path / 'db', videos_of(dataset), dataset.classes, progress=False)
    config = reduced_config('pointtrack_shapes', tmp_path / 'run')
    config.train_dataloader.dataset = dict(type='InstanceDatabase', data_root=str(tmp_path / 'db'))
    config.train_dataloader.sampler = dict(type='ClipBatchSampler', balance='video', group_by=None)
    assert build_trainer(config, join_processes('none')).train()


def test_a_database_of_a_config_is_checked(tmp_path: Path) -> None:
    write(tmp_path)
    config = {'train_dataloader': dict(type='InstanceDatabase', data_root=str(tmp_path))}
    assert check_configured(config, echo=lambda line: None) == 0
    first, second = sorted((tmp_path / 'crops').rglob('*.png'))[:2]
    first.unlink()
    second.write_bytes(b'')
    lines: list[str] = []
    assert check_configured(config, echo=lines.append) == 1
    assert any(f'{first} is missing' in line for line in lines)
    assert check_configured(config, CheckOptions(decode_images=True), echo=lines.append) == 2
