"""The MOTChallenge data set: boxes become tracks, distractors become crowds."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdet.datasets import MOTChallengeDataset, TrainIndex
from mmdet.datasets.check import check_data
from mmdet.errors import DataError
from mmdet.formats import SequenceInfo, write_seqinfo
from mmdet.ops.rle import area, to_bbox

TRUTH = """\
1,1,10,5,20,30,1,1,1
2,1,12.4,5.4,20,30,1,1,0.5
1,2,-8,40,20,30,1,1,1
1,3,40,5,6,8,0,8,1
3,4,50,5,6,8,0,3,1
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / 'train' / 'MOT17-02'
    for part in ('img1', 'gt', 'det'):
        (folder / part).mkdir(parents=True)
    for number in (1, 2, 3):
        cv2.imwrite(str(folder / 'img1' / f'{number:06d}.jpg'), np.zeros((60, 80, 3), np.uint8))
    (folder / 'gt' / 'gt.txt').write_text(TRUTH)
    (folder / 'det' / 'det.txt').write_text('1,-1,10,5,20,30,0.9,-1,-1,-1\n3,-1,10,5,20,30,0.8,-1,-1,-1\n')
    write_seqinfo(folder / 'seqinfo.ini', SequenceInfo('MOT17-02', 3, 60, 80))
    return tmp_path


def test_tracks(root: Path) -> None:
    pipeline = (dict(type='LoadFrames'), dict(type='LoadAnnotations'), dict(type='PackClip'))
    dataset = MOTChallengeDataset('train', str(root), pipeline=pipeline)
    assert dataset.classes == ('pedestrian',) and len(dataset.videos) == 1
    tracks = {a['track_id']: a for a in dataset.ground_truth()['annotations']}
    assert tracks[1]['bboxes'] == [[10, 5, 20, 30], pytest.approx([12.4, 5.4, 20, 30]), None]
    assert [tracks[i].get('role') for i in (1, 2, 3, 4)] == [None, None, 'distractor', 'bystander']
    assert [tracks[i]['iscrowd'] for i in (1, 2, 3, 4)] == [0, 0, 1, 1]
    masks = [tracks[1]['segmentations'][1], tracks[2]['segmentations'][0]]
    assert to_bbox(masks).tolist() == [[12, 5, 20, 30], [0, 40, 12, 20]]  # rounded, and cut at the border
    assert area(masks).tolist() == [600, 240]
    assert len(dataset) == 2
    instances = dataset[TrainIndex(0, 0, 0)]['data_samples'][0].gt_instances
    assert sorted(instances.bboxes[:, 0].tolist()) == [0, 10]


def test_a_sequence_of_unknown_size_is_as_large_as_its_boxes_reach(root: Path) -> None:
    folder = root / 'train' / 'MOT17-02'
    shutil.rmtree(folder / 'img1')
    (folder / 'seqinfo.ini').write_text('[Sequence]\nname=MOT17-02\nseqLength=3\n')
    (video,) = MOTChallengeDataset('train', str(root)).videos
    assert (video.height, video.width) == (70, 56)  # bottom of track 2, right edge of track 4
    for kind in ('gt', 'det'):
        (folder / kind / f'{kind}.txt').write_text('')
    with pytest.raises(DataError, match=r'000001\.jpg'):
        MOTChallengeDataset('train', str(root), test_mode=True)


def test_detections(root: Path) -> None:
    dataset = MOTChallengeDataset('train', str(root), test_mode=True)
    shutil.rmtree(root / 'train' / 'MOT17-02' / 'gt')  # is not read again
    found = dataset.detections(dataset.videos[0].id)
    assert found.frames.tolist() == [0, 2] and found.scores.tolist() == [0.9, 0.8]
    with pytest.raises(DataError, match='there is no video 5'):
        dataset.detections(5)


def test_boxes_beyond_the_frame_are_no_problem(root: Path) -> None:
    lines: list[str] = []
    assert check_data(root, echo=lines.append) == 0, lines
    assert any('MOTChallenge' in line for line in lines)


def test_frames_follow_each_other_from_any_number(root: Path) -> None:
    folder = root / 'train' / 'MOT17-02' / 'img1'
    for path in sorted(folder.iterdir()):
        path.rename(path.with_name(f'{int(path.stem) - 1:06d}.jpg'))
    assert MOTChallengeDataset('train', str(root)).videos[0].length == 3
    (folder / '000001.jpg').rename(folder / '000007.jpg')
    with pytest.raises(DataError, match=r'000002\.jpg: frame 000001 is due here'):
        MOTChallengeDataset('train', str(root))


def test_length_must_agree(root: Path) -> None:
    (root / 'train' / 'MOT17-02' / 'img1' / '000003.jpg').unlink()
    with pytest.raises(DataError, match='seqLength is 3, but there are 2 frames'):
        MOTChallengeDataset('train', str(root))


def test_choice_and_missing_sequence(root: Path) -> None:
    (root / 'map.txt').write_text('name\nMOT17-02\n')
    assert len(MOTChallengeDataset('train', str(root), seqmap='map.txt').videos) == 1
    with pytest.raises(DataError, match='sequence MOT17-09 is missing; there are MOT17-02'):
        MOTChallengeDataset('train', str(root), sequences=['MOT17-09'])


def test_damaged_ground_truth_names_its_line(root: Path) -> None:
    path = root / 'train' / 'MOT17-02' / 'gt' / 'gt.txt'
    path.write_text(TRUTH + '9,1,1,1,1,1,1,1,1\n')
    with pytest.raises(DataError, match=r'gt\.txt, line 6: frame 9 is unknown; frames go 1 to 3'):
        MOTChallengeDataset('train', str(root))
    lines: list[str] = []
    assert check_data(root, echo=lines.append) == 1


def test_real_sequences(data_dir: Path) -> None:
    dataset = MOTChallengeDataset('.', str(data_dir / 'real' / 'mot' / 'KITTI'), test_mode=True)
    assert [video.length for video in dataset.videos] == [270, 106]
    assert len(dataset.detections(dataset.videos[0].id)) > 300
