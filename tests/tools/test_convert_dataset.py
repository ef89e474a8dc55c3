"""``tools/convert_dataset.py``: options reach the conversion, errors end without a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from mmdet.ops import rle


def _run(repo_root: Path, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, str(repo_root / 'tools/convert_dataset.py'), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_kins(repo_root: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / '1.png'), np.full((50, 70, 3), 90, np.uint8))
    mask = np.zeros((50, 70), np.uint8)
    mask[49, 69] = 1
    objects = [dict(id=1, image_id=1, category_id=2, inmodal_seg=rle.encode(mask))]
    document = dict(images=[dict(id=1, file_name='1.png', height=50, width=70)], annotations=objects)
    (tmp_path / 'instances_val.json').write_text(json.dumps(document))
    place = (tmp_path / 'instances_val.json', tmp_path, tmp_path / 'out')
    done = _run(repo_root, 'kins', *place, '--class', 'pedestrian', '--size', '20x10', '--format', 'jpg', '--quiet')
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / 'out/instances_val.json').read_text())
    assert written['images'] == [{'id': 1, 'file_name': '1_0.jpg', 'height': 10, 'width': 20}]
    assert written['annotations'][0]['bbox'] == [19, 9, 1, 1]
    failed = _run(repo_root, 'kins', *place[:2], tmp_path / 'cars')
    assert failed.returncode == 1 and "no object of the class 'car'" in failed.stderr
    assert 'Traceback' not in failed.stderr
    assert _run(repo_root, 'kins', *place, '--size', 'large').returncode == 2
