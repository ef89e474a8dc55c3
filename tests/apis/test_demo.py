from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from mmdet.apis import VideoInferencer, inferencer
from mmdet.apis.demo import DemoOptions, show_stream
from mmdet.apis.source import open_source
from mmdet.errors import VideoSourceError
from mmdet.evaluation.video_result import VideoResult
from mmdet.visualization.colours import identity_colour

Make = Callable[..., Any]


def read_video(path: Path) -> list[np.ndarray]:
    capture, images = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        images.append(read[1][..., ::-1])
    return images


def video_result(path: Path) -> VideoResult:
    return VideoResult.from_json(json.dumps(json.loads(path.read_text())['video']).encode())


def test_overlay_and_tracks_of_every_frame(tmp_path: Path, square_model: Make, frames: Make, boxes: Make) -> None:
    options = DemoOptions(str(tmp_path / 'v.mp4'), str(tmp_path / 'v.json'))
    interrupted = show_stream(VideoInferencer(square_model(delay=3)), open_source(frames(9)), options)
    assert not interrupted
    images = read_video(tmp_path / 'v.mp4')
    assert len(images) == 9
    assert images[0].shape == (384, 512, 3)  # 48 x 64, enlarged until it can be read
    x1, y1, x2, y2 = (8 * v for v in boxes(9)[5])
    inside = images[5][y1 + 16 : y2 - 16, x1 + 16 : x2 - 16]
    expected = 0.45 * np.array(identity_colour(4)) + 0.55 * np.array([250, 60, 60])
    assert np.abs(np.median(inside, axis=(0, 1)) - expected).max() < 15
    document = json.loads((tmp_path / 'v.json').read_text())
    assert (document['classes'], document['fps'], document['source']) == (['square'], 25.0, 'frames')
    result = video_result(tmp_path / 'v.json')
    assert (result.length, result.height, result.width) == (9, 48, 64)
    assert [frame.bboxes[0] for frame in result.frames] == boxes(9)
    assert result.file_names[3] == 'frames#3'


@pytest.mark.parametrize(
    ('options', 'coloured'),
    [
        pytest.param(DemoOptions(score_thr=0.95), False, id='nothing reaches the score'),
        pytest.param(DemoOptions(score_thr=0.85, trails=5), True, id='with trails'),
    ],
)
def test_options_change_the_picture(
    tmp_path: Path, square_model: Make, frames: Make, options: DemoOptions, coloured: bool
) -> None:
    options = DemoOptions(str(tmp_path / 'out'), score_thr=options.score_thr, trails=options.trails)
    show_stream(VideoInferencer(square_model()), open_source(frames(4)), options)
    image = cv2.imread(str(tmp_path / 'out' / '000003.jpg'))[..., ::-1].astype(int)
    assert (np.abs(image - identity_colour(4)).max(-1) < 40).any() == coloured


def broken_after(frames: list[np.ndarray], event: Callable[[], Any]) -> Iterator[np.ndarray]:
    yield from frames
    event()


def fail() -> None:
    raise VideoSourceError('the cable came off')


