"""Shows frames in a window, where there is a display and an OpenCV that can open one."""

from __future__ import annotations

import os
import re
import sys

import cv2
import numpy as np

from mmdet.errors import VideoSourceError

__all__ = ['Window', 'why_no_window']

_STOP_KEYS = (27, ord('q'))  # Escape


def why_no_window() -> str | None:
    """The reason why no window can be shown here, or None.

    Asked before OpenCV is: without a display its Qt ends the whole process.
    """
    if sys.platform.startswith('linux') and not (os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')):
        return 'there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)'
    gui = re.search(r'^\s*GUI:\s*(\S+)', cv2.getBuildInformation(), re.MULTILINE)
    if gui is None or gui.group(1) == 'NONE':
        return 'this OpenCV has no windows: replace opencv-python-headless by opencv-python'
    return None


class Window:
    """A window that the user can close with q, Escape or its button.

    Raises:
        VideoSourceError: there is no display, or OpenCV cannot open windows.
    """

    def __init__(self, title: str) -> None:
        reason = why_no_window()
        if reason is not None:
            raise VideoSourceError(f'cannot show a window: {reason}. Write a file with --out instead')
        self.title = title
        cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)

    def show(self, frame: np.ndarray) -> bool:
        """Show (H, W, 3) uint8 RGB; False once the user wants to stop."""
        cv2.imshow(self.title, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        stop = cv2.waitKey(1) & 0xFF in _STOP_KEYS
        return not stop and cv2.getWindowProperty(self.title, cv2.WND_PROP_VISIBLE) >= 1

    def close(self) -> None:
        """Close the window."""
        cv2.destroyWindow(self.title)
