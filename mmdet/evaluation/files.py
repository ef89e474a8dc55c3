"""Reading and writing files of results so that a crash or a bad file never goes unnoticed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mmdet.errors import DataError
from mmdet.files import replacing


def read_json(path: str | Path, what: str) -> Any:
    """Content of a JSON file; ``what`` says in messages what the file should be.

    Raises:
        DataError: missing, unreadable or not JSON.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f'{path}: cannot read the {what} file: {error.strerror}') from error
    return parse_json(data, str(path), what)


def parse_json(data: bytes, source: str, what: str) -> Any:
    """Content of JSON text.

    Raises:
        DataError: not JSON; the message names ``source`` and the place in the text.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f'{source}: the {what} file is not JSON or was cut off: {error}') from error


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
