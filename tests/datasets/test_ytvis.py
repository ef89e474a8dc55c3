"""Official files as downloaded, damaged ones, and the real clips."""

import json

import numpy as np
import pytest

from mmdet.datasets import ChunkIndex, OVISDataset, TrainIndex, YouTubeVISDataset
from mmdet.errors import DataError
from mmdet.ops.rle import decode

BOX = [4, 6, 10, 8]


@pytest.mark.parametrize('change', ['annotations: null', 'no annotations', 'no length'])
def test_public_validation_file(vis, open_set, change):
    content = vis.document([vis.video(17, 3), vis.video(42, 1)], None)
    if change == 'no annotations':
        del content['annotations']
    if change == 'no length':
        del content['videos'][0]['length']
    dataset = open_set(content, pipeline=[vis.LOAD[0], vis.LOAD[2]], test_mode=True)
    assert not dataset.has_annotations
    assert [(v.id, v.length) for v in dataset.videos] == [(17, 3), (42, 1)]
    assert dataset.ground_truth()['annotations'] == []
    assert dataset[ChunkIndex(1, 0, 1)]['data_samples'][0].video_id == 42


def test_uncompressed_masks_and_polygons(vis, open_set):
    annotation = vis.track(1, 1, [BOX, BOX])
    column = [8, 40]  # 8 pixels on in column after column
    runs = [4 * 48 + 6, *([8, 40] * 9), 8, 34 + 50 * 48]
    assert sum(runs) == 48 * 64 and sum(column) == 48
    annotation['segmentations'] = [
        {'counts': runs, 'size': [48, 64]},
        [[4, 6, 14, 6, 14, 14, 4, 14]],
    ]
    dataset = open_set(vis.document([vis.video(1, 2)], [annotation]))
    for index in range(2):
        masks = dataset[TrainIndex(index, 0, 0)]['data_samples'][0].gt_instances.masks
        np.testing.assert_array_equal(masks[0].numpy(), vis.rectangle(BOX))


def test_names_without_extension(vis, make_set):
    content = vis.document([vis.video(1, 2)], [vis.track(1, 1, [BOX, BOX])])
    paths = make_set(content)
    content['videos'][0]['file_names'] = ['v1/00000', 'v1/00001']
    paths.ann_file.write_text(json.dumps(content))
    dataset = YouTubeVISDataset('train.json', str(paths.root), 'JPEGImages', vis.LOAD)
    assert dataset[TrainIndex(1, 0, 0)]['data_samples'][0].img_path.endswith('v1/00001.png')


def test_one_frame_video_is_its_own_reference(vis, open_set):
    dataset = open_set(vis.document([vis.video(1, 1)], [vis.track(1, 1, [BOX])]), max_ref_distance=5)
    key, reference = dataset[TrainIndex(0, 0, 0)]['data_samples']
    assert (key.frame_id, reference.frame_id) == (0, 0)
    assert reference.gt_instances.instance_ids.tolist() == key.gt_instances.instance_ids.tolist()


DAMAGE = {
    'bad RLE': (lambda a: a['segmentations'][1].update(counts='zz'), 'annotation 5, frame 1.*RLE'),
    'runs too short': (lambda a: a['segmentations'][1].update(counts=[5, 5]), 'annotation 5, frame 1.*cover 10'),
    'mask of another size': (lambda a: a['segmentations'][1].update(size=[24, 32]), 'annotation 5, frame 1.*24, 32'),
    'box without mask': (lambda a: a['segmentations'].__setitem__(1, None), 'annotation 5, frame 1.*box but no mask'),
}


@pytest.mark.parametrize(('damage', 'message'), DAMAGE.values(), ids=DAMAGE)
def test_damaged_mask_names_its_place(vis, open_set, damage, message):
    annotation = vis.track(5, 17, [BOX, BOX])
    damage(annotation)
    dataset = open_set(vis.document([vis.video(17, 2)], [annotation]), num_ref_frames=0)
    dataset[TrainIndex(0, 0, 0)]
    with pytest.raises(DataError, match=rf'train.json, video 17, {message}'):
        dataset[TrainIndex(1, 0, 0)]


def test_structure_is_checked_on_loading(vis, open_set):
    annotation = vis.track(5, 17, [BOX, BOX], category_id=9)
    with pytest.raises(DataError, match=r'train.json, video 17, annotation 5: unknown category 9; the file has 1, 2'):
        open_set(vis.document([vis.video(17, 2)], [annotation]))


def test_ovis_needs_occlusion(vis, open_set):
    videos = [vis.video(1, 2)]
    flags = ['no_occlusion', 'slight_occlusion']
    good = vis.document(videos, [vis.track(1, 1, [BOX, BOX], occlusion=flags)])
    dataset = open_set(good, cls=OVISDataset)
    assert dataset.videos[0].annotations[0].occlusion == flags
    assert dataset.ground_truth()['annotations'][0]['occlusion'] == flags
    with pytest.raises(DataError, match="video 1, annotation 1: the list 'occlusion' is missing"):
        open_set(vis.document(videos, [vis.track(1, 1, [BOX, BOX])]), cls=OVISDataset)
    with pytest.raises(DataError, match='occlusion entry'):
        open_set(vis.document(videos, [vis.track(1, 1, [BOX, BOX], occlusion=['a', None])]), cls=OVISDataset)
    open_set(vis.document(videos, None), cls=OVISDataset, test_mode=True)


def test_real_clips(vis, data_dir):
    root = data_dir / 'real' / 'vis'
    dataset = YouTubeVISDataset('annotations/instances.json', str(root), 'JPEGImages', vis.LOAD)
    assert (len(dataset.videos), len(dataset), len(dataset.classes)) == (8, 191, 40)
    tracks = [track for video in dataset.videos for track in video.annotations]
    assert len(tracks) == 37
    masks = [(track, frame) for track in tracks for frame in range(track.video.length) if track.mask(frame)]
    assert len(masks) == 377
    for track, frame in masks[::25]:
        assert decode(track.mask(frame)).sum() == track.areas[frame]
    index = next(i for i in range(191) if dataset.key_frame(i)[0] == 7)  # 1280 x 720, many cars
    clip = dataset[TrainIndex(index, 0, 0)]
    assert clip['inputs'].shape == (2, 3, 720, 1280)
    for sample in clip['data_samples']:
        gt = sample.gt_instances
        assert len(gt) > 20
        for box, mask in zip(gt.bboxes.tolist(), gt.masks.numpy()):
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            assert box == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


@pytest.mark.parametrize(
    ('name', 'frames', 'tracks', 'classes'), [('sav_000001', 121, 14, 1), ('sav_000208', 146, 33, 8)]
)
def test_real_annotations_without_frames(data_dir, name, frames, tracks, classes):
    dataset = YouTubeVISDataset(f'{name}/gt.json', str(data_dir / 'real' / 'vis_json'))
    assert (dataset.videos[0].length, len(dataset.table), len(dataset.classes)) == (frames, tracks, classes)
    assert len(dataset.ground_truth()['annotations']) == tracks


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('mmtracking_demo_vis/ann.json', 'CocoVID files made by a converter are not read'),
        ('sav_000208/pred.json', 'this is a list; result files are lists'),
        ('nothing.json', 'does not exist; check data_root and ann_file'),
    ],
)
def test_other_files_are_told_apart(data_dir, name, message):
    with pytest.raises(DataError, match=message):
        YouTubeVISDataset(name, str(data_dir / 'real' / 'vis_json'))
