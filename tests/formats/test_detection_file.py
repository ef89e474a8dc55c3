"""Stored detections that contradict themselves are refused, with file and row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmdet.errors import DataError
from mmdet.formats.detection_file import DetectionHead, read_detections, read_head
from mmdet.ops import rle

TEXT = rle.encode(np.ones((4, 6)))['counts'].encode()
SOUND = {
    'version': np.int64(1),
    'video_id': np.int64(7),
    'size': np.array([4, 6]),
    'length': np.int64(3),
    'frames': np.array([0, 2], np.int32),
    'bboxes': np.array([[0, 0, 2, 2], [1, 1, 3, 3]], np.float32),
    'labels': np.array([0, 1]),
    'scores': np.array([0.5, 0.25], np.float32),
    'rle_bytes': np.frombuffer(TEXT * 2, np.uint8),
    'rle_offsets': np.array([0, len(TEXT), 2 * len(TEXT)]),
    'embeddings': np.ones((2, 5), np.float32),
}


def write(folder: Path, **changes: object) -> Path:
    """A sound file with some arrays replaced, or left out where they are None."""
    arrays = {name: value for name, value in {**SOUND, **changes}.items() if value is not None}
    np.savez(folder / 'video_7.npz', **arrays)
    return folder / 'video_7.npz'


def test_a_sound_file(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert read_head(path) == DetectionHead(7, 2, 2, 5)
    found = read_detections(path)
    assert found.size == (4, 6) and found.rows(2) == slice(1, 2) and found.rows(1) == slice(1, 1)
    assert rle.area(found.masks).tolist() == [24, 24]


def test_the_head_of_a_file_without_embeddings_and_masks(tmp_path: Path) -> None:
    path = write(tmp_path, embeddings=None, rle_bytes=np.zeros(0, np.uint8), rle_offsets=np.zeros(3, int))
    assert read_head(path) == DetectionHead(7, 2, 0, None)


NAN = np.array([[0, 0, 2, 2], [1, np.nan, 3, 3]], np.float32)
BAD = {
    'an array is missing': (dict(scores=None), 'lacks scores'),
    'another version': (dict(version=np.int64(9)), 'version 9'),
    'a NaN box': (dict(bboxes=NAN), 'row 1, frame 2: bboxes are not finite'),
    'an infinite score': (dict(scores=np.array([np.inf, 0])), 'row 0, frame 0: scores are not finite'),
    'frames out of order': (dict(frames=np.array([2, 0])), 'row 1: frame 0 comes after frame 2'),
    'an unknown frame': (dict(frames=np.array([0, 3])), 'row 1: frame 3 of a video of 3 frames'),
    'a negative frame': (dict(frames=np.array([-1, 0])), 'row 0: frame -1 of a video'),
    'a column too short': (dict(labels=np.array([0])), 'different lengths'),
    'boxes of five numbers': (dict(bboxes=np.zeros((2, 5), np.float32)), r'bboxes must be \(2, 4\)'),
    'features of fewer rows': (dict(embeddings=np.ones((1, 5))), 'different lengths'),
    'a NaN feature': (dict(embeddings=np.array([[1.0], [np.nan]])), 'row 1, frame 2: embeddings are not finite'),
    'offsets past the end': (dict(rle_offsets=np.array([0, 3, 999])), 'rle_offsets do not divide'),
    'a mask of another size': (dict(size=np.array([6, 6])), 'row 0: RLE runs cover 24 pixels'),
}


@pytest.mark.parametrize(('changes', 'message'), BAD.values(), ids=BAD)
def test_bad_files(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(DataError, match=rf'video_7\.npz.*{message}'):
        read_detections(write(tmp_path, **changes))


def test_files_that_are_no_archive(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:300])
    for read in (read_head, read_detections):
        with pytest.raises(DataError, match='cannot be read'):
            read(path)
