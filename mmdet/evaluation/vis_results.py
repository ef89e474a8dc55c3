"""From tracks to the result file of YouTube-VIS and OVIS servers, and back."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import numpy as np

from mmdet.errors import DataError
from mmdet.evaluation.files import atomic_file, parse_json
from mmdet.evaluation.video_result import VideoResult
from mmdet.ops import rle
from mmdet.structures import RLE

ARCHIVE_MEMBER = 'results.json'
MAX_RESULT_BYTES = 8 * 2**30
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same results give the same archive


def to_results(result: VideoResult, category_ids: Sequence[int], extras: bool = False) -> list[dict[str, Any]]:
    """Results of one video in server form, one per identity, by rising identity.

    The score is the mean over the frames in which the identity was given out, the category its most frequent label
    (the smaller label on a tie), as in the original MaskTrack R-CNN. Video and category ids are those of the annotation
    file. Where an identity comes twice in a frame the last row counts; rows with a negative identity are left out. A
    mask without pixels becomes null.

    Args:
        result: tracks of the video.
        category_ids: the file's id of every label.
        extras: add ``detections`` (box x1 y1 x2 y2 per frame or null) and ``cats`` (label per frame or null), which the
            OVIS tools write.

    Raises:
        DataError: a label has no category id.
    """
    rows: dict[int, dict[int, int]] = {}  # identity -> frame -> row
    for frame, tracks in enumerate(result.frames):
        for row, identity in enumerate(tracks.instance_ids):
            if identity >= 0:
                rows.setdefault(identity, {})[frame] = row
    return [_to_entry(result, category_ids, identity, rows[identity], extras) for identity in sorted(rows)]


def _to_entry(
    result: VideoResult, category_ids: Sequence[int], identity: int, rows: dict[int, int], extras: bool
) -> dict[str, Any]:
    labels = {frame: result.frames[frame].labels[row] for frame, row in rows.items()}
    wrong = [label for label in labels.values() if not 0 <= label < len(category_ids)]
    if wrong:
        raise DataError(
            f'result of video {result.video_id}, track {identity}: label {wrong[0]}, but the data set has '
            f'{len(category_ids)} classes. Does the model belong to this data set?'
        )
    values, votes = np.unique(list(labels.values()), return_counts=True)
    found = [result.frames[frame].masks[row] for frame, row in rows.items()]
    masks: list[RLE | None] = [None] * result.length
    for frame, mask, area in zip(rows, found, rle.area(found)):
        masks[frame] = mask if area else None
    entry: dict[str, Any] = {
        'video_id': result.video_id,
        'score': float(np.mean([result.frames[frame].scores[row] for frame, row in rows.items()])),
        'category_id': category_ids[int(values[votes.argmax()])],
        'segmentations': masks,
    }
    if extras:
        boxes = {frame: result.frames[frame].bboxes[row] for frame, row in rows.items()}
        entry['detections'] = [boxes.get(frame) for frame in range(result.length)]
        entry['cats'] = [labels.get(frame) for frame in range(result.length)]
    return entry


def result_path(out: str | Path) -> Path:
    """Where results go when the user asks for ``out``: ``r.json``, ``r.zip``, and ``r.pkl.json`` for ``r.pkl``.

    The original MaskTrack R-CNN asked for a ``.pkl`` name and wrote the JSON beside it; no pickle is ever written here.

    Raises:
        DataError: another ending.
    """
    path = Path(out)
    if path.suffix in ('.pkl', '.pickle'):
        return path.with_name(path.name + '.json')
    if path.suffix not in ('.json', '.zip'):
        raise DataError(f'{out}: results are written as .json, .zip or .pkl (gives .pkl.json), not {path.suffix!r}')
    return path


def write_results(entries: Iterable[dict[str, Any]], out: str | Path) -> Path:
    """Write result dicts to the file that ``out`` asks for (see :func:`result_path`), one in memory at a time.

    The file appears when it is complete; the same entries give the same bytes.

    Returns:
        The file that was written.

    Raises:
        DataError: the file cannot be written, or an entry holds a number that is not finite.
    """
    path = result_path(out)
    with atomic_file(path) as file:
        if path.suffix == '.json':
            _write_entries(entries, file)
        else:
            with zipfile.ZipFile(file, 'w') as archive:
                member = zipfile.ZipInfo(ARCHIVE_MEMBER, _ZIP_TIME)
                member.compress_type = zipfile.ZIP_DEFLATED
                member.external_attr = 0o644 << 16
                with archive.open(member, 'w', force_zip64=True) as stream:
                    _write_entries(entries, stream)
    return path


def _write_entries(entries: Iterable[dict[str, Any]], file: IO[bytes]) -> None:
    separator = b'['
    for entry in entries:
        try:
            text = json.dumps(entry, separators=(',', ':'), allow_nan=False)
        except ValueError as error:
            raise DataError(f'result of video {entry.get("video_id")} cannot be written: {error}') from error
        file.write(separator + text.encode())
        separator = b',\n'
    file.write(b'[]' if separator == b'[' else b']')


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
