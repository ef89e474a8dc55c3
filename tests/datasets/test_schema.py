"""Structural problems of annotation files: each found, each with its place."""

import copy
import json

import numpy as np
import pytest

from mmdet.datasets.schema import Problem, read_json, structure_problems
from mmdet.errors import DataError

BOX = [4, 6, 10, 8]


@pytest.fixture
def good(vis):
    """A sound document: videos 17 and 42, annotations 5 and 6."""
    annotations = [vis.track(5, 17, [BOX, None, BOX]), vis.track(6, 42, [BOX], category_id=2)]
    return vis.document([vis.video(17, 3), vis.video(42, 1)], annotations)


def messages(document):
    """All problems as text."""
    return [str(problem) for problem in structure_problems(document, 'f.json')]


def test_sound_documents(good):
    assert messages(good) == []
    for value in (None, []):
        assert messages({**good, 'annotations': value}) == []
    del good['annotations']
    assert messages(good) == []


CHANGES = {
    'no videos': (lambda d: d.pop('videos'), "f.json: the list 'videos' is missing or empty"),
    'no categories': (lambda d: d.update(categories=[]), "f.json: the list 'categories' is missing or empty"),
    'annotations is a dict': (lambda d: d.update(annotations={}), "f.json: 'annotations' must be a list"),
    'category without name': (lambda d: d['categories'][1].pop('name'), 'f.json: category at position 1 needs'),
    'category twice': (lambda d: d['categories'][1].update(id=1), 'f.json: category at position 1 repeats'),
    'video without id': (lambda d: d['videos'][0].pop('id'), 'f.json: video at position 0 needs'),
    'video twice': (lambda d: d['videos'][1].update(id=17), 'f.json, video 17: the video id is used twice'),
    'no frames': (lambda d: d['videos'][1].update(file_names=[]), "f.json, video 42: 'file_names' must list"),
    'wrong length': (lambda d: d['videos'][0].update(length=4), "f.json, video 17: 'length' is 4 but"),
    'no height': (lambda d: d['videos'][0].pop('height'), "f.json, video 17: 'height' must be a whole number"),
    'width as text': (lambda d: d['videos'][0].update(width='64'), "f.json, video 17: 'width' must be"),
    'annotation without id': (lambda d: d['annotations'][0].pop('id'), 'f.json: annotation at position 0 needs'),
    'annotation twice': (lambda d: d['annotations'][1].update(id=5), 'video 42, annotation 5: the annotation id'),
    'unknown video': (lambda d: d['annotations'][0].update(video_id=3), 'f.json, annotation 5: it belongs to video 3'),
    'video is a list': (lambda d: d['annotations'][0].update(video_id=[1]), 'f.json, annotation 5: it belongs to'),
    'unknown category': (lambda d: d['annotations'][0].update(category_id=0), 'annotation 5: unknown category 0;'),
    'no masks': (lambda d: d['annotations'][0].pop('segmentations'), "video 17, annotation 5: 'segmentations' must"),
    'short masks': (lambda d: d['annotations'][0]['segmentations'].pop(), "'segmentations' has 2 entries but"),
    'short boxes': (lambda d: d['annotations'][0]['bboxes'].pop(), "'bboxes' has 2 entries but the video has 3 frames"),
    'areas is a number': (lambda d: d['annotations'][0].update(areas=5), "'areas' has 5 entries but"),
    'box of three': (lambda d: d['annotations'][0]['bboxes'].__setitem__(2, [1, 2, 3]), 'frame 2: bboxes entry'),
    'box with NaN': (lambda d: d['annotations'][0]['bboxes'][0].__setitem__(0, float('nan')), 'frame 0: bboxes entry'),
    'area as text': (lambda d: d['annotations'][0]['areas'].__setitem__(0, '9'), "frame 0: areas entry '9'"),
    'occlusion level': (lambda d: d['annotations'][1].update(occlusion=['much']), 'annotation 6, frame 0: occlusion'),
}


@pytest.mark.parametrize(('change', 'expected'), CHANGES.values(), ids=CHANGES)
def test_one_problem_each(good, change, expected):
    document = copy.deepcopy(good)
    change(document)
    found = messages(document)
    assert any(expected in message for message in found), found
    assert len(found) <= 2  # an unknown id may be missed by a reference too


def test_all_problems_are_listed(good):
    good['videos'][0]['length'] = 9
    good['annotations'][0]['category_id'] = 7
    good['annotations'][1]['bboxes'] = []
    assert len(messages(good)) == 3


def test_odd_values_never_crash(good):
    """Any value at any place gives problems or none, never another exception."""
    odd = [None, 0, -1, 1.5, 'x', [], {}, [None], [[1]], True, float('inf')]
    rng = np.random.default_rng(0)
    for _ in range(1500):
        document = copy.deepcopy(good)
        node = document
        for _ in range(rng.integers(1, 6)):
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = keys[rng.integers(len(keys))]
            if not isinstance(node[key], (dict, list)) or not node[key] or rng.random() < 0.2:
                break
            node = node[key]
        else:
            key = next(iter(node)) if isinstance(node, dict) else 0
        node[key] = odd[rng.integers(len(odd))]
        assert all(isinstance(message, str) for message in messages(document))


def test_place_of_a_problem():
    assert Problem('f.json', 'bad', 0, 0, 0).where == 'f.json, video 0, annotation 0, frame 0'
    assert str(Problem('f.json', 'bad', annotation=3)) == 'f.json, annotation 3: bad'


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'{"videos": [', 'not valid JSON .* at line 1, column 13.*download complete'),
        (b'\xff\xfe\x00', 'not (valid )?JSON'),
        (b'', 'not valid JSON'),
        (json.dumps([1]).encode(), 'this is a list'),
        (b'3', 'this is a int'),
    ],
    ids=['cut off', 'binary', 'empty', 'list', 'number'],
)
def test_unreadable_files(tmp_path, content, message):
    path = tmp_path / 'f.json'
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_json(path)


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match='does not exist'):
        read_json(tmp_path / 'f.json')
    with pytest.raises(DataError, match='cannot be read'):
        read_json(tmp_path)
