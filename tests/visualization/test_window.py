from __future__ import annotations

import sys

import cv2
import pytest

from mmdet.errors import VideoSourceError
from mmdet.visualization.window import Window, why_no_window


@pytest.fixture
def on_linux(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(sys, 'platform', 'linux')
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    return monkeypatch


def test_without_a_display_there_is_a_message_and_no_crash(on_linux: pytest.MonkeyPatch) -> None:
    with pytest.raises(VideoSourceError, match=r'no display.*--out'):
        Window('tracks')


@pytest.mark.parametrize(
    ('build', 'expected'),
    [
        pytest.param('  GUI:                           NONE\n', 'opencv-python-headless', id='headless OpenCV'),
        pytest.param('  GUI:                           QT5\n', None, id='OpenCV with windows'),
    ],
)
def test_opencv_without_windows_is_named(on_linux: pytest.MonkeyPatch, build: str, expected: str | None) -> None:
    on_linux.setenv('DISPLAY', ':0')
    on_linux.setattr(cv2, 'getBuildInformation', lambda: build)
    reason = why_no_window()
    assert reason is None if expected is None else expected in str(reason)
