"""The command that checks a data set: exit codes and output."""

import importlib.util
import json
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest


@pytest.fixture
def annotation_file(tmp_path):
    """A set of one frame with one sound track."""
    (tmp_path / 'JPEGImages').mkdir()
    cv2.imwrite(str(tmp_path / 'JPEGImages' / 'a.jpg'), np.zeros((8, 10, 3), np.uint8))
    document = {
        'videos': [{'id': 1, 'height': 8, 'width': 10, 'file_names': ['a.jpg']}],
        'annotations': [
            {'id': 1, 'video_id': 1, 'category_id': 1, 'segmentations': [{'size': [8, 10], 'counts': [0, 80]}]}
        ],
        'categories': [{'id': 1, 'name': 'cat'}],
    }
    path = tmp_path / 'instances.json'
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def tool(repo_root):
    """The tool as a module."""
    spec = importlib.util.spec_from_file_location('check_data', repo_root / 'tools' / 'check_data.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sound_set(tool, annotation_file, capsys):
    assert tool.main([str(annotation_file.parent), '--images']) == 0
    assert capsys.readouterr().out.endswith('0 problems, 0 notes\n')


def test_problems(tool, annotation_file, capsys):
    (annotation_file.parent / 'JPEGImages' / 'a.jpg').unlink()
    arguments = [str(annotation_file), '--img_prefix', str(annotation_file.parent / 'JPEGImages')]
    assert tool.main(arguments) == 1
    assert 'a.jpg, video 1, frame 0: the image does not exist' in capsys.readouterr().out
    assert tool.main([str(annotation_file), '--no-images']) == 0


def test_error_as_a_program(repo_root, tmp_path):
    command = [sys.executable, str(repo_root / 'tools' / 'check_data.py'), str(tmp_path / 'nix')]
    done = subprocess.run(command, capture_output=True, text=True, cwd=repo_root, check=False)
    assert (done.returncode, done.stderr) == (1, f'DataError: {tmp_path}/nix: no such file or folder\n')


OWN_FORMAT = '''
import json
import shutil
from pathlib import Path

from mmdet.datasets import VideoDataset
from mmdet.errors import DataError
from mmdet.registry import DATASETS


@DATASETS.register_module(force=True)
class WrappedDataset(VideoDataset):
    """A document under a key."""

    def __init__(self, ann_file, img_prefix, key, pipeline=(), test_mode=False):
        self.key = key
        super().__init__(ann_file, img_prefix=img_prefix, pipeline=pipeline, test_mode=test_mode)

    def read_document(self):
        return json.loads(Path(self.ann_file).read_text())[self.key]

    def check_document(self, document):
        if document['categories'][0]['name'] != 'cat':
            raise DataError(f'{self.ann_file}: only cats')
'''
OWN_CONFIG = '''
_set = dict(type='WrappedDataset', ann_file={file!r}, img_prefix={images!r}, key='inner')
custom_imports = dict(imports=['own_format_of_a_test'])
train_dataloader = dict(batch_size=1, dataset=_set)
test_dataloader = dict(dataset=dict(**_set, test_mode=True))
'''


@pytest.fixture
def own_config(annotation_file, tmp_path, monkeypatch):
    """A config with a data set class of its own: ``own_config(change)`` edits the document first."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(change=lambda document: None):
        document = json.loads(annotation_file.read_text())
        change(document)
        annotation_file.write_text(json.dumps({'inner': document}))
        (tmp_path / 'own_format_of_a_test.py').write_text(OWN_FORMAT)
        images = str(annotation_file.parent / 'JPEGImages')
        (tmp_path / 'config.py').write_text(OWN_CONFIG.format(file=str(annotation_file), images=images))
        return ['--config', str(tmp_path / 'config.py')]

    return make


def test_own_class_named_by_a_config(tool, own_config, capsys):
    assert tool.main(own_config()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 'train_dataloader.dataset: WrappedDataset'
    assert [line for line in lines if 'test_dataloader' in line] == []  # the same files
    assert lines[-1] == '0 problems, 0 notes'


CONFIG_DAMAGE = {
    'all of several problems': (
        lambda d: (d['videos'][0].update(width=9), d['annotations'][0].update(category_id=7)),
        ['unknown category 7', 'mask size', 'the image is'],
    ),
    'demand of the class': (lambda d: d['categories'][0].update(name='dog'), ['instances.json: only cats']),
}


@pytest.mark.parametrize(('change', 'expected'), CONFIG_DAMAGE.values(), ids=CONFIG_DAMAGE)
def test_problems_of_an_own_class(tool, own_config, capsys, change, expected):
    assert tool.main(own_config(change)) == 1
    shown = capsys.readouterr().out
    assert all(text in shown for text in expected), shown
    assert f'{len(expected)} problems, 0 notes' in shown


def test_missing_file_of_a_config_is_a_problem(tool, tmp_path, capsys):
    text = "test_dataloader = dict(dataset=dict(type='YouTubeVISDataset', ann_file='/nowhere/a.json', test_mode=True))"
    (tmp_path / 'config.py').write_text(text)
    assert tool.main(['--config', str(tmp_path / 'config.py')]) == 1
    assert 'test_dataloader.dataset: /nowhere/a.json: the annotation file does not exist' in capsys.readouterr().out


@pytest.mark.parametrize('arguments', [[], ['a.json', '--config', 'b.py'], ['--config', 'b.py', '--img-prefix', 'c']])
def test_either_a_path_or_a_config(tool, arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        tool.main(arguments)
    assert stopped.value.code == 2
    capsys.readouterr()


def test_crops(tool, tiny_market, tmp_path, capsys):
    assert tool.main([str(tiny_market)]) == 0
    shown = capsys.readouterr().out
    assert 'Market1501Dataset, 12 crops of 3 identities' in shown and shown.endswith('0 problems, 0 notes\n')
    root = shutil.copytree(tiny_market, tmp_path / 'market')
    (root / 'query/0001_c1s1_000001_00.jpg').write_bytes(b'damaged')
    assert tool.main([str(root)]) == 1
    (tmp_path / 'config.py').write_text(
        f"test_dataloader = dict(dataset=dict(type='Market1501Dataset', data_root={str(root)!r}, test_mode=True))"
    )
    assert tool.main(['--config', str(tmp_path / 'config.py')]) == 1
    assert capsys.readouterr().out.count('query/0001_c1s1_000001_00.jpg') == 2


def test_parts_of_one_folder_are_checked_each(tool, tiny_mots, tmp_path, capsys):
    parts = [
        f"{part}_dataloader = dict(dataset=dict(type='MOTSDataset', data_root={str(tiny_mots)!r}, "
        f"seqmap='seqmaps/{part}.seqmap', test_mode=True))\n"
        for part in ('train', 'val')
    ]
    (tmp_path / 'config.py').write_text(''.join(parts))
    assert tool.main(['--config', str(tmp_path / 'config.py')]) == 0
    shown = capsys.readouterr().out
    assert 'train_dataloader.dataset: MOTSDataset' in shown and 'val_dataloader.dataset: MOTSDataset' in shown
