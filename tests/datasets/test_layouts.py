"""Recognition of download layouts."""

import pytest

from mmdet.datasets.layouts import find_parts, missing_pieces, recognise
from mmdet.errors import DataError

TREES = {
    'YouTube-VIS 2019': ['train.json', 'train/JPEGImages/', 'valid.json', 'valid/JPEGImages/'],
    'YouTube-VIS 2019 ': ['annotations/instances_train_sub.json', 'train/JPEGImages/'],
    'YouTube-VIS 2021': ['train/instances.json', 'train/JPEGImages/', 'valid/instances.json', 'valid/JPEGImages/'],
    'split folders': ['annotations/train.json', 'annotations/valid.json', 'train/JPEGImages/', 'valid/JPEGImages/'],
    'one folder': ['annotations/instances.json', 'JPEGImages/'],
    'OVIS': ['annotations_train.json', 'train/', 'annotations_valid.json', 'valid/'],
    'OVIS ': ['annotations/annotations_train.json', 'train/'],
    'COCO': ['annotations/instances_train2017.json', 'train2017/', 'val2017/'],
    'DAVIS 2017': ['ImageSets/2017/train.txt', 'JPEGImages/480p/', 'ImageSets/2016/train.txt'],
    'DAVIS 2016': ['ImageSets/2016/train.txt', 'JPEGImages/480p/'],
    'YouTube-VOS': ['train/meta.json', 'train/JPEGImages/', 'valid/meta.json', 'valid/JPEGImages/'],
    'VOT': ['list.txt', 'bag/color/'],
    'COCO ': ['annotations/instances_train.json', 'train/'],
}


def grow(root, tree):
    """Make empty files and folders."""
    for name in tree:
        path = root / name
        if name.endswith('/'):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text('{}')


@pytest.mark.parametrize(('name', 'tree'), TREES.items(), ids=TREES)
def test_recognise(tmp_path, name, tree):
    grow(tmp_path, tree)
    layout = recognise(tmp_path)
    assert layout.name.startswith(name.strip())
    first = find_parts(layout, tmp_path)[0]
    assert first.ann_file == tmp_path / tree[0] and first.img_prefix.is_dir()


def test_missing_pieces(tmp_path):
    grow(tmp_path, ['train.json', 'valid/JPEGImages/'])
    problems = {str(p).split(': ')[1].split(';')[0]: p.harmless for p in missing_pieces(recognise(tmp_path), tmp_path)}
    assert problems == {
        "split 'train' lacks the images train/JPEGImages": False,
        "split 'valid' has images but lacks valid.json or annotations/instances_val_sub.json": False,
        "split 'test' is not there": True,
    }


def test_splits_that_share_a_folder(tmp_path):
    grow(tmp_path, ['ImageSets/2017/val.txt', 'JPEGImages/480p/'])
    found = list(missing_pieces(recognise(tmp_path), tmp_path))
    assert len(found) == 2 and all(problem.harmless for problem in found)


@pytest.mark.parametrize('tree', [[], ['train/JPEGImages/'], ['readme.json']], ids=['empty', 'images only', 'other'])
def test_unknown(tmp_path, tree):
    grow(tmp_path, tree)
    with pytest.raises(DataError, match=r'(?s)no annotation file.*YouTube-VIS 2019: train.json.*--img-prefix'):
        recognise(tmp_path)
    with pytest.raises(DataError, match='no such folder'):
        recognise(tmp_path / 'nix')
