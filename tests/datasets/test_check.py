"""Checking of whole data sets: every planted problem is listed, and sound sets have none."""

import json

import pytest

from mmdet.datasets.check import CheckOptions, check_data
from mmdet.errors import ConfigError, DataError

BOX = [4, 6, 10, 8]


@pytest.fixture
def check():
    """Run a check and return its problem count and its lines."""

    def run(path, img_prefix=None, limit=100, **options):
        lines = []
        count = check_data(path, img_prefix, CheckOptions(**options), limit, lines.append)
        return count, lines

    return run


@pytest.fixture
def content(vis):
    """A sound document: videos 17 and 42."""
    annotations = [vis.track(5, 17, [BOX, None, BOX]), vis.track(6, 42, [BOX], category_id=2)]
    return vis.document([vis.video(17, 3), vis.video(42, 1)], annotations)


def test_sound_set(content, make_set, check):
    paths = make_set(content)
    for options in ({}, {'decode_images': True}):
        count, lines = check(paths.ann_file, paths.images, **options)
        assert count == 0
        assert lines[0].endswith('2 videos (0 in hold-out version 1 of 0.1), 4 frames, 2 tracks, 3 masks, 2 categories')
        assert lines[-1] == '0 problems, 0 notes'


def masks(content):
    """Masks of the first track."""
    return content['annotations'][0]['segmentations']


def boxes(content):
    """Boxes of the first track."""
    return content['annotations'][0]['bboxes']


DAMAGE = {
    'bad RLE': (lambda c: masks(c)[2].update(counts='zz'), 'video 17, annotation 5, frame 2: RLE'),
    'mask size': (lambda c: masks(c)[2].update(size=[24, 32]), 'annotation 5, frame 2: mask size'),
    'shifted box': (lambda c: boxes(c)[0].__setitem__(0, 40), 'frame 0: box [40.0, 6.0, 10.0, 8.0]'),
    'corners for sizes': (lambda c: boxes(c).__setitem__(0, [4, 6, 14, 24]), 'is not that of'),
    'box without mask': (lambda c: masks(c).__setitem__(2, None), 'annotation 5, frame 2: there is a box but no mask'),
    'mask without box': (lambda c: boxes(c).__setitem__(2, None), 'frame 2: there is a mask but'),
    'mask without area': (lambda c: c['annotations'][0]['areas'].__setitem__(2, None), 'frame 2: there is a mask but'),
    'wrong area': (lambda c: c['annotations'][0]['areas'].__setitem__(2, 999), 'frame 2: area 999 is not'),
    'unknown category': (lambda c: c['annotations'][0].update(category_id=9), 'annotation 5: unknown category 9'),
    'unknown video': (lambda c: c['annotations'][0].update(video_id=9), 'annotation 5: it belongs to video 9'),
    'short list': (lambda c: masks(c).pop(), "annotation 5: 'segmentations' has 2 entries"),
    'id twice': (lambda c: c['annotations'][1].update(id=5), 'video 42, annotation 5: the annotation id is used twice'),
    'empty list': (lambda c: c.update(annotations=[]), 'the list of annotations is empty'),
    'frame twice': (lambda c: c['videos'][0]['file_names'].__setitem__(1, 'v17/00000.png'), 'listed 2 times'),
}


@pytest.mark.parametrize(('damage', 'expected'), DAMAGE.values(), ids=DAMAGE)
def test_planted_problem(content, make_set, check, damage, expected):
    damage(content)
    paths = make_set(content)
    count, lines = check(paths.ann_file, paths.images)
    found = [line for line in lines if line.startswith('PROBLEM')]
    assert count == len(found) == 1 and expected in found[0], lines
    assert str(paths.ann_file) in found[0]


def test_damaged_images(content, make_set, check):
    paths = make_set(content)
    (paths.images / 'v17' / '00000.png').unlink()
    (paths.images / 'v17' / '00001.png').write_bytes(b'')
    whole = (paths.images / 'v17' / '00002.png').read_bytes()
    (paths.images / 'v17' / '00002.png').write_bytes(whole[:-10])
    (paths.images / 'v42' / '00000.png').write_bytes(whole[:40] + b'\0' * 30 + b'IEND\xaeB`\x82')
    count, lines = check(paths.ann_file, paths.images)
    assert count == 3  # a sound header and end say nothing about what is between them
    for line, name, message in zip(lines[1:], ('00000', '00001', '00002'), ('not exist', 'is empty', 'is cut off')):
        assert f'v17/{name}.png, video 17, frame' in line and message in line and f'listed in {paths.ann_file}' in line
    assert check(paths.ann_file, paths.images, decode_images=True)[0] == 4
    assert check(paths.ann_file, paths.images, skip_images=True)[0] == 0
    assert check(paths.ann_file)[0] == 0
    assert 'no such folder of images' in check(paths.ann_file, paths.root / 'nix')[1][1]


