"""Key frames, reference frames, splits, ground truth and clips of small hand-made sets."""

import json
from collections import Counter

import numpy as np
import pytest
import torch

from mmdet.datasets import ChunkIndex, TrainIndex, YouTubeVISDataset
from mmdet.datasets.base import sample_seed
from mmdet.errors import ConfigError, DataError

BOX = [4, 6, 10, 8]


def test_key_frames_are_those_with_a_valid_object(vis, open_set):
    boxes = [BOX, None, [60, 2, 20, 4], [4, 4, 0.5, 9], [70, 4, 5, 5], BOX]
    object_ = vis.track(1, 17, boxes)
    object_['areas'][5] = 0
    crowd = vis.track(2, 17, [None, BOX, None, None, None, None], iscrowd=1)
    other = vis.track(3, 42, [None, BOX])
    dataset = open_set(vis.document([vis.video(17, 6), vis.video(42, 2)], [other, object_, crowd]))
    # frame 0 is plain, 1 has only a crowd, 2 reaches in from outside, 3 is too narrow, 4 is outside, 5 has no area
    assert [dataset.key_frame(i) for i in range(len(dataset))] == [(0, 0), (0, 2), (1, 1)]
    assert dataset.valid_frames(0).tolist() == [0, 2]
    with pytest.raises(IndexError):
        dataset.key_frame(3)


def test_all_frames_without_filter(vis, open_set):
    content = vis.document([vis.video(1, 4)], [vis.track(1, 1, [BOX, None, BOX, None])])
    dataset = open_set(content, filter_empty=False)
    assert len(dataset) == 4
    clip = dataset[TrainIndex(1, 0, 0)]
    assert len(clip['data_samples'][0].gt_instances) == 0
    assert clip['data_samples'][1].frame_id in (0, 2)  # references are valid frames all the same


REFERENCE_CASES = {
    # valid frames, key, limit -> possible references
    'whole video': ([0, 1, 5, 9], 1, None, {0, 5, 9}),
    'within the limit': ([0, 1, 5, 9], 5, 4, {1, 9}),
    'limit counts': ([0, 1, 5, 9], 0, 5, {1, 5}),
    'none near: any other': ([0, 8, 9], 0, 5, {8, 9}),
    'single valid frame: itself': ([3], 3, 5, {3}),
}


@pytest.mark.parametrize(('valid', 'key', 'limit', 'expected'), REFERENCE_CASES.values(), ids=REFERENCE_CASES)
def test_reference_frames(vis, open_set, valid, key, limit, expected):
    boxes = [BOX if t in valid else None for t in range(10)]
    dataset = open_set(vis.document([vis.video(1, 10)], [vis.track(1, 1, boxes)]), max_ref_distance=limit)
    rng = np.random.default_rng(0)
    drawn = Counter(dataset.reference_frames(0, key, rng)[0] for _ in range(600))
    assert set(drawn) == expected
    assert min(drawn.values()) > 0.7 * 600 / len(expected)  # uniform


def test_several_references_repeat_only_when_they_must(vis, open_set):
    content = vis.document([vis.video(1, 4)], [vis.track(1, 1, [BOX] * 4)])
    rng = np.random.default_rng(0)
    three = open_set(content, num_ref_frames=3)
    assert all(sorted(three.reference_frames(0, 1, rng)) == [0, 2, 3] for _ in range(20))
    five = open_set(content, num_ref_frames=5)
    assert len(five.reference_frames(0, 1, rng)) == 5
    assert open_set(content, num_ref_frames=0)[TrainIndex(0, 0, 0)]['inputs'].shape == (1, 3, *vis.SIZE)


