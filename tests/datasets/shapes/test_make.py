from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmdet.datasets.shapes import ShapesConfig, ShapesVideo, make_shapes
from mmdet.datasets.shapes import make as make_module
from mmdet.errors import ConfigError, DataError

CONFIG = ShapesConfig(size=(64, 48), num_frames=3)
SPLITS = {'train': 3, 'valid': 1}


def _make(root: Path, **changes: object) -> Path:
    arguments = {'config': CONFIG, 'splits': SPLITS, 'progress': False, **changes}
    return make_shapes(root, **arguments)  # type: ignore[arg-type]


def _contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob('*')) if p.is_file()}


@pytest.mark.parametrize('fmt', ['ytvis', 'davis', 'kitti-mots'])
def test_same_bytes_every_time(tmp_path: Path, fmt: str) -> None:
    first, second = _make(tmp_path / 'a', fmt=fmt), _make(tmp_path / 'b', fmt=fmt)
    assert _contents(first) == _contents(second)
    assert len(_contents(first)) > 12


def test_two_processes_write_the_bytes_of_one(tmp_path: Path) -> None:
    assert _contents(_make(tmp_path / 'a')) == _contents(_make(tmp_path / 'b', workers=2))


def test_a_larger_set_begins_with_the_smaller_one(tmp_path: Path) -> None:
    small, large = _make(tmp_path / 'a', splits={'train': 2}), _make(tmp_path / 'b', splits={'train': 4, 'valid': 1})
    frames = _contents(small / 'train')
    assert frames.items() <= _contents(large / 'train').items()
    few, many = (json.loads((root / 'annotations' / 'train.json').read_text()) for root in (small, large))
    assert many['videos'][:2] == few['videos']
    assert many['annotations'][: len(few['annotations'])] == few['annotations']


def test_other_seed_other_set(tmp_path: Path) -> None:
    first, second = _make(tmp_path / 'a', seed=1), _make(tmp_path / 'b', seed=2)
    name = 'train/JPEGImages/train_00000/00000.jpg'
    assert (first / name).read_bytes() != (second / name).read_bytes()


def test_complete_set_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make(tmp_path)
    monkeypatch.setattr(make_module, '_render_one', lambda job: pytest.fail('rendered again'))
    _make(tmp_path)


def test_complete_set_whose_frames_were_deleted_is_made_again(tmp_path: Path) -> None:
    before = _contents(_make(tmp_path))
    (tmp_path / 'annotations' / 'train.json').unlink()
    (tmp_path / 'annotations' / 'valid.json').unlink()
    (tmp_path / 'annotations').rmdir()
    assert _contents(_make(tmp_path)) == before


def test_interrupted_set_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _contents(_make(tmp_path / 'whole'))
    rendered: list[int] = []
    real = make_module._render_one

    def stop_at_third(job: make_module.Job) -> None:
        if len(rendered) == 2:
            raise KeyboardInterrupt
        rendered.append(job.index)
        real(job)

    monkeypatch.setattr(make_module, '_render_one', stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        _make(tmp_path / 'part')
    assert json.loads((tmp_path / 'part' / 'shapes.json').read_text())['complete'] is False
    monkeypatch.setattr(make_module, '_render_one', lambda job: (rendered.append(job.index), real(job)))
    _make(tmp_path / 'part')
    assert rendered == [0, 1, 2, 0]
    assert _contents(tmp_path / 'part') == whole


@pytest.mark.parametrize(
    'changes',
    [
        pytest.param({'seed': 5}, id='seed'),
        pytest.param({'splits': {'train': 1}}, id='number of videos'),
        pytest.param({'config': ShapesConfig(size=(64, 48), num_frames=2)}, id='config'),
        pytest.param({'fmt': 'davis'}, id='layout'),
    ],
)
def test_another_set_is_kept_unless_overwritten(tmp_path: Path, changes: dict) -> None:
    before = _contents(_make(tmp_path / 'set'))
    with pytest.raises(ConfigError, match='another shapes set'):
        _make(tmp_path / 'set', **changes)
    assert _contents(tmp_path / 'set') == before
    (tmp_path / 'set' / 'notes.txt').write_text('mine')
    replaced = _contents(_make(tmp_path / 'set', **changes, overwrite=True))
    assert replaced.pop('notes.txt') == b'mine'
    assert replaced == _contents(_make(tmp_path / 'fresh', **changes))


def test_foreign_data_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / 'train').mkdir()
    (tmp_path / 'train' / 'precious.txt').write_text('mine')
    for overwrite in (False, True):
        with pytest.raises(ConfigError, match='not made by this program'):
            _make(tmp_path, overwrite=overwrite)
    assert _contents(tmp_path) == {'train/precious.txt': b'mine'}


@pytest.mark.parametrize('text', ['{"format": ', '[1]'])
def test_damaged_marker(tmp_path: Path, text: str) -> None:
    (tmp_path / 'shapes.json').write_text(text)
    with pytest.raises(DataError, match=r'shapes\.json'):
        _make(tmp_path)


def test_unknown_layout_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / 'shapes.json').write_text('{"format": "other", "complete": true}')
    with pytest.raises(DataError, match='unknown layout'):
        _make(tmp_path, overwrite=True)


def test_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(DataError, match='file'):
        _make(tmp_path / 'file')


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        pytest.param({'fmt': 'coco'}, 'coco', id='unknown layout'),
        pytest.param({'splits': {'dev': 1}}, 'dev', id='unknown split'),
        pytest.param({'splits': {}}, 'no videos', id='no split'),
        pytest.param({'splits': {'train': 0}}, 'no videos', id='nothing to make'),
        pytest.param({'splits': {'train': -1}}, 'train', id='negative number'),
        pytest.param({'splits': {'train': 1.5}}, 'train', id='part of a video'),
        pytest.param({'workers': 0}, 'workers', id='no workers'),
        pytest.param({'seed': -1}, 'seed', id='negative seed'),
        pytest.param({'seed': 'x'}, 'seed', id='seed as text'),
    ],
)
def test_bad_arguments_leave_nothing_behind(tmp_path: Path, arguments: dict, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        _make(tmp_path / 'set', **arguments)
    assert not (tmp_path / 'set').exists()


def test_error_in_a_worker_process_reaches_the_caller(tmp_path: Path) -> None:
    invisible = ShapesConfig(size=(32, 32), num_frames=1, objects=(1, 1), object_size=(0.05, 0.05), min_area=900)
    with pytest.raises(ConfigError, match='min_area'):
        _make(tmp_path, config=invisible, workers=2)


def test_listed_videos_are_the_rendered_ones(tmp_path: Path) -> None:
    _make(tmp_path, seed=2)
    document = json.loads((tmp_path / 'annotations' / 'train.json').read_text())
    assert [v['id'] for v in document['videos']] == [ShapesVideo(CONFIG, 2, 'train', i).video_id for i in range(3)]
    for video in document['videos']:
        assert all((tmp_path / 'train' / 'JPEGImages' / name).is_file() for name in video['file_names'])
