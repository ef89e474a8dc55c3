"""Write a file so that its name always holds something complete: the old content or the new one."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = '.partial'
LEFTOVER_AGE = 3600.0  # seconds without a write after which a partial file has lost its writer


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the folder of ``path``; what was written there takes its name when the block ends well.

    File and folder are synced to disk around the rename. When the block raises, the temporary file is removed and
    ``path`` stays as it was. What a killed process left behind is removed an hour later by the next writer.

    Raises:
        OSError: as the file system raises it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path.parent)
    temporary = path.parent / f'.{path.name}.{secrets.token_hex(4)}{PARTIAL}'
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == 'posix':  # other systems cannot open a folder
        _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_leftovers(folder: Path) -> None:
    for leftover in folder.glob(f'.*{PARTIAL}'):
        try:
            if time.time() - leftover.stat().st_mtime > LEFTOVER_AGE:
                leftover.unlink()
        except OSError:  # another writer was quicker, or it is not ours to remove
            continue