def test_notes_do_not_count(vis, make_set, check):
    empty = vis.track(1, 17, [[0, 0, 0, 0], BOX])
    loose = vis.track(2, 17, [None, [4, 6, 40, 30]])
    loose['bboxes'][1] = [4, 6, 44, 30]
    count, lines = check(make_set(vis.document([vis.video(17, 2)], [empty, loose])).ann_file)
    assert count == 0
    assert any('annotation 1, frame 0: the mask is empty' in line for line in lines)
    assert any('annotation 2, frame 1: box [4.0, 6.0, 44.0, 30.0] is not' in line for line in lines)
    count, lines = check(make_set(vis.document([vis.video(17, 2)], None)).ann_file)
    assert count == 0 and any('no ground truth' in line for line in lines)


def test_all_are_counted_and_some_printed(vis, make_set, check):
    annotations = [vis.track(i + 1, 17, [BOX], category_id=7) for i in range(20)]
    paths = make_set(vis.document([vis.video(17, 1)], annotations))
    count, lines = check(paths.ann_file, paths.images, limit=3)
    assert count == 20
    assert sum(line.startswith('PROBLEM') for line in lines) == 3 and '... and 17 more problems' in lines
    assert sum(line.startswith('PROBLEM') for line in check(paths.ann_file, paths.images, limit=0)[1]) == 20


def test_root_folder(content, make_set, check, tmp_path):
    paths = make_set(content)
    (paths.root / 'train').mkdir()
    paths.images.rename(paths.root / 'train' / 'JPEGImages')
    count, lines = check(paths.root)
    assert count == 0 and lines[0].endswith('YouTube-VIS 2019')
    assert sum("is not there; from https://" in line for line in lines) == 2  # valid and test
    (paths.root / 'valid.json').write_text('{')
    count, lines = check(paths.root)
    assert count == 2 and any("split 'valid' lacks the images" in line for line in lines)
    assert any('valid.json: not valid JSON' in line for line in lines)


def test_ovis_needs_occlusion(content, make_set, check):
    paths = make_set(content)
    paths.ann_file.rename(paths.root / 'annotations_train.json')
    paths.images.rename(paths.root / 'train')
    count, lines = check(paths.root)
    assert lines[0].endswith('OVIS') and count == 2
    assert "annotation 5: the list 'occlusion' is missing" in ''.join(lines)


def test_occlusion_of_the_file_and_of_its_hold_out(vis, make_set, check):
    no, slight, severe = 'no_occlusion', 'slight_occlusion', 'severe_occlusion'
    annotations = [
        vis.track(1, 17, [BOX, None, BOX], occlusion=[no, None, no]),
        vis.track(2, 17, [BOX, BOX, BOX], occlusion=[slight] * 3),  # on the limit of light and moderate
        vis.track(3, 29, [BOX], occlusion=[severe]),
        vis.track(4, 29, [BOX], occlusion=[no]),
        vis.track(5, 42, [BOX], occlusion=['much']),
    ]
    videos = [vis.video(17, 3), vis.video(29, 1), vis.video(42, 1)]  # 29 is held out
    paths = make_set(vis.document(videos, annotations))
    count, lines = check(paths.ann_file)
    expected = 'occlusion of tracks: 3 light, 1 moderate, 1 heavy; in the hold-out: 1 light, 0 moderate, 1 heavy'
    assert count == 1 and '1 in hold-out' in lines[0]
    assert lines[1] == f'{paths.ann_file}: {expected} (on a limit: in both classes)'


def test_coco_file(tmp_path, check):
    image = {'id': 3, 'file_name': 'a.jpg', 'height': 20, 'width': 30}
    annotation = {'id': 1, 'image_id': 3, 'category_id': 1, 'bbox': [1, 2, 3, 4], 'area': 12, 'segmentation': [[1, 2]]}
    document = {'images': [image], 'annotations': [annotation], 'categories': [{'id': 1, 'name': 'cat'}]}
    (tmp_path / 'a.json').write_text(json.dumps(document))
    count, lines = check(tmp_path / 'a.json', tmp_path)
    assert count == 2 and 'polygon 0' in ''.join(lines) and 'a.jpg, video 3, frame 0' in ''.join(lines)


def test_paths_that_are_not_there(tmp_path, check):
    with pytest.raises(DataError, match='no such file or folder'):
        check(tmp_path / 'nix')
    with pytest.raises(ConfigError, match='goes with an annotation file'):
        check(tmp_path, tmp_path)
    with pytest.raises(DataError, match='no annotation file at a place that a known layout has'):
        check(tmp_path)


def test_real_sets_are_sound(data_dir, check):
    count, lines = check(data_dir / 'real' / 'vis', decode_images=True)
    assert count == 0 and '8 videos' in lines[1] and '377 masks' in lines[1]
    count, lines = check(data_dir / 'real' / 'coco_images')
    assert count == 0 and lines[0].endswith('COCO')
