"""COCO images as videos of one frame."""

import json

import cv2
import numpy as np
import pytest

from mmdet.datasets import COCOVideoDataset, TrainIndex
from mmdet.errors import DataError


@pytest.fixture
def coco(tmp_path):
    """Write a COCO set of two images, one of them without annotations."""
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((20, 30, 3), 50, np.uint8))
    images = [{'id': 900, 'file_name': 'a.png', 'height': 20, 'width': 30}]
    images.append({'id': 4, 'file_name': 'b.png', 'height': 20, 'width': 30})
    place = {'image_id': 900, 'category_id': 18}
    annotations = [
        {**place, 'id': 1, 'iscrowd': 1, 'bbox': [0, 0, 30, 20], 'area': 600, 'segmentation': _everything()},
        {
            **place,
            'id': 2,
            'iscrowd': 0,
            'bbox': [3, 4, 10, 6],
            'area': 60,
            'segmentation': [[3, 4, 8, 4, 8, 10, 3, 10], [8, 4, 13, 4, 13, 10, 8, 10]],
        },
    ]
    content = {'images': images, 'annotations': annotations, 'categories': [{'id': 18, 'name': 'dog'}]}
    (tmp_path / 'coco.json').write_text(json.dumps(content))
    return tmp_path


def _everything():
    return {'size': [20, 30], 'counts': [0, 600]}


def test_image_with_polygons_and_crowd(coco, vis):
    dataset = COCOVideoDataset('coco.json', str(coco), '.', vis.LOAD)
    assert [(v.id, v.length) for v in dataset.videos] == [(900, 1), (4, 1)]
    assert len(dataset) == 1 and dataset.classes == ('dog',)
    clip = dataset[TrainIndex(0, 0, 0)]
    assert clip['inputs'].shape == (2, 3, 20, 30)
    key, reference = clip['data_samples']
    assert (key.video_id, key.frame_id, key.video_length, reference.frame_id) == (900, 0, 1, 0)
    assert key.ignored_instances.instance_ids.tolist() == [1] and key.ignored_instances.masks.all()
    np.testing.assert_array_equal(key.gt_instances.masks[0].numpy(), vis.rectangle([3, 4, 10, 6], (20, 30)))
    truth = dataset.ground_truth()
    assert truth['annotations'][1]['video_id'] == 900 and truth['annotations'][1]['areas'] == [60]


def test_video_file_is_told_apart(vis, make_set):
    paths = make_set(vis.document([vis.video(1, 1)], []))
    with pytest.raises(DataError, match='files with videos are read by YouTubeVISDataset'):
        COCOVideoDataset(str(paths.ann_file))


def test_real_images(data_dir, vis):
    root = data_dir / 'real' / 'coco_images'
    dataset = COCOVideoDataset('annotations/instances_train.json', str(root), 'train', vis.LOAD)
    assert (len(dataset), len(dataset.table), len(dataset.classes)) == (2, 33, 80)
    instances = [dataset[TrainIndex(i, 0, 0)]['data_samples'][0].gt_instances for i in range(2)]
    for gt in instances:
        rows = gt.masks.any(2).float()
        assert abs(gt.bboxes[:, 3] - gt.bboxes[:, 1] - rows.sum(1)).max() < 4
