"""DAVIS, YouTube-VOS and VOT data sets: prompts where objects begin, training samples, and bad folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmdet.datasets import ChunkIndex, DAVISDataset, TrainIndex, VOTDataset, YouTubeVOSDataset
from mmdet.datasets.check import check_data
from mmdet.datasets.shapes import CLASSES, DAVISWriter, ShapesConfig, YouTubeVOSWriter, make_shapes
from mmdet.errors import ConfigError, DataError
from mmdet.sequences import read_label_map, write_label_map

TEST = [{'type': 'LoadFrames'}, {'type': 'Resize', 'scale': (48, 32)}, {'type': 'PackClip'}]
TRAIN = [{'type': 'LoadFrames'}, {'type': 'LoadAnnotations'}, {'type': 'PackClip'}]
FRAMES = 8


@pytest.fixture(scope='module')
def davis_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = ShapesConfig(size=(96, 64), num_frames=4, enter_probability=0)
    root = tmp_path_factory.mktemp('davis') / 'set'
    return make_shapes(root, config, {'train': 2, 'valid': 2, 'test': 1}, DAVISWriter(), progress=False)


@pytest.fixture(scope='module')
def vos_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = ShapesConfig(size=(96, 64), num_frames=FRAMES, enter_probability=0.9)
    root = tmp_path_factory.mktemp('vos') / 'set'
    return make_shapes(root, config, {'train': 1, 'valid': 3, 'test': 2}, YouTubeVOSWriter(step=2), progress=False)


@pytest.fixture
def davis(davis_root: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(davis_root, tmp_path / 'set'))


def davis_set(root: Path, split: str = 'val', **changes: Any) -> DAVISDataset:
    arguments = {'data_root': str(root), 'ann_file': f'ImageSets/2017/{split}.txt', 'test_mode': True}
    return DAVISDataset(**{**arguments, 'pipeline': TEST, **changes})


def vos_set(root: Path, split: str = 'valid', **changes: Any) -> YouTubeVOSDataset:
    folders = {'img_prefix': f'{split}/JPEGImages', 'map_prefix': f'{split}/Annotations'}
    arguments = {'data_root': str(root), 'ann_file': f'{split}/meta.json', 'test_mode': True, 'pipeline': TEST}
    return YouTubeVOSDataset(**{**arguments, **folders, **changes})


def test_prompts_stand_in_the_first_frame_in_original_pixels(davis_root: Path) -> None:
    data = davis_set(davis_root)
    video = data.videos[0]
    samples = data[ChunkIndex(0, 0, 3)]['data_samples']
    prompts, labels = samples[0].prompts, data.label_map(video, 0)
    assert samples[0].img_shape == (32, 48) and ['prompts' in sample for sample in samples] == [True, False, False]
    assert sorted(prompts.instance_ids.tolist()) == sorted(set(np.unique(labels).tolist()) - {0})
    for number, mask, box in zip(prompts.instance_ids.tolist(), prompts.masks.numpy(), prompts.bboxes.tolist()):
        np.testing.assert_array_equal(mask, labels == number)
        rows, columns = np.nonzero(mask)
        assert box == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_merged_objects(davis_root: Path) -> None:
    data = davis_set(davis_root, merge_objects=True)
    assert data[ChunkIndex(0, 0, 1)]['data_samples'][0].prompts.instance_ids.tolist() == [1]
    assert set(np.unique(data.label_map(data.videos[0], 1))) <= {0, 1}


def test_first_maps_alone_can_be_run_but_not_scored(davis_root: Path) -> None:
    data = davis_set(davis_root, 'test-dev')
    assert not data.has_annotations
    assert 'prompts' in data[ChunkIndex(0, 0, 1)]['data_samples'][0]


@pytest.mark.parametrize(('frames', 'expected'), [('listed', {2: (1,)}), ('all', {3: (1,), 7: (2, 3)})])
def test_objects_end_with_their_last_listed_frame(vos_root: Path, tmp_path: Path, frames: str, expected: dict) -> None:
    """Every second frame is listed; the first of three objects ends in frame 2, the others in frame 6."""
    root = Path(shutil.copytree(vos_root, tmp_path / 'set'))
    meta = json.loads((root / 'valid/meta.json').read_text())
    objects = next(iter(meta['videos'].values()))['objects']
    assert list(objects) == ['1', '2', '3']
    assert objects['1']['frames'][0] == '00000'  # the first object of a video is there from the start
    objects['1']['frames'] = ['00000', '00002']
    (root / 'valid/meta.json').write_text(json.dumps(meta))
    data = vos_set(root, frames=frames)
    samples = data[ChunkIndex(0, 0, data.videos[0].length)]['data_samples']
    ended = {sample.frame_id: sample.ended_ids for sample in samples if 'ended_ids' in sample}
    assert ended == expected
    assert not any('ended_ids' in sample for sample in data[ChunkIndex(1, 0, 2)]['data_samples'])


def test_training(davis_root: Path) -> None:
    data = davis_set(davis_root, 'train', test_mode=False, pipeline=TRAIN)
    key, other = data[TrainIndex(0, 0, 3)]['data_samples']
    assert 'prompts' not in key and len(key.gt_instances.bboxes) and key.video_id == other.video_id
    assert data.classes == ('object',)


def rename(root: Path, change: Callable[[np.ndarray], np.ndarray], frame: int = 0) -> None:
    """Change a label map of the first sequence of ``val``."""
    path = root / f'Annotations/480p/valid_00000/{frame:05d}.png'
    write_label_map(path, change(read_label_map(path)))


def test_numbers_with_gaps_are_kept(davis: Path) -> None:
    for frame in range(4):
        rename(davis, lambda labels: np.where(labels == 1, 7, labels), frame)
    assert 7 in davis_set(davis)[ChunkIndex(0, 0, 1)]['data_samples'][0].prompts.instance_ids.tolist()


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    'empty first map': (lambda root: rename(root, np.zeros_like), 'first frame of valid_00000 is empty'),
    'unknown number': (
        lambda root: rename(root, lambda labels: np.maximum(labels, 9), 2),
        r'00002.png \(sequence valid_00000, frame 2\): object 9 is not in the first frame',
    ),
    'size': (lambda root: rename(root, lambda labels: labels[:-4], 1), '96 x 60 .* but its frame is 96 x 64'),
    'missing map': (
        lambda root: (root / 'Annotations/480p/valid_00000/00002.png').unlink(),
        r'1 of 4 label maps are missing \(first: 00002.png\)',
    ),
    'missing first map': (
        lambda root: (root / 'Annotations/480p/valid_00000/00000.png').unlink(),
        'label map of the first frame of valid_00000 is missing',
    ),
    'missing frame': (
        lambda root: (root / 'JPEGImages/480p/valid_00000/00003.jpg').unlink(),
        'no frame 00003',
    ),
    'missing folder': (lambda root: shutil.rmtree(root / 'JPEGImages/480p/valid_00000'), 'no such folder of frames'),
    'missing list': (lambda root: (root / 'ImageSets/2017/val.txt').unlink(), 'cannot read the list'),
}


@pytest.mark.parametrize(('damage', 'message'), DAMAGE.values(), ids=DAMAGE)
def test_damaged_davis(davis: Path, damage: Callable[[Path], Any], message: str) -> None:
    damage(davis)
    with pytest.raises(DataError, match=message):
        davis_set(davis)


def test_unknown_numbers_can_be_ignored(davis: Path) -> None:
    rename(davis, lambda labels: np.where(labels == 0, 9, labels), 2)
    assert len(davis_set(davis, unknown_objects='ignore').videos) == 2
    with pytest.raises(ConfigError, match="'error' or 'ignore'"):
        davis_set(davis, unknown_objects='maybe')


def test_check_davis(davis_root: Path, davis: Path) -> None:
    lines: list[str] = []
    assert check_data(davis_root, echo=lines.append) == 0
    assert 'DAVIS 2017' in lines[0] and any('test-dev.txt: 1 videos' in line for line in lines)
    rename(davis, np.zeros_like)
    lines.clear()
    assert check_data(davis, echo=lines.append) == 1
    assert any('PROBLEM' in line and 'is empty' in line for line in lines)


def test_objects_begin_where_the_meta_file_says(vos_root: Path) -> None:
    data = vos_set(vos_root)
    assert data.has_annotations and set(data.classes) <= set(CLASSES)
    begun: dict[str, dict[int, str]] = {}
    for position, video in enumerate(data.videos):
        samples = data[ChunkIndex(position, 0, video.length)]['data_samples']
        names = data.frame_names(video)
        assert names == [f'{t:05d}' for t in range(0, FRAMES, 2)]
        found = {
            int(number): names[t]
            for t, sample in enumerate(samples)
            if 'prompts' in sample
            for number in sample.prompts.instance_ids
        }
        begun[data.sequence_name(video)] = found
    meta = json.loads((vos_root / 'valid/meta.json').read_bytes())['videos']
    assert begun == {name: {int(k): o['frames'][0] for k, o in v['objects'].items()} for name, v in meta.items()}
    assert any(len(set(found.values())) > 1 for found in begun.values())  # some begin later


def test_public_validation_sets_have_no_truth(vos_root: Path) -> None:
    data = vos_set(vos_root, 'test')
    assert not data.has_annotations and 'prompts' in data[ChunkIndex(0, 0, 1)]['data_samples'][0]


def test_all_frames(vos_root: Path) -> None:
    data = vos_set(vos_root, frames='all')
    assert data.videos[0].length == FRAMES
    assert vos_set(vos_root, 'train', test_mode=False, pipeline=TRAIN)[TrainIndex(0, 0, 0)]['data_samples']
    with pytest.raises(ConfigError, match="'listed' or 'all'"):
        vos_set(vos_root, frames='some')


def edit_meta(root: Path, change: Callable[[dict], Any]) -> None:
    path = root / 'valid/meta.json'
    document = json.loads(path.read_bytes())
    change(next(iter(document['videos'].values()))['objects'])
    path.write_text(json.dumps(document))


META: dict[str, tuple[Callable[[dict], Any], str]] = {
    'unlisted object': (lambda objects: objects.pop('1'), 'object 1 is not listed for video valid_00000'),
    'absent object': (
        lambda objects: objects.update({'40': {'category': 'disc', 'frames': ['00002']}}),
        'object 40 of video valid_00000 should begin in this frame',
    ),
    'no frames': (lambda objects: objects['1'].update(frames=[]), "object 1: needs 'frames'"),
    'name of an object': (lambda objects: objects.update(x={'frames': ['00000']}), "object 'x' is not a number"),
    'frame that is not there': (lambda objects: objects['1']['frames'].insert(0, '99999'), '99999.png.*does not exist'),
}


@pytest.mark.parametrize(('change', 'message'), META.values(), ids=META)
def test_bad_meta(vos_root: Path, tmp_path: Path, change: Callable[[dict], Any], message: str) -> None:
    root = Path(shutil.copytree(vos_root, tmp_path / 'set'))
    edit_meta(root, change)
    if 'does not exist' in message:
        edit_meta(root, lambda objects: objects.update({'1': {'category': 'disc', 'frames': ['99999']}}))
    with pytest.raises(DataError, match=message):
        vos_set(root)
    assert check_data(root, echo=lambda line: None) >= 1


def test_davis_2016_drawn_white(davis_root: Path, tmp_path: Path) -> None:
    """255 is the object of a sequence whose first map has nothing else, and void of every other one."""
    root = Path(shutil.copytree(davis_root, tmp_path / 'set'))
    name = (root / 'ImageSets/2017/val.txt').read_text().split()[0]
    maps = sorted((root / 'Annotations/480p' / name).glob('*.png'))
    numbered = [read_label_map(path) for path in maps]

    def read(draw: Callable[[int, np.ndarray], np.ndarray]) -> DAVISDataset:
        for t, (path, labels) in enumerate(zip(maps, numbered)):
            write_label_map(path, draw(t, labels).astype(np.uint8))
        return DAVISDataset(data_root=str(root), merge_objects=True, test_mode=True, pipeline=TEST)

    white = read(lambda t, labels: np.where(labels > 0, 255, 0))
    for t, labels in enumerate(numbered):
        assert (white.label_map(white.videos[0], t) == (labels > 0)).all()
    only_void_later = read(lambda t, labels: labels if t == 0 else np.where(labels > 0, 255, 0))
    assert set(np.unique(only_void_later.label_map(only_void_later.videos[0], 1))) == {0, 255}
    assert (only_void_later.videos[0].annotations[0].areas[1:] > 0).sum() == 0
    with pytest.raises(DataError, match=r'label map of the first frame .* is empty'):
        read(lambda t, labels: labels * 0 if t == 0 else labels)


def test_check_vos(vos_root: Path) -> None:
    lines: list[str] = []
    assert check_data(vos_root, echo=lines.append) == 0
    assert 'YouTube-VOS' in lines[0]


@pytest.fixture
def vot_root(davis_root: Path, tmp_path: Path) -> Path:
    """Two sequences, one of them with its frames in ``color`` and boxes instead of polygons."""
    for name, sub, region in (('a', '', '10,10,50,10,50,30,10,30'), ('b', 'color', '10,20,30,40')):
        shutil.copytree(davis_root / 'JPEGImages/480p/valid_00000', tmp_path / 'vot' / name / sub, dirs_exist_ok=True)
        (tmp_path / 'vot' / name / 'groundtruth.txt').write_text(f'{region}\n' * 4)
    (tmp_path / 'vot/list.txt').write_text('a\nb\n')
    (tmp_path / 'vot/a/occlusion.tag').write_text('0\n1\n')
    return tmp_path / 'vot'


def test_vot(vot_root: Path) -> None:
    data = VOTDataset(data_root=str(vot_root), test_mode=True, pipeline=TEST)
    prompts = [data[ChunkIndex(i, 0, 2)]['data_samples'][0].prompts for i in range(2)]
    assert [p.bboxes.tolist() for p in prompts] == [[[9.5, 9.5, 50.5, 30.5]], [[10, 20, 40, 60]]]
    assert 'masks' not in prompts[0] and prompts[0].instance_ids.tolist() == [1]
    assert [data.sequence_name(video) for video in data.videos] == ['a', 'b']
    assert data.polygons(data.videos[1])[0].tolist() == [[10, 20], [10, 59], [39, 59], [39, 20]]
    assert data.attributes(data.videos[0])['occlusion'].tolist() == [False, True, False, False]
    assert check_data(vot_root, echo=lambda line: None) == 0
    training = VOTDataset(data_root=str(vot_root), pipeline=TRAIN)
    assert training[TrainIndex(0, 0, 0)]['data_samples'][0].gt_instances.bboxes.tolist() == [[10, 10, 50, 30]]
    with pytest.raises(DataError, match='not masks'):
        data.label_map(data.videos[0], 0)


def test_vot_with_too_few_regions(vot_root: Path) -> None:
    (vot_root / 'a/groundtruth.txt').write_text('1,2,3,4\n')
    with pytest.raises(DataError, match=r'1 regions, but .* has 4 frames'):
        VOTDataset(data_root=str(vot_root), test_mode=True)


def test_real_first_frame(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / 'list.txt').write_text('bmx-trees\n')
    data = davis_set(data_dir / 'real/davis_first_frame', ann_file=str(tmp_path / 'list.txt'))
    prompts = data[ChunkIndex(0, 0, 1)]['data_samples'][0].prompts
    assert prompts.instance_ids.tolist() == [1, 2] and not data.has_annotations
