"""The result file of YouTube-VIS and OVIS servers, as JSON or in a zip archive: one dict per track."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any, cast

from mmdet.errors import DataError
from mmdet.formats.json_file import parse_json

__all__ = ['ARCHIVE_MEMBER', 'archive_problems', 'load_results']

ARCHIVE_MEMBER = 'results.json'
MAX_RESULT_BYTES = 8 * 2**30


def load_results(path: str | Path) -> list[dict[str, Any]]:
    """Results from a JSON file or from the one JSON file in a zip archive. Nothing is unpacked to disk.

    Raises:
        DataError: missing, damaged, an archive with unsafe or unexpected members, or not a list of dicts.
    """
    path = Path(path)
    try:
        if zipfile.is_zipfile(path):
            data, source = _read_archive(path)
        elif path.suffix == '.zip':
            raise DataError(f'{path}: is not a zip archive or was cut off')
        else:
            data, source = path.read_bytes(), str(path)
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise DataError(f'{path}: cannot read the results: {error}') from error
    if data[:1] == b'\x80' or path.suffix in ('.pkl', '.pickle'):
        raise DataError(f'{path}: is a pickle, which can run code when read; give the JSON or zip file of the results')
    content = parse_json(data, source, 'result')
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise DataError(f'{source}: results must be a list of dicts, one per track')
    return cast(list[dict[str, Any]], content)


def archive_problems(archive: zipfile.ZipFile) -> list[str]:
    """What a server would refuse in an archive: unsafe members, other members, or a wrong name."""
    problems = []
    members = [info for info in archive.infolist() if not info.is_dir()]
    for info in members:
        name = PurePosixPath(info.filename.replace('\\', '/'))
        if name.is_absolute() or '..' in name.parts or ':' in name.parts[0]:
            problems.append(f'member {info.filename!r} points outside the archive')
        elif info.flag_bits & 0x1:
            problems.append(f'member {info.filename!r} is encrypted')
        elif (info.external_attr >> 16) & 0o170000 == 0o120000:
            problems.append(f'member {info.filename!r} is a link')
        elif info.file_size > MAX_RESULT_BYTES:
            problems.append(f'member {info.filename!r} would unpack to {info.file_size} bytes')
    names = [info.filename for info in members]
    if names != [ARCHIVE_MEMBER]:
        held = ', '.join(names[:5]) or 'nothing'
        problems.append(f'must hold exactly {ARCHIVE_MEMBER} at its top level, holds {held}')
    return problems


def _read_archive(path: Path) -> tuple[bytes, str]:
    with zipfile.ZipFile(path) as archive:
        problems = archive_problems(archive)
        if problems:
            raise DataError(f'{path}: {"; ".join(problems)}')
        with archive.open(ARCHIVE_MEMBER) as stream:
            data = stream.read(MAX_RESULT_BYTES + 1)
    if len(data) > MAX_RESULT_BYTES:
        raise DataError(f'{path}: {ARCHIVE_MEMBER} unpacks to more than {MAX_RESULT_BYTES} bytes')
    return data, f'{path}:{ARCHIVE_MEMBER}'
