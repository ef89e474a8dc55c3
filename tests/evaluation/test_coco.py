"""COCO numbers on published results, and what is refused before pycocotools sees it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmdet.errors import AnnotationsMissingError, ConfigError, DataError
from mmdet.evaluation.coco import coco_results, evaluate_coco, evaluate_coco_files, to_coco_ground_truth
from mmdet.evaluation.video_result import FrameTracks, VideoResult
from mmdet.ops.rle import encode

SIZE = (20, 30)


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_published_scores(data_dir: Path, kind: str) -> None:
    folder = data_dir / 'real' / 'coco_eval'
    blocks = (folder / 'published_eval_res.txt').read_text().split('type=')
    block = next(block for block in blocks if block.startswith(kind))
    published = [float(line.rsplit('=', 1)[1]) for line in block.splitlines() if '@[' in line]
    results = folder / f'instances_val2014_fake{kind}100_results.json'
    found = evaluate_coco_files(folder / 'instances_val2014_100.json', results, [kind])[kind]
    assert published[0] == {'bbox': 0.505, 'segm': 0.320}[kind]
    assert list(found.numbers.values()) == pytest.approx(published, abs=0.0005)


def rectangle(x: int, y: int, w: int, h: int) -> Any:
    mask = np.zeros(SIZE, np.uint8)
    mask[y : y + h, x : x + w] = 1
    return encode(mask)


def truth() -> dict[str, Any]:
    annotations = [
        {'id': 0, 'image_id': 5, 'category_id': 2, 'bbox': [1, 1, 10, 10], 'area': 100, 'iscrowd': 0},
        {'id': 8, 'image_id': 6, 'category_id': 2, 'bbox': [5, 5, 10, 10], 'area': 100, 'iscrowd': 0},
    ]
    annotations[0]['segmentation'] = [[1, 1, 11, 1, 11, 11, 1, 11]]
    annotations[1]['segmentation'] = rectangle(5, 5, 10, 10)
    images = [{'id': image_id, 'height': 20, 'width': 30} for image_id in (5, 6)]
    return {'images': images, 'categories': [{'id': 2, 'name': 'box'}], 'annotations': annotations}


def results() -> list[dict[str, Any]]:
    boxes = {5: [1, 1, 10, 10], 6: [5, 5, 10, 10]}
    return [
        {'image_id': i, 'category_id': 2, 'score': 0.9, 'bbox': box, 'segmentation': rectangle(*box)}
        for i, box in boxes.items()
    ]


def test_perfect_results_even_with_annotation_id_0() -> None:
    given = (truth(), results())
    before = copy.deepcopy(given)
    found = evaluate_coco(*given)
    for kind in ('bbox', 'segm'):
        assert found[kind].numbers['AP'] == pytest.approx(1)
        assert found[kind].numbers['AP_large'] == -1
        assert found[kind].per_category[2]['AR100'] == pytest.approx(1)
        assert 'box (2)' in found[kind].table()
    assert given == before


def test_no_results_give_zeros() -> None:
    for found in evaluate_coco(truth(), []).values():
        assert found.numbers['AP'] == found.numbers['AR100'] == 0


BOX_OF_TEXT = {'bbox': ['a', 1, 1, 1]}
REFUSED = {
    'unknown image': ({'image_id': 7}, 'result 1: image_id 7 is not in a'),
    'unknown category': ({'category_id': 7}, 'result 1: category_id 7 is not in a'),
    'score': ({'score': float('inf')}, "result 1: 'score' must be a finite number"),
    'box': ({'bbox': [1, 2, 3]}, "result 1: 'bbox' must be four"),
    'box of text': (BOX_OF_TEXT, "result 1: 'bbox' must be four"),
    'mask size': ({'segmentation': {'size': [30, 20], 'counts': [600]}}, 'result 1: .*size'),
    'damaged mask': ({'segmentation': {'size': [20, 30], 'counts': 'n'}}, 'result 1: '),
    'no mask': ({'segmentation': None}, 'result 1: '),
}


@pytest.mark.parametrize(('changes', 'message'), REFUSED.values(), ids=REFUSED)
def test_refused_results(changes: dict[str, Any], message: str) -> None:
    entries = results()
    entries[1].update(changes)
    with pytest.raises(DataError, match=message):
        evaluate_coco(truth(), entries, source='a')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'image_id': 9}, 'annotation at position 0: image_id 9'),
        ({'category_id': 9}, 'annotation at position 0: category_id 9'),
        ({'id': 8}, 'an annotation id appears twice'),
        ({'segmentation': [[1, 2, 3]]}, r'annotation 0 \(image 5\): '),
    ],
)
def test_refused_annotations(changes: dict[str, Any], message: str) -> None:
    data = truth()
    data['annotations'][0].update(changes)
    with pytest.raises(DataError, match=message):
        evaluate_coco(data, results())


def test_refused_arguments() -> None:
    with pytest.raises(AnnotationsMissingError, match='has no annotations'):
        evaluate_coco({**truth(), 'annotations': []}, results())
    with pytest.raises(DataError, match='is not a COCO annotation file'):
        evaluate_coco({'videos': []}, results())
    with pytest.raises(ConfigError, match="'keypoints'"):
        evaluate_coco(truth(), results(), ['keypoints'])


def test_files_evaluate_what_the_results_have(tmp_path: Path) -> None:
    (tmp_path / 'gt.json').write_text(json.dumps(truth()))
    boxes_only = [{key: value for key, value in entry.items() if key != 'segmentation'} for entry in results()]
    (tmp_path / 'r.json').write_text(json.dumps(boxes_only))
    assert list(evaluate_coco_files(tmp_path / 'gt.json', tmp_path / 'r.json')) == ['bbox']
    with pytest.raises(DataError, match=r'r\.json: no result has segmentation'):
        evaluate_coco_files(tmp_path / 'gt.json', tmp_path / 'r.json', ['segm'])


def test_one_frame_videos_are_images() -> None:
    frame = FrameTracks([0], [0], [0.9], [[1.0, 1.0, 11.0, 11.0]], [rectangle(1, 1, 10, 10)])
    video = VideoResult(5, *SIZE, 1, ['5.jpg'], [frame])
    assert coco_results([video], (2,)) == [{**results()[0]}]
    with pytest.raises(DataError, match='image 5: label 0, but there are 0 classes'):
        coco_results([video], ())
    with pytest.raises(DataError, match='video 5 has 2 frames'):
        coco_results([VideoResult(5, *SIZE, 2, [''] * 2, [frame, frame])], (2,))


def test_video_style_ground_truth_is_coco_ground_truth() -> None:
    plain = truth()
    videos = [{**image, 'length': 1} for image in plain['images']]
    annotations = [
        {
            **{key: a[key] for key in ('id', 'category_id', 'iscrowd')},
            'video_id': a['image_id'],
            'segmentations': [a['segmentation']],
            'bboxes': [a['bbox']],
            'areas': [a['area']],
        }
        for a in plain['annotations']
    ]
    data = {'videos': videos, 'categories': plain['categories'], 'annotations': annotations}
    assert to_coco_ground_truth(data) == plain
    data['annotations'][0]['segmentations'] = [None, None]
    with pytest.raises(DataError, match='annotation 0: needs exactly one mask'):
        to_coco_ground_truth(data)
