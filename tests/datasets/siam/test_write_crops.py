"""Squares are written with their index, read back as what the frames show, and resumed after an interruption."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdet.datasets import Crop511Dataset, YouTubeVISDataset
from mmdet.datasets.siam.crop_folder import facts_path
from mmdet.datasets.siam.objects import VideoObjects
from mmdet.datasets.siam.write_crops import write_crops
from mmdet.errors import ConfigError, DataError

WINDOW = np.array([128.0, 128.0, 382.0, 382.0])


@pytest.fixture
def crops(squares: YouTubeVISDataset, tmp_path: Path) -> Path:
    return write_crops(squares, tmp_path / 'crops', 'train', workers=2, quality=100, progress=False)


def _files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob('*')) if p.is_file()}


def test_layout(crops: Path) -> None:
    index = json.loads(crops.read_text())
    assert list(index) == ['train/five', 'train/nine']
    assert list(index['train/five']) == ['00', '01'] and list(index['train/five']['01']) == ['000002', '000004']
    assert index['train/five']['00']['000003'] == [34, 20, 58, 50]
    assert index['train/nine'] == {'00': {'000000': [30, 30, 70, 50]}}  # no crowd
    files = _files(crops.parent)
    assert 'train/five/000004.01.x.jpg' in files and 'train/five/000004.01.m.png' in files
    assert len(files) == 2 + 2 * 9
    facts = json.loads(facts_path(crops).read_text())
    assert facts['masks'] is True and facts['complete'] is True


def test_read_back_as_the_frames_show(crops: Path, squares: YouTubeVISDataset) -> None:
    stored, direct = Crop511Dataset('train.json', data_root=str(crops.parent)), VideoObjects(squares)
    assert stored.objects.starts.tolist() == direct.objects.starts.tolist()
    assert stored.objects.video_starts.tolist() == direct.objects.video_starts.tolist()
    for row in range(len(direct.objects.frames)):
        ours, theirs = stored.view(row), direct.view(row)
        assert ours.box == pytest.approx(theirs.box, abs=1e-3) and ours.frame_id == theirs.frame_id
        difference = ours.picture(WINDOW, 255).astype(int) - theirs.picture(WINDOW, 255)
        assert np.abs(difference).mean() < 2
        assert (ours.outline(WINDOW, 255) != theirs.outline(WINDOW, 255)).mean() < 0.02


def test_same_bytes_with_any_number_of_threads(crops: Path, squares: YouTubeVISDataset, tmp_path: Path) -> None:
    write_crops(squares, tmp_path / 'again', 'train', workers=1, quality=100, progress=False)
    assert _files(tmp_path / 'again') == _files(crops.parent)


def test_goes_on_after_an_interruption(
    crops: Path, squares: YouTubeVISDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmdet.datasets.siam import write_crops as module

    real, calls = module._write_video, []

    def stop_at_second(dataset: YouTubeVISDataset, video: module._Video, *rest: object) -> object:
        calls.append(video.name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(dataset, video, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, '_write_video', stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        write_crops(squares, tmp_path / 'half', 'train', quality=100, progress=False)
    write_crops(squares, tmp_path / 'half', 'train', quality=100, progress=False)
    assert calls == ['five', 'nine', 'nine']
    assert _files(tmp_path / 'half') == _files(crops.parent)
    write_crops(squares, tmp_path / 'half', 'train', quality=100, progress=False)
    assert len(calls) == 3  # finished: left alone


def test_another_set_is_not_mixed_in(crops: Path, squares: YouTubeVISDataset) -> None:
    with pytest.raises(ConfigError, match='another set of this name'):
        write_crops(squares, crops.parent, 'train', min_area=400, quality=100, progress=False)
    second = write_crops(squares, crops.parent, 'large', min_area=400, progress=False)
    assert list(json.loads(second.read_text())['large/five']) == ['00']


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A folder as the original's scripts made it."""
    index = {
        'train/a': {'00': {'000000': [10, 10, 30, 20], '000005': [8, 8], 'hard': [], '000009': [3, 3, 3, 9]}, '01': {}},
        'train/b': {'00': {}},
    }
    (tmp_path / 'train.json').write_text(json.dumps(index))
    folder = tmp_path / 'train/a'
    folder.mkdir(parents=True)
    for stem in ('000000.00', '000005.00'):
        cv2.imwrite(str(folder / f'{stem}.x.jpg'), np.zeros((511, 511, 3), np.uint8))
    return tmp_path


def test_folder_of_the_original(original: Path) -> None:
    found = Crop511Dataset('train.json', data_root=str(original), with_masks=False)
    assert found.objects.num_videos == found.objects.num_objects == 1
    assert found.objects.frames.tolist() == [0, 5]
    assert found.view(1).size == pytest.approx((63.5, 63.5)) and found.view(0).mask is None


def test_names_in_any_script(original: Path) -> None:
    (original / 'train/a').rename(original / 'train/Käfer 犬')
    index = (original / 'train.json').read_text().replace('train/a', 'train/Käfer 犬')
    (original / 'train.json').write_text(index, encoding='utf-8')
    found = Crop511Dataset('train.json', data_root=str(original), with_masks=False)
    assert found.view(1).size == pytest.approx((63.5, 63.5))


def test_masks_must_be_known(original: Path) -> None:
    with pytest.raises(ConfigError, match='with_masks=True'):
        Crop511Dataset('train.json', data_root=str(original))
    with pytest.raises(DataError, match='mask cannot be read'):
        Crop511Dataset('train.json', data_root=str(original), with_masks=True).view(0)


@pytest.mark.parametrize(
    ('index', 'word'),
    [
        ({}, 'no object'),
        ({'a': {'00': {'000000': [1, 2, 3]}}}, 'video a, track 00, frame 000000'),
        ({'a': [1]}, 'video a'),
    ],
)
def test_damaged_index(tmp_path: Path, index: dict, word: str) -> None:
    (tmp_path / 'train.json').write_text(json.dumps(index))
    with pytest.raises(DataError, match=word):
        Crop511Dataset('train.json', data_root=str(tmp_path), with_masks=False)


def test_missing_and_damaged_files_are_listed(crops: Path) -> None:
    found = Crop511Dataset('train.json', data_root=str(crops.parent))
    assert list(found.problems()) == list(found.problems(decode=True)) == []
    (crops.parent / 'train/five/000004.01.m.png').unlink()
    (crops.parent / 'train/nine/000000.00.x.jpg').write_bytes(b'')
    missing, damaged = list(found.problems()), list(found.problems(decode=True))
    assert len(missing) == 1 and '000004.01.m.png' in str(missing[0])
    assert len(damaged) == 2 and any('000000.00.x.jpg' in str(problem) for problem in damaged)
