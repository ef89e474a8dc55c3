from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from mmdet.errors import DataError
from mmdet.ops.rle import encode
from mmdet.visualization.colours import identity_colour
from mmdet.visualization.report import render_video_result

HEIGHT, WIDTH, LENGTH = 90, 160, 7


def mask(t: int) -> Any:
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[20:60, 10 + 10 * t : 50 + 10 * t] = 1
    return encode(pixels)


class FakeTrack:
    id, label = 5, 0
    bboxes = np.array([[10 + 10 * t, 20, 40, 40] for t in range(LENGTH)], np.float32)

    def mask(self, frame: int) -> Any:
        return None if frame == 0 else mask(frame)


@pytest.fixture
def dataset(tmp_path: Path) -> SimpleNamespace:
    folder = tmp_path / 'frames' / 'a clip'
    folder.mkdir(parents=True)
    names = [f'a clip/{t:03d}.png' for t in range(LENGTH)]
    for name in names:
        cv2.imwrite(str(tmp_path / 'frames' / name), np.full((HEIGHT, WIDTH, 3), 100, np.uint8))
    video = SimpleNamespace(id=12, file_names=tuple(names), annotations=[FakeTrack()])
    return SimpleNamespace(
        videos=[video],
        classes=('cat',),
        has_annotations=True,
        image_path=lambda video, frame: tmp_path / 'frames' / video.file_names[frame],
    )


def result(length: int = LENGTH, video_id: int = 12) -> SimpleNamespace:
    frames = [
        SimpleNamespace(
            instance_ids=[2], labels=[0], scores=[0.8], bboxes=[[10 + 10 * t, 20, 50 + 10 * t, 60]], masks=[mask(t)]
        )
        for t in range(length)
    ]
    return SimpleNamespace(video_id=video_id, height=HEIGHT, width=WIDTH, length=length, frames=frames)


def has_colour(image: np.ndarray, identity: int) -> bool:
    return bool((np.abs(image.astype(int) - identity_colour(identity)).max(-1) < 30).sum() > 50)


def test_video_and_sheet_show_the_result_and_the_ground_truth(dataset: Any, tmp_path: Path) -> None:
    pictures = render_video_result(dataset, result(), tmp_path / 'out', columns=3)
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == ['12_a_clip.jpg', '12_a_clip.mp4']
    capture = cv2.VideoCapture(str(pictures.video))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == LENGTH
    frame = capture.read()[1][..., ::-1]
    assert frame.shape == (360, 640, 3)  # enlarged four times, so that labels can be read
    assert has_colour(frame, 2)
    sheet = cv2.imread(str(pictures.contact_sheet))[..., ::-1]
    half = sheet.shape[0] // 2
    assert has_colour(sheet[:half], 2) and not has_colour(sheet[:half], 5)
    assert has_colour(sheet[half:], 5) and not has_colour(sheet[half:], 2)


def test_without_ground_truth_the_sheet_has_one_row(dataset: Any, tmp_path: Path) -> None:
    both = render_video_result(dataset, result(), tmp_path / 'both')
    dataset.has_annotations = False
    alone = render_video_result(dataset, result(), tmp_path / 'alone')
    heights = [cv2.imread(str(p.contact_sheet)).shape[0] for p in (both, alone)]
    assert heights[0] > 1.7 * heights[1]


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        pytest.param(result(video_id=99), 'no video of that id', id='unknown video'),
        pytest.param(result(length=3), '3 frames, the data set 7', id='too few frames'),
    ],
)
def test_results_of_other_data_are_refused(dataset: Any, tmp_path: Path, wrong: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        render_video_result(dataset, wrong, tmp_path / 'out')


def test_a_missing_frame_is_named_and_leaves_no_video(dataset: Any, tmp_path: Path) -> None:
    dataset.image_path(dataset.videos[0], 4).unlink()
    with pytest.raises(DataError, match=r'004\.png.*video 12, frame 4'):
        render_video_result(dataset, result(), tmp_path / 'out')
    assert not list((tmp_path / 'out').iterdir())
