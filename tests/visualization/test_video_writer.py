from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdet.errors import VideoSourceError
from mmdet.visualization import video_writer
from mmdet.visualization.video_writer import FrameFolderWriter, VideoWriter, open_writer


def frame(index: int, height: int = 72, width: int = 96) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1], image[..., 2] = 200, 20 * index % 256, 40
    return image


def read_back(path: Path) -> list[np.ndarray]:
    if path.is_dir():
        images = [cv2.imread(str(file)) for file in sorted(path.iterdir())]
    else:
        capture, images = cv2.VideoCapture(str(path)), []
        while (read := capture.read())[0]:
            images.append(read[1])
    return [cv2.cvtColor(image, cv2.COLOR_BGR2RGB) for image in images]


@pytest.mark.parametrize('name', ['v.mp4', 'v.MP4', 'v.avi', 'v.webm', 'folder'])
@pytest.mark.parametrize(('height', 'width'), [(72, 96), (71, 97)])
def test_frames_come_back_in_number_size_order_and_colour(tmp_path: Path, name: str, height: int, width: int) -> None:
    with open_writer(tmp_path / 'new' / name, fps=12.5) as writer:
        for index in range(7):
            writer.write(frame(index, height, width))
    images = read_back(tmp_path / 'new' / name)
    assert len(images) == 7 == writer.num_frames
    for index, image in enumerate(images):
        even = name != 'folder'
        assert image.shape == (height + (height % 2 if even else 0), width + (width % 2 if even else 0), 3)
        assert np.abs(image.mean((0, 1)) - frame(index).mean((0, 1))).max() < 8
    assert [p.name for p in (tmp_path / 'new').iterdir()] == [name]


@pytest.mark.parametrize('fps', [1, 23.976, 30000 / 1001, 59.94, 240])
def test_the_frame_rate_is_kept(tmp_path: Path, fps: float) -> None:
    with VideoWriter(tmp_path / 'v.mp4', fps) as writer:
        for index in range(5):
            writer.write(frame(index))
    assert cv2.VideoCapture(str(writer.path)).get(cv2.CAP_PROP_FPS) == pytest.approx(fps, abs=0.01)


@pytest.mark.parametrize('name', ['v.mp4', 'folder'])
def test_an_error_leaves_the_older_output_and_nothing_else(tmp_path: Path, name: str) -> None:
    with open_writer(tmp_path / name) as writer:
        writer.write(frame(0))
    with pytest.raises(ZeroDivisionError), open_writer(tmp_path / name) as writer:
        writer.write(frame(1))
        writer.write(frame(2))
        raise ZeroDivisionError
    assert len(read_back(tmp_path / name)) == 1
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize('name', ['v.mp4', 'folder'])
def test_a_new_output_replaces_the_older_one_whole(tmp_path: Path, name: str) -> None:
    for count in (5, 2):
        with open_writer(tmp_path / name) as writer:
            for index in range(count):
                writer.write(frame(index))
    assert len(read_back(tmp_path / name)) == 2
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ('second', 'message'),
    [
        pytest.param(frame(0, 36, 48), 'frame 1 is 48 x 36, the frames before are 96 x 72', id='size changes'),
        pytest.param(frame(0)[..., 0], 'uint8 RGB', id='grey'),
        pytest.param(frame(0).astype(np.float32), 'uint8 RGB', id='float'),
    ],
)
@pytest.mark.parametrize('name', ['v.mp4', 'folder'])
def test_unfit_frames_are_refused(tmp_path: Path, name: str, second: np.ndarray, message: str) -> None:
    with pytest.raises(VideoSourceError, match=message), open_writer(tmp_path / name) as writer:
        writer.write(frame(0))
        writer.write(second)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('name', ['v.mp4', 'folder'])
def test_an_output_without_frames_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(VideoSourceError, match='not a single frame'), open_writer(tmp_path / name):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('name', 'fps', 'message'),
    [
        pytest.param('v.mkv', 25, r'\.mp4, \.avi, \.webm', id='unknown suffix'),
        pytest.param('v.mp4', 0, 'rate above 0', id='no rate'),
        pytest.param('v.mp4', float('nan'), 'rate above 0', id='rate is not a number'),
        pytest.param('file/v.mp4', 25, 'cannot make the folder', id='folder is a file'),
    ],
)
def test_impossible_outputs_are_refused_at_once(tmp_path: Path, name: str, fps: float, message: str) -> None:
    (tmp_path / 'file').write_text('in the way')
    with pytest.raises(VideoSourceError, match=message):
        open_writer(tmp_path / name, fps)


def test_a_folder_with_other_files_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / 'thesis.tex').write_text('years of work')
    with pytest.raises(VideoSourceError, match='choose another name'):
        FrameFolderWriter(tmp_path)
    assert (tmp_path / 'thesis.tex').exists()


def test_frames_lost_on_a_full_disk_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_writer, '_count_frames', lambda path: 1)
    writer = VideoWriter(tmp_path / 'v.mp4')
    writer.write(frame(0))
    writer.write(frame(1))
    with pytest.raises(VideoSourceError, match='2 frames were written but the file holds 1'):
        writer.close()
    assert not list(tmp_path.iterdir())


def test_writing_after_the_end_is_an_error(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / 'v.mp4') as writer:
        writer.write(frame(0))
    with pytest.raises(VideoSourceError, match='closed'):
        writer.write(frame(1))
    writer.close()
