"""The command that checks a data set: exit codes and output."""

import importlib.util
import json
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
