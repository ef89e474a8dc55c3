from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdet.datasets import Crop511Dataset, ImageNetDETDataset, ImageNetVIDDataset
from mmdet.datasets.siam.write_crops import write_crops
from mmdet.errors import DataError

OBJECT = '<object>{track}<name>{name}</name><bndbox><xmax>{2}</xmax><xmin>{0}</xmin><ymax>{3}</ymax><ymin>{1}</ymin></bndbox></object>'  # noqa: E501


def _write(root: Path, name: str, objects: list[tuple]) -> None:
    xml, image = root / f'Annotations/{name}.xml', root / f'Data/{name}.JPEG'
    parts = [
        OBJECT.format(*box, track='' if track is None else f'<trackid>{track}</trackid>', name=kind)
        for track, kind, box in objects
    ]
    xml.parent.mkdir(parents=True, exist_ok=True)
    image.parent.mkdir(parents=True, exist_ok=True)
    size = '<size><width>64</width><height>48</height></size>'
    xml.write_text(f'<annotation>{size}{"".join(parts)}</annotation>')
    image.write_bytes(cv2.imencode('.jpg', np.full((48, 64, 3), 90, np.uint8))[1].tobytes())


@pytest.fixture
def vid(tmp_path: Path) -> Path:
    for t in range(3):
        objects = [(0, 'n02', (5 + t, 6, 25 + t, 30))]
        objects += [(1, 'n01', (40, 10, 50, 20))] if t != 1 else []
        _write(tmp_path, f'VID/train/part0/v1/{t:06d}', objects)
    _write(tmp_path, 'VID/train/part0/v0/000000', [])
    return tmp_path


def test_videos_tracks_and_gaps(vid: Path) -> None:
    found = ImageNetVIDDataset('Annotations/VID/train', data_root=str(vid), img_prefix='Data/VID/train')
    assert [video.length for video in found.videos] == [1, 3] and found.classes == ('n01', 'n02')
    first, second = found.videos[1].annotations
    assert first.bboxes.tolist() == [[5 + t, 6, 20, 24] for t in range(3)] and first.label == 1
    assert second.valid.tolist() == [True, False, True]  # one track, hidden in between
    assert first.mask(0) is None


def test_squares_without_masks(vid: Path, tmp_path: Path) -> None:
    found = ImageNetVIDDataset('Annotations/VID/train', data_root=str(vid), img_prefix='Data/VID/train')
    index = write_crops(found, tmp_path / 'crops', 'train', progress=False)
    assert list(json.loads(index.read_text())) == ['train/part0/v1']
    crops = Crop511Dataset('train.json', data_root=str(index.parent))
    assert crops.with_masks is False and crops.view(0).mask is None
    assert not list(index.parent.rglob('*.png'))


def test_still_images(tmp_path: Path) -> None:
    _write(tmp_path, 'DET/train/n01/a', [(None, 'n01', (1, 1, 20, 20)), (None, 'n01', (30, 1, 50, 20))])
    _write(tmp_path, 'DET/train/n01/b', [(None, 'n03', (1, 1, 20, 20))])
    found = ImageNetDETDataset('Annotations/DET/train', data_root=str(tmp_path), img_prefix='Data/DET/train')
    assert [len(video.annotations) for video in found.videos] == [2, 1]
    assert [video.length for video in found.videos] == [1, 1]


def test_damaged_files_are_named(vid: Path) -> None:
    (vid / 'Annotations/VID/train/part0/v1/000001.xml').write_text('<annotation><size>')
    with pytest.raises(DataError, match=r'v1/000001\.xml'):
        ImageNetVIDDataset('Annotations/VID/train', data_root=str(vid), img_prefix='Data/VID/train')
    with pytest.raises(DataError, match='no XML file'):
        ImageNetVIDDataset('Data/VID/train', data_root=str(vid))
