"""Write a file so that its name always holds something complete: the old content or the new one."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PARTIAL = '.partial'
LEFTOVER_AGE = 3600.0  # seconds without a write after which a partial file has lost its writer


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path in the folder of ``path``; what was written there takes its name when the block ends well.

    The folder is made where it is missing; file and folder are synced to disk around the rename. When the block raises,
    the temporary file is removed and ``path`` stays as it was.

    Raises:
        OSError: as the file system raises it; each room turns it into its own error.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f'.{path.name}.{secrets.token_hex(4)}{PARTIAL}'
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        if os.name == 'posix':  # other systems cannot open a folder
            _sync(path.parent)
    finally:
        with suppress(OSError):  # it is still there after a failure, or where it was a link to the file at ``path``
            temporary.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Replace the content of ``path``, whole or not at all; raises as :func:`replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Replace the content of ``path`` by UTF-8 text, whole or not at all; raises as :func:`replacing`."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, content: Any, indent: int | None = None) -> None:
    """Replace the content of ``path`` by JSON and a line end, whole or not at all; raises as :func:`replacing`."""
    write_text(path, json.dumps(content, indent=indent) + '\n')


def remove_leftovers(folder: Path) -> None:
    """Delete what killed processes left in ``folder`` over an hour ago."""
    for leftover in folder.glob(f'.*{PARTIAL}'):
        with suppress(OSError):  # another writer was quicker, or it is not ours to remove
            if time.time() - leftover.stat().st_mtime > LEFTOVER_AGE:
                leftover.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
