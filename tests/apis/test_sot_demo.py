"""The command that follows what is marked."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from mmdet.apis import inferencer, select
from mmdet.apis.source import open_source
from mmdet.errors import PromptError, VideoSourceError
from mmdet.evaluation.video_result import VideoResult
from mmdet.registry import MODELS, register_all

Make = Callable[..., Any]


@pytest.fixture
def sot_demo(repo_root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location('sot_demo', repo_root / 'demo' / 'sot_demo.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def any_config(monkeypatch: pytest.MonkeyPatch, reduced_config: Make, tmp_path: Path) -> None:
    register_all()
    torch.manual_seed(0)
    model = MODELS.build(reduced_config('siammask_base_r50_davis', tmp_path).model).eval()
    monkeypatch.setattr(inferencer, 'init_model', lambda *args: model)


@pytest.mark.usefixtures('any_config')
def test_two_boxes_become_an_overlay_and_a_file(
    tmp_path: Path, sot_demo: ModuleType, frames: Make, write_video: Make, capsys: pytest.CaptureFixture
) -> None:
    video, out, table = write_video(tmp_path / 'in.avi', frames(5)), tmp_path / 'out.mp4', tmp_path / 'out.json'
    boxes = ['--init-box', '2,2,10,8', '--init-box', '30,20,12,9.5']
    assert sot_demo.main([str(video), 'c.py', *boxes, '--out', str(out), '--json', str(table)]) == 0
    assert f'wrote {out}' in capsys.readouterr().out
    assert int(cv2.VideoCapture(str(out)).get(cv2.CAP_PROP_FRAME_COUNT)) == 5
    document = json.loads(table.read_text())
    result = VideoResult.from_json(json.dumps(document['video']).encode())
    first = result.frames[0]
    assert document['classes'] == ['object'] and result.length == 5
    assert first.instance_ids == [0, 1] and first.bboxes == [[2, 2, 12, 10], [30, 20, 42, 29.5]]
    assert first.lost == [False, False] and first.rotated_boxes is not None
    assert first.rotated_boxes[0] == [[2, 2], [12, 2], [12, 10], [2, 10]]
    assert all(len(frame) == 2 for frame in result.frames)


@pytest.mark.usefixtures('any_config')
def test_a_box_over_the_border_in_a_later_frame(
    tmp_path: Path, sot_demo: ModuleType, frames: Make, write_video: Make
) -> None:
    video, table = write_video(tmp_path / 'in.avi', frames(4)), tmp_path / 'out.json'
    marks = ['--init-box', '-2,2,10,8', '--init-box=-1.5,2,10,8', '--init-frame', '2']
    assert sot_demo.main([str(video), 'c.py', *marks, '--json', str(table)]) == 0
    result = VideoResult.from_json(json.dumps(json.loads(table.read_text())['video']).encode())
    assert [len(frame) for frame in result.frames] == [0, 0, 2, 2]
    assert result.frames[2].bboxes == [[-2, 2, 8, 10], [-1.5, 2, 8.5, 10]]


@pytest.mark.usefixtures('any_config')
@pytest.mark.parametrize(
    ('box', 'match'),
    [('100,5,10,10', 'outside the frame of 64 x 48'), ('5,5,0,10', 'no area'), ('-900,-900,2000,2000', '4 times')],
    ids=['outside', 'empty', 'huge'],
)
def test_boxes_that_cannot_be_followed(
    tmp_path: Path, sot_demo: ModuleType, frames: Make, write_video: Make, box: str, match: str
) -> None:
    video = write_video(tmp_path / 'in.avi', frames(2))
    with pytest.raises(PromptError, match=match):
        sot_demo.main([str(video), 'c.py', '--init-box', box, '--json', str(tmp_path / 'j.json')])
    assert not (tmp_path / 'j.json').exists()


@pytest.mark.parametrize(
    'arguments',
    [
        ['v.mp4', 'c.py', '--out', 'o.mp4'],
        ['v.mp4', 'c.py', '--init-box', '1,2,3', '--out', 'o.mp4'],
        ['v.mp4', 'c.py', '--init-box', '1,2,3,nan', '--out', 'o.mp4'],
        ['v.mp4', 'c.py', '--init-box', '1,2,3,4', '--select', '--out', 'o.mp4'],
        ['v.mp4', 'c.py', '--init-box', '1,2,3,4'],
    ],
    ids=['nothing marked', 'three numbers', 'not finite', 'two ways', 'nothing to do'],
)
def test_wrong_usage_is_exit_code_2(sot_demo: ModuleType, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        sot_demo.main(arguments)
    assert stopped.value.code == 2


def test_selecting_needs_a_display(
    sot_demo: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr('mmdet.visualization.window.why_no_window', lambda: 'there is no display')
    assert sot_demo.main(['v.mp4', 'c.py', '--select', '--out', 'o.mp4']) == 1
    assert '--select is not possible: there is no display; give --init-box instead' in capsys.readouterr().err


@pytest.mark.parametrize(('drawn', 'boxes'), [([[3, 4, 10, 12], [1, 1, 5, 5]], 2), ([], 0)])
def test_boxes_are_drawn_in_a_window(
    monkeypatch: pytest.MonkeyPatch, frames: Make, tmp_path: Path, write_folder: Make, drawn: list, boxes: int
) -> None:
    source = open_source(str(write_folder(tmp_path / 'clip', frames(3))))
    with pytest.raises(VideoSourceError, match='no display'):
        monkeypatch.setattr(select, 'why_no_window', lambda: 'no display')
        select.select_boxes(source)
    monkeypatch.setattr(select, 'why_no_window', lambda: None)
    monkeypatch.setattr(cv2, 'selectROIs', lambda *args, **options: np.array(drawn))
    monkeypatch.setattr(cv2, 'destroyWindow', lambda title: None)
    if not boxes:
        with pytest.raises(PromptError, match='nothing was drawn'):
            select.select_boxes(source)
        return
    assert select.select_boxes(source, 2) == [(3, 4, 10, 12), (1, 1, 5, 5)]
    for frame in (9, -1):
        with pytest.raises(PromptError, match=f'no frame {frame}'):
            select.select_boxes(source, frame)
