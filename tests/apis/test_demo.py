from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest
import torch

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


@pytest.fixture
def foreseeing(square_model: Make, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The model of any config; it expects the square to go on to the right, by two pixels a frame."""

    class Session(type(square_model().start_video())):  # type: ignore[misc]
        forecast = 0

        def _track(self, *arguments: Any) -> Any:
            result = super()._track(*arguments)
            moves = 2.0 * torch.arange(1, self.forecast + 1)[:, None] * torch.tensor([1.0, 0, 1, 0])
            if self.forecast:
                result.pred_tracks.forecasts = result.pred_tracks.bboxes[:, None] + moves
            return result

    model = square_model()
    model.start_video = lambda: Session(model)
    monkeypatch.setattr(inferencer, 'init_model', lambda *args: model)
    return model


def drawn_by(mot_demo: ModuleType, video: Path, folder: Path, *options: str) -> np.ndarray:
    """Last picture of six that the command writes."""
    assert mot_demo.main([str(video), 'c.py', '--out', str(folder), '--no-speed', *options]) == 0
    return cv2.imread(str(folder / '000005.jpg')).astype(int)


@pytest.mark.parametrize(('option', 'ahead'), [('--future', True), ('--trails', False)])
@pytest.mark.usefixtures('foreseeing')
def test_what_the_options_of_the_command_draw(
    tmp_path: Path, mot_demo: ModuleType, frames: Make, boxes: Make, write_video: Make, option: str, ahead: bool
) -> None:
    video, off = write_video(tmp_path / 'in.avi', frames(6)), dict.fromkeys(('--future', '--trails'), '0')
    plain = drawn_by(mot_demo, video, tmp_path / 'plain', *(text for pair in off.items() for text in pair))
    with_it = {**off, option: '8'}
    drawn = drawn_by(mot_demo, video, tmp_path / 'drawn', *(text for pair in with_it.items() for text in pair))
    x1, _, x2, _ = boxes(6)[-1]
    changed = np.nonzero(np.abs(drawn - plain).max(-1) > 60)[1] / 8  # pixels of the frame
    assert len(changed) > 20
    if ahead:
        assert changed.min() > x1 and changed.max() > x2 + 4
    else:
        assert changed.max() < x2 and changed.min() < x1


def test_live_drops_frames_of_a_file(
    tmp_path: Path, mot_demo: ModuleType, frames: Make, write_video: Make, foreseeing: Any, capsys: Any
) -> None:
    foreseeing.work = lambda samples: time.sleep(0.15)
    video, table = write_video(tmp_path / 'in.avi', frames(12), fps=30), tmp_path / 'out.json'
    assert mot_demo.main([str(video), 'c.py', '--live', '--json', str(table)]) == 0
    assert 'frames dropped' in capsys.readouterr().out
    names = video_result(table).file_names
    assert len(names) < 12
    numbers = [int(name.split('#')[1]) for name in names]
    assert numbers[-1] == 11 and numbers == sorted(set(numbers))  # the newest wins
    assert all(len(chunk) == 1 for chunk in foreseeing.chunks)


class Camera:
    """What OpenCV gives for camera 0: frames one after the other, until it is unplugged."""

    pictures: ClassVar[list[np.ndarray]] = []
    released = 0

    def __init__(self, target: int) -> None:
        assert target == 0
        self.waiting = list(self.pictures)

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, np.ndarray | None]:
        time.sleep(0.02)
        return (True, self.waiting.pop(0)[..., ::-1]) if self.waiting else (False, None)

    def get(self, what: int) -> float:
        return {cv2.CAP_PROP_FRAME_COUNT: -1.0, cv2.CAP_PROP_FPS: 50.0}[what]

    def release(self) -> None:
        Camera.released += 1


@pytest.mark.usefixtures('foreseeing')
@pytest.mark.parametrize('unplugged', [False, True])
def test_a_camera(
    tmp_path: Path, mot_demo: ModuleType, frames: Make, monkeypatch: pytest.MonkeyPatch, unplugged: bool
) -> None:
    monkeypatch.setattr(Camera, 'pictures', frames(6 if unplugged else 100))
    monkeypatch.setattr(Camera, 'released', 0)
    monkeypatch.setattr(cv2, 'VideoCapture', Camera)
    table = tmp_path / 'out.json'
    arguments = ['0', 'c.py', '--json', str(table), '--out', str(tmp_path / 'out'), '--max-frames', '10']
    if unplugged:
        with pytest.raises(VideoSourceError, match='stopped delivering after 6 frames'):
            mot_demo.main(arguments)
    else:
        assert mot_demo.main(arguments) == 0
    result = video_result(table)
    assert 1 <= result.length <= (6 if unplugged else 10)
    assert len(list((tmp_path / 'out').iterdir())) == result.length
    assert Camera.released == 1
    document = json.loads(table.read_text())
    assert document['fps'] == 50


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
