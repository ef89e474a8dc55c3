from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmdet.apis.source import open_source
from mmdet.errors import VideoSourceError

Make = Callable[..., Any]


@pytest.mark.parametrize('suffix', ['.mp4', '.avi'])
def test_a_video_file_gives_its_frames_and_facts(tmp_path: Path, frames: Make, write_video: Make, suffix: str) -> None:
    path = write_video(tmp_path / f'v{suffix}', frames(9), fps=12)
    with open_source(path) as source:
        assert (source.length, source.size, source.fps, source.live) == (9, (48, 64), 12, False)
        images = list(source)
    assert len(images) == 9
    for image, expected in zip(images, frames(9)):
        assert image.dtype == np.uint8
        assert np.abs(image.astype(int) - expected).mean() < 10


def test_a_video_file_can_be_read_twice(tmp_path: Path, frames: Make, write_video: Make) -> None:
    source = open_source(str(write_video(tmp_path / 'v.avi', frames(5))))
    assert all((a == b).all() for a, b in zip(source, source, strict=True))


def test_a_folder_is_read_in_natural_order(tmp_path: Path, frames: Make, write_folder: Make) -> None:
    names = ['frame10.png', 'frame2.png', 'frame1.png', 'Frame3.PNG']
    folder = write_folder(tmp_path / 'clip', frames(4), names)
    (folder / '._frame1.png').write_bytes(b'a resource fork')
    (folder / 'notes.txt').write_text('not an image')
    source = open_source(folder)
    assert source.length == 4
    order = [names.index(Path(source.frame_name(i)).name) for i in range(4)]
    assert [names[i] for i in order] == ['Frame3.PNG', 'frame1.png', 'frame2.png', 'frame10.png']
    assert all((image == frames(4)[i]).all() for image, i in zip(source, order, strict=True))


@pytest.mark.parametrize(
    ('pattern', 'count'),
    [
        pytest.param('clip/*.png', 6, id='all'),
        pytest.param('clip/[0-2].png', 3, id='some'),
        pytest.param('clip/4.png', 1, id='one image'),
        pytest.param('*/?.png', 6, id='in any folder'),
    ],
)
def test_a_pattern_gives_what_matches(
    tmp_path: Path, frames: Make, write_folder: Make, pattern: str, count: int
) -> None:
    write_folder(tmp_path / 'clip', frames(6))
    assert len(list(open_source(str(tmp_path / pattern)))) == count


def test_a_folder_whose_name_looks_like_a_pattern_is_a_folder(
    tmp_path: Path, frames: Make, write_folder: Make
) -> None:
    assert open_source(str(write_folder(tmp_path / 'clip [1]', frames(2)))).length == 2


@pytest.mark.parametrize('kind', [list, iter, tuple])
def test_arrays_are_a_source(frames: Make, kind: Callable) -> None:
    source = open_source(kind(frames(4)))
    assert source.size == (48, 64)
    assert source.length == (-1 if kind is iter else 4)
    assert all((a == b).all() for a, b in zip(source, frames(4), strict=True))


def test_an_open_source_is_given_back(frames: Make) -> None:
    source = open_source(frames(2))
    assert open_source(source) is source


def truncated(path: Path, keep: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        pytest.param(lambda p, f, v, d: p / 'no.mp4', r'no\.mp4: there is no such video.*its folder has', id='no file'),
        pytest.param(lambda p, f, v, d: p / 'a' / 'b.mp4', 'nor is its folder', id='no folder'),
        pytest.param(lambda p, f, v, d: d(p / 'e', []), 'there is no image in it', id='empty folder'),
        pytest.param(lambda p, f, v, d: f'{p}/*.jpg', 'no file matches', id='pattern without matches'),
        pytest.param(lambda p, f, v, d: truncated(v(p / 'v.mp4', f(9)), 0.5), 'ffmpeg -i', id='cut off mp4'),
        pytest.param(lambda p, f, v, d: truncated(v(p / 'v.avi', f(9)), 0.0), 'ffmpeg -i', id='empty file'),
        pytest.param(lambda p, f, v, d: Path(__file__), 'ffmpeg -i', id='not a video'),
        pytest.param(lambda p, f, v, d: truncated(d(p / 'e', f(1)) / '0.png', 0.5), 'cut off', id='cut off image'),
        pytest.param(lambda p, f, v, d: 99, 'camera 99 is not there.*plugged in', id='no camera'),
        pytest.param(lambda p, f, v, d: '99', 'camera 99 is not there.*plugged in', id='no camera, as text'),
        pytest.param(lambda p, f, v, d: [], 'not a single frame', id='no arrays'),
        pytest.param(lambda p, f, v, d: [f(1)[0][..., 0]], r'#0.*uint8 RGB', id='grey array'),
        pytest.param(lambda p, f, v, d: [[1, 2]], r'#0.*got list', id='not an array'),
    ],
)
def test_what_cannot_be_opened_says_why_and_what_to_do(
    tmp_path: Path, frames: Make, write_video: Make, write_folder: Make, make: Make, message: str
) -> None:
    spec = make(tmp_path, frames, write_video, write_folder)
    with pytest.raises(VideoSourceError, match=message):
        open_source(spec)


def test_a_password_is_not_printed() -> None:
    with pytest.raises(VideoSourceError, match='stream cannot be opened') as caught:
        open_source('rtsp://user:secret@127.0.0.1:1/street')
    assert 'secret' not in str(caught.value)


def test_a_video_cut_off_in_the_middle_gives_its_frames_and_then_an_error(
    tmp_path: Path, frames: Make, write_video: Make
) -> None:
    source = open_source(truncated(write_video(tmp_path / 'v.avi', frames(60)), 0.5))
    images = []
    with pytest.raises(VideoSourceError, match=r'v\.avi ends after \d+ of 60 frames'):
        images.extend(source)  # an exception leaves what came before
    assert 10 < len(images) < 50


def test_a_size_that_changes_is_named(tmp_path: Path, frames: Make, write_folder: Make) -> None:
    folder = write_folder(tmp_path / 'clip', [*frames(2), *frames(1, 24, 32)])
    with pytest.raises(VideoSourceError, match=r'2\.png is 32 x 24 but the frames before are 64 x 48'):
        list(open_source(folder))


def test_a_damaged_image_in_the_middle_is_named(tmp_path: Path, frames: Make, write_folder: Make) -> None:
    folder = write_folder(tmp_path / 'clip', frames(4))
    truncated(folder / '2.png', 0.6)
    taken = []
    with pytest.raises(VideoSourceError, match=r'2\.png.*cut off'):
        taken.extend(open_source(folder))
    assert len(taken) == 2


def test_real_videos_are_read_to_the_end(data_dir: Path) -> None:
    source = open_source(data_dir / 'real/video/crossing_8frames.mp4')
    assert (source.length, source.size, source.fps) == (8, (1080, 1920), 3)
    assert sum(1 for _ in source) == 8
