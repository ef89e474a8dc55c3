"""Detections on disk: what goes in comes out, without pickle, and equal data gives equal bytes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from pycocotools import mask as coco_mask

from mmdet.engine.detection_dump import DetectionDump, read_detections
from mmdet.errors import DataError
from mmdet.formats.detection_file import read_head
from mmdet.structures import FrameSample


def sample(frame, count, embeddings=True, video=42):
    rng = np.random.default_rng([frame, count])
    found = InstanceData()
    found.bboxes = torch.from_numpy(rng.random((count, 4), dtype=np.float32))
    found.labels = torch.arange(count)
    found.scores = torch.from_numpy(rng.random(count, dtype=np.float32))
    masks = np.asfortranarray(rng.integers(0, 2, (5, 7, count), dtype=np.uint8))
    found.masks = [{**rle, 'counts': rle['counts'].decode()} for rle in coco_mask.encode(masks)] if count else []
    if count > 1:
        found.masks[1] = None
    if embeddings:
        found.embeddings = torch.from_numpy(rng.random((count, 6), dtype=np.float32))
    result = FrameSample(metainfo={'video_id': video, 'frame_id': frame, 'ori_shape': (5, 7), 'video_length': 3})
    result.pred_instances = found
    return result


@pytest.mark.parametrize('counts', [(2, 0, 3), (0, 0, 0), (0, 4, 1)])
@pytest.mark.parametrize('embeddings', [True, False])
def test_round_trip(tmp_path, counts, embeddings):
    dump = DetectionDump(tmp_path / 'a')
    samples = [sample(frame, count, embeddings) for frame, count in enumerate(counts)]
    for one in samples:
        dump.add(one)
    path = dump.finish()
    found = read_detections(path)
    assert path.name == 'video_42.npz'
    assert (found.video_id, found.size, found.length) == (42, (5, 7), 3)
    assert (found.embeddings is not None) == embeddings
    for frame, one in enumerate(samples):
        rows, expected = found.rows(frame), one.pred_instances
        for name in ('bboxes', 'labels', 'scores', *(['embeddings'] if embeddings else [])):
            np.testing.assert_array_equal(getattr(found, name)[rows], expected[name].numpy())
        assert found.masks[rows] == expected.masks


def test_readable_by_numpy_alone_and_reproducible(tmp_path):
    for name in ('a', 'b'):
        dump = DetectionDump(tmp_path / name)
        dump.add(sample(0, 2))
        dump.finish()
        dump.add(sample(0, 3, video=43))
        dump.finish()
    for video in (42, 43):
        first, second = (tmp_path / name / f'video_{video}.npz' for name in ('a', 'b'))
        assert first.read_bytes() == second.read_bytes()
    with np.load(tmp_path / 'a/video_43.npz', allow_pickle=False) as file:
        assert file['bboxes'].shape == (3, 4)
        assert file['rle_offsets'].shape == (4,)
        assert {name: file[name].dtype.kind for name in file.files} == dict.fromkeys(file.files, 'i') | {
            'bboxes': 'f', 'scores': 'f', 'embeddings': 'f', 'rle_bytes': 'u'
        }  # fmt: skip
    assert sorted(path.name for path in (tmp_path / 'a').iterdir()) == ['video_42.npz', 'video_43.npz']


@pytest.mark.parametrize(
    ('name', 'embeddings', 'expected'),
    [('MaskTrackHead', True, 'MaskTrackHead'), ('MaskTrackHead', False, None), (None, True, None)],
)
def test_the_track_head_is_kept_with_its_embeddings(tmp_path, name, embeddings, expected):
    dump = DetectionDump(tmp_path, name)
    dump.add(sample(0, 2, embeddings))
    assert read_head(dump.finish()).track_head == expected


def test_no_video_no_file(tmp_path):
    assert DetectionDump(tmp_path).finish() is None


@pytest.mark.parametrize('case', ['missing', 'text', 'cut off', 'foreign', 'other version'])
def test_bad_files(tmp_path, case):
    path = tmp_path / 'video_42.npz'
    dump = DetectionDump(tmp_path)
    dump.add(sample(0, 2))
    dump.finish()
    match case:
        case 'missing':
            path.unlink()
        case 'text':
            path.write_text('hello')
        case 'cut off':
            path.write_bytes(path.read_bytes()[:300])
        case 'foreign':
            np.savez(path, a=np.zeros(3))
        case 'other version':
            with np.load(path) as file:
                np.savez(path, **{**{name: file[name] for name in file.files}, 'version': np.int64(7)})
    with pytest.raises(DataError, match=r'video_42\.npz'):
        read_detections(path)


def test_sample_without_detections(tmp_path):
    with pytest.raises(DataError, match='video 1, frame 0'):
        DetectionDump(tmp_path).add(FrameSample(metainfo={'video_id': 1, 'frame_id': 0, 'ori_shape': (2, 2)}))


def test_a_video_that_cannot_be_written_leaves_the_next_alone(tmp_path, monkeypatch):
    dump = DetectionDump(tmp_path)
    dump.add(sample(0, 2))
    with monkeypatch.context() as patch:
        patch.setattr('mmdet.engine.detection_dump.zipfile.ZipFile', _full_disk)
        with pytest.raises(DataError, match='No space left'):
            dump.finish()
    dump.add(sample(0, 3, video=43))
    assert len(read_detections(dump.finish()).scores) == 3
    assert [path.name for path in tmp_path.iterdir()] == ['video_43.npz']


def _full_disk(*_):
    raise OSError(28, 'No space left on device')
