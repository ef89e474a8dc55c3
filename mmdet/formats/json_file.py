"""Reading JSON so that a damaged file is told from a missing one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmdet.errors import DataError

__all__ = ['parse_json', 'read_json']


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
