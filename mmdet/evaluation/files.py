"""Reading and writing files of results so that a crash or a bad file never goes unnoticed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mmdet.errors import DataError
from mmdet.files import replacing
from mmdet.formats.json_file import parse_json, read_json

__all__ = ['atomic_file', 'parse_json', 'read_json']


@contextmanager
def atomic_file(path: str | Path) -> Iterator[IO[bytes]]:
    """Write a file that appears under its name only when complete (:func:`mmdet.files.replacing`).

    Raises:
        DataError: the folder cannot be written or the disk is full; no partial file stays.
    """
    try:
        with replacing(path) as temporary, open(temporary, 'xb') as file:
            yield file
    except OSError as error:
        raise DataError(f'{path}: cannot write: {error.strerror}. Free space or choose another folder.') from error
