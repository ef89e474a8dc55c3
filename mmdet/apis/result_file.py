"""Writes the tracks of a stream to a JSON file while it runs, in constant memory."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from mmdet.apis.frame_source import FrameSource
from mmdet.evaluation.files import atomic_file
from mmdet.evaluation.video_result import tracks_of
from mmdet.structures import FrameSample

__all__ = ['StreamResultFile']


class StreamResultFile:
    """One JSON document, ``{"classes", "fps", "source", "video"}``; ``video`` has the form of ``VideoResult``.

    The file appears under its name when the context ends; an exception leaves none.

    Args:
        path: of the file.
        source: whose frames these are.
        classes: names of the labels, None where they are not known.

    Raises:
        DataError: the file cannot be written.
    """

    def __init__(self, path: str | Path, source: FrameSource, classes: tuple[str, ...] | None) -> None:
        self.source = source
        self._names: list[str] = []
        self._stack = ExitStack()
        self._file = self._stack.enter_context(atomic_file(path))
        head = {'classes': list(classes) if classes else None, 'fps': source.fps, 'source': source.name}
        self._file.write(_encoded(head)[:-1] + b',"video":{"frames":[')

    def write(self, sample: FrameSample) -> None:
        """Append the result of the next frame."""
        separator = b',\n' if self._names else b'\n'
        self._file.write(separator + _encoded(tracks_of(sample).to_dict()))
        self._names.append(str(sample.get('img_path', '')))

    def __enter__(self) -> StreamResultFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            height, width = self.source.size
            tail = {'height': height, 'width': width, 'length': len(self._names), 'video_id': 1}
            self._file.write(b'\n],' + _encoded({**tail, 'file_names': self._names})[1:] + b'}\n')
        self._stack.__exit__(kind, error, trace)


def _encoded(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(',', ':'), sort_keys=True, allow_nan=False).encode()