def test_training_clip(vis, open_set):
    annotations = [
        vis.track(30, 17, [[0, 0, 64, 48]] * 2, iscrowd=1),
        vis.track(10, 17, [BOX, [8, 6, 10, 8]], category_id=2),
        vis.track(20, 17, [[30, 20, 5, 5], None]),
    ]
    dataset = open_set(vis.document([vis.video(17, 2)], annotations))
    clip = dataset[TrainIndex(0, epoch=3, seed=5)]
    assert clip['inputs'].shape == (2, 3, 48, 64) and clip['inputs'].dtype == torch.uint8
    assert clip['inputs'][:, 0, 0, 0].tolist() == [0, 10]  # the key frame comes first
    key, reference = clip['data_samples']
    assert key.metainfo == {
        'video_id': 17,
        'frame_id': 0,
        'video_length': 2,
        'img_path': str(dataset.img_prefix + '/v17/00000.png'),
        'ori_shape': (48, 64),
        'img_shape': (48, 64),
        'scale_factor': (1.0, 1.0),
        'flip': False,
        'sample_seed': sample_seed(5, 3, 0),
    }
    assert reference.sample_seed == key.sample_seed
    gt = key.gt_instances
    assert gt.instance_ids.tolist() == [10, 20] and gt.labels.tolist() == [1, 0]
    assert gt.bboxes.tolist() == [[4, 6, 14, 14], [30, 20, 35, 25]]
    # a crowd that stands first must not shift masks against boxes
    np.testing.assert_array_equal(gt.masks[0].numpy(), vis.rectangle(BOX))
    np.testing.assert_array_equal(gt.masks[1].numpy(), vis.rectangle([30, 20, 5, 5]))
    assert key.ignored_instances.instance_ids.tolist() == [30]
    assert key.ignored_instances.masks.all()
    assert reference.gt_instances.instance_ids.tolist() == [10]
    types = {name: gt[name].dtype for name in ('bboxes', 'labels', 'instance_ids', 'masks')}
    assert types == {
        'bboxes': torch.float32,
        'labels': torch.int64,
        'instance_ids': torch.int64,
        'masks': torch.uint8,
    }


def test_clips_depend_on_seed_epoch_and_index_only(vis, open_set):
    content = vis.document([vis.video(1, 30)], [vis.track(1, 1, [BOX] * 30)])
    pipeline = [*vis.LOAD[:2], dict(type='RandomFlip'), vis.LOAD[2]]

    def draws(dataset, indices):
        samples = {index: dataset[TrainIndex(*index)]['data_samples'] for index in indices}
        return {index: (s[1].frame_id, s[0].flip, s[0].sample_seed) for index, s in samples.items()}

    indices = [(i, epoch, seed) for i in (0, 7) for epoch in range(4) for seed in (0, 1)]
    forward = draws(open_set(content, pipeline=pipeline), indices)
    assert draws(open_set(content, pipeline=pipeline), indices[::-1]) == forward
    assert len({seed for _, _, seed in forward.values()}) == len(indices)
    assert len({frame for frame, _, _ in forward.values()}) > 4
    assert all(0 <= seed < 2**63 for _, _, seed in forward.values())


def test_chunks(vis, open_set):
    dataset = open_set(
        vis.document([vis.video(42, 5), vis.video(17, 1)], None), pipeline=[vis.LOAD[0], vis.LOAD[2]], test_mode=True
    )
    clip = dataset[ChunkIndex(0, 2, 5)]
    assert clip['inputs'][:, 0, 0, 0].tolist() == [20, 30, 40]
    assert [s.frame_id for s in clip['data_samples']] == [2, 3, 4]
    assert {(s.video_id, s.video_length) for s in clip['data_samples']} == {(42, 5)}
    assert 'gt_instances' not in clip['data_samples'][0]
    assert len(dataset) == 6
    for bad in (ChunkIndex(0, 2, 6), ChunkIndex(2, 0, 1), ChunkIndex(0, 3, 3), ChunkIndex(-1, 0, 1)):
        with pytest.raises(IndexError):
            dataset[bad]
    with pytest.raises(TypeError, match='TrainIndex or ChunkIndex'):
        dataset[0]


def test_pipeline_must_pack(vis, open_set):
    dataset = open_set(vis.document([vis.video(1, 1)], [vis.track(1, 1, [BOX])]), pipeline=vis.LOAD[:2])
    with pytest.raises(ConfigError, match='PackClip'):
        dataset[TrainIndex(0, 0, 0)]


def test_splits_cover_everything_once(vis, open_set):
    content = vis.document([vis.video(i, 1) for i in range(40)], [vis.track(i + 1, i, [BOX]) for i in range(40)])
    arguments = {'holdout_fraction': 0.25, 'pipeline': ()}
    train = open_set(content, split='train-holdout', **arguments)
    held_out = open_set(content, split='holdout', **arguments)
    ids = [{v.id for v in dataset.videos} for dataset in (train, held_out)]
    assert not ids[0] & ids[1] and ids[0] | ids[1] == set(range(40))
    truth = held_out.ground_truth()
    assert {v['id'] for v in truth['videos']} == ids[1] == {a['video_id'] for a in truth['annotations']}


def test_ground_truth_is_the_file(vis, make_set):
    tracks = [vis.track(5, 17, [BOX, None], category_id=7, note='kept')]
    content = vis.document([vis.video(17, 2)], tracks, [(7, 'cat'), (3, 'dog')])
    paths = make_set({'info': {'year': 2019}, **content})
    dataset = YouTubeVISDataset(str(paths.ann_file))
    assert dataset.ground_truth() == json.loads(paths.ann_file.read_text())
    assert dataset.classes == ('cat', 'dog') and dataset.category_ids == (7, 3)
    assert dataset.ann_file == str(paths.ann_file)


