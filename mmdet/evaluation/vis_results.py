"""From tracks to the result file of YouTube-VIS and OVIS servers, and back."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from mmdet.errors import DataError
from mmdet.evaluation.files import atomic_file
from mmdet.evaluation.video_result import VideoResult
from mmdet.formats.ytvis_results import ARCHIVE_MEMBER, archive_problems, load_results
from mmdet.ops import rle
from mmdet.structures import RLE

__all__ = ['archive_problems', 'load_results', 'result_path', 'to_results', 'write_results']

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
    where = f'result of video {result.video_id}'
    found = [mask for frame, row in rows.items() for mask in result.frames[frame].present_masks([row], where)]
    values, votes = np.unique(list(labels.values()), return_counts=True)
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