def test_a_source_that_breaks_off_loses_nothing(tmp_path: Path, square_model: Make, frames: Make) -> None:
    options = DemoOptions(str(tmp_path / 'v.mp4'), str(tmp_path / 'v.json'))
    with pytest.raises(VideoSourceError, match=r'cable came off. The 7 frames before are in .*v.mp4 and .*v.json'):
        show_stream(VideoInferencer(square_model()), open_source(broken_after(frames(7), fail)), options)
    assert len(read_video(tmp_path / 'v.mp4')) == 7
    assert video_result(tmp_path / 'v.json').length == 7


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_between_two_frames(
    tmp_path: Path, square_model: Make, frames: Make, number: signal.Signals
) -> None:
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    model, options = square_model(), DemoOptions(str(tmp_path / 'v.mp4'), str(tmp_path / 'v.json'))
    model.work = lambda samples: os.kill(os.getpid(), number) if samples[0].frame_id == 20 else None
    endless = (frames(1)[0] for _ in iter(int, 1))
    assert show_stream(VideoInferencer(model, chunk=1), open_source(endless), options)
    count = len(read_video(tmp_path / 'v.mp4'))
    assert 10 <= count <= 30
    assert video_result(tmp_path / 'v.json').length == count
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_an_output_that_fails_leaves_nothing(
    tmp_path: Path, square_model: Make, frames: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2, 'imwrite', lambda *args: False)
    options = DemoOptions(str(tmp_path / 'out'), str(tmp_path / 'v.json'))
    with pytest.raises(VideoSourceError, match='disk full'):
        show_stream(VideoInferencer(square_model()), open_source(frames(4)), options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('speed', [False, True])
def test_speed_is_written_into_the_corner(tmp_path: Path, square_model: Make, frames: Make, speed: bool) -> None:
    options = DemoOptions(str(tmp_path / 'out'), speed=speed)
    show_stream(VideoInferencer(square_model()), open_source(frames(8)), options)
    corner = cv2.imread(str(tmp_path / 'out' / '000007.jpg'))[4:14, 60:100]
    assert (corner.max() > 200) == speed  # white letters; the frame is dark there


@pytest.fixture
def mot_demo(repo_root: Path) -> ModuleType:
    import importlib.util

    spec = importlib.util.spec_from_file_location('mot_demo', repo_root / 'demo' / 'mot_demo.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def any_config(square_model: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inferencer, 'init_model', lambda *args: square_model())


@pytest.mark.usefixtures('any_config')
def test_the_command_tells_what_it_did(
    tmp_path: Path, mot_demo: ModuleType, frames: Make, write_video: Make, capsys: pytest.CaptureFixture
) -> None:
    video, out, table = write_video(tmp_path / 'in.avi', frames(9)), tmp_path / 'out.mp4', tmp_path / 'out.json'
    code = mot_demo.main([str(video), 'c.py', '--out', str(out), '--json', str(table), '--max_frames', '6'])
    printed = capsys.readouterr()
    assert code == 0
    assert '6 frames in' in printed.out and 'frames/s, latency' in printed.out
    assert f'wrote {out}' in printed.out and '6/6' in printed.err
    assert len(read_video(out)) == 6 == video_result(table).length
    assert cv2.VideoCapture(str(out)).get(cv2.CAP_PROP_FPS) == 10


@pytest.mark.usefixtures('any_config')
@pytest.mark.parametrize(('extra', 'code'), [([], 1), (['--out', 'out.mp4'], 0)])
def test_show_without_a_display_is_told(
    tmp_path: Path,
    mot_demo: ModuleType,
    frames: Make,
    write_video: Make,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    extra: list[str],
    code: int,
) -> None:
    monkeypatch.setattr('mmdet.visualization.window.why_no_window', lambda: 'there is no display')
    monkeypatch.chdir(tmp_path)
    video = write_video(tmp_path / 'in.avi', frames(3))
    assert mot_demo.main([str(video), 'c.py', '--show', *extra]) == code
    assert '--show is not possible: there is no display' in capsys.readouterr().err


@pytest.mark.parametrize(
    'arguments',
    [
        pytest.param(['v.mp4', 'c.py'], id='nothing to do'),
        pytest.param(['v.mp4'], id='no config'),
        pytest.param(['v.mp4', 'c.py', '--oot', 'v.mp4'], id='misspelt option'),
    ],
)
def test_wrong_usage_is_exit_code_2(mot_demo: ModuleType, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        mot_demo.main(arguments)
    assert stopped.value.code == 2


def test_a_missing_camera_is_an_error_before_the_model_is_built(mot_demo: ModuleType) -> None:
    with pytest.raises(VideoSourceError, match='camera 99 is not there'):
        mot_demo.main(['99', 'no_config.py', '--out', 'never.mp4'])