def test_boxes_and_areas_come_from_masks_where_the_file_has_none(vis, open_set):
    annotation = vis.track(1, 1, [BOX, None])
    del annotation['bboxes'], annotation['areas']
    dataset = open_set(vis.document([vis.video(1, 2)], [annotation]))
    assert dataset.ground_truth()['annotations'][0]['areas'] == [80, None]
    assert dataset[TrainIndex(0, 0, 0)]['data_samples'][0].gt_instances.bboxes.tolist() == [[4, 6, 14, 14]]


def test_chosen_classes(vis, open_set):
    annotations = [vis.track(1, 1, [BOX], category_id=9), vis.track(2, 1, [BOX], category_id=4)]
    content = vis.document([vis.video(1, 1)], annotations, [(4, 'cat'), (9, 'dog'), (5, 'cow')])
    dataset = open_set(content, classes=('cow', 'dog'))
    assert dataset.classes == ('cow', 'dog') and dataset.category_ids == (5, 9)
    assert [(a.id, a.label) for a in dataset.videos[0].annotations] == [(1, 1)]
    truth = dataset.ground_truth()
    assert [c['id'] for c in truth['categories']] == [5, 9] and [a['id'] for a in truth['annotations']] == [1]
    with pytest.raises(ConfigError, match=r"class 'cats' is not in .*cat"):
        open_set(content, classes=('cats',))


@pytest.mark.parametrize(
    ('annotations', 'message'),
    [
        pytest.param(None, 'no annotations to train on', id='null'),
        pytest.param([], 'no annotations to train on', id='empty'),
        pytest.param('crowd', 'none of 2 frames has an object', id='only crowds'),
    ],
)
def test_nothing_to_train_on(vis, open_set, annotations, message):
    if annotations == 'crowd':
        annotations = [vis.track(1, 1, [BOX, BOX], iscrowd=1)]
    content = vis.document([vis.video(1, 2)], annotations)
    with pytest.raises(DataError, match=message):
        open_set(content)
    assert open_set(content, test_mode=True).has_annotations == bool(annotations)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        pytest.param({'num_ref_frames': -1}, 'num_ref_frames', id='references'),
        pytest.param({'max_ref_distance': 0}, 'max_ref_distance', id='distance'),
        pytest.param({'split': 'val'}, "'train-holdout' or 'holdout'", id='split'),
        pytest.param({'split': 'holdout', 'holdout_fraction': 1.5}, 'between 0 and 1', id='fraction'),
        pytest.param({'split': 'holdout', 'holdout_fraction': 1e-6}, 'leaves none of 1 videos', id='empty split'),
        pytest.param({'pipeline': [dict(type='LoadFrame')]}, 'LoadFrames', id='unknown transform'),
    ],
)
def test_wrong_arguments(vis, open_set, arguments, message):
    with pytest.raises(ConfigError, match=message):
        open_set(vis.document([vis.video(1, 1)], [vis.track(1, 1, [BOX])]), **arguments)


def test_sizes_and_videos_of_key_frames(vis, open_set):
    videos = [vis.video(1, 2), vis.video(2, 1, size=(64, 48)), vis.video(3, 1, size=(48, 48))]
    annotations = [vis.track(v['id'], v['id'], [BOX] * v['length'], size=(v['height'], v['width'])) for v in videos]
    dataset = open_set(vis.document(videos, annotations))
    assert dataset.key_videos.tolist() == [0, 0, 1, 2]
    assert dataset.key_sizes.tolist() == [[v['height'], v['width']] for v in (videos[0], *videos)]


def test_track_views(vis, open_set):
    flags = ['no_occlusion', None, 'severe_occlusion']
    annotations = [vis.track(8, 2, [BOX, None, BOX], occlusion=flags), vis.track(3, 1, [BOX], category_id=2)]
    first, second = open_set(vis.document([vis.video(1, 1), vis.video(2, 3)], annotations)).videos
    assert (first.length, second.length) == (1, 3)
    assert first.annotations[0].occlusion is None and first.annotations[0].label == 1
    track = second.annotations[0]
    assert (track.id, track.label, track.iscrowd) == (8, 0, False)
    assert track.occlusion == flags
    assert track.segmentations == annotations[0]['segmentations']
    assert track.valid.tolist() == [True, False, True]
    assert track.bboxes[0].tolist() == BOX and np.isnan(track.bboxes[1]).all()
    assert track.mask(1) is None and track.mask(2)['size'] == [48, 64]
