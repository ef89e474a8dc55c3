"""Tracks as label maps: one number per pixel, as DAVIS and YouTube-VOS want results."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from mmdet.errors import ConfigError, DataError
from mmdet.evaluation.davis import MAX_PROPOSALS
from mmdet.evaluation.files import atomic_file
from mmdet.evaluation.video_result import FrameTracks, VideoResult
from mmdet.ops.rle import decode_all
from mmdet.sequences.label_maps import MAX_OBJECT, encode_label_map, write_label_map

__all__ = ['as_proposals', 'frame_labels', 'result_labels', 'write_label_maps']


def frame_labels(
    tracks: FrameTracks, height: int, width: int, numbers: Mapping[int, int] | None = None, where: str = ''
) -> np.ndarray:
    """Label map (H, W) uint8 of one frame.

    Where masks overlap, the higher score has the pixel; of equal ones the lower number.

    Args:
        tracks: of the frame; negative identities are left out.
        height, width: of the frame.
        numbers: label by identity, others are left out; None takes the identities themselves.
        where: video and frame, put into messages.

    Raises:
        DataError: an identity that a pixel of 8 bits cannot hold.
    """
    labels = np.zeros((height, width), np.uint8)
    if numbers is None:
        rows = [row for row, identity in enumerate(tracks.instance_ids) if identity >= 0]
        values = tracks.instance_ids
    else:
        rows = [row for row, identity in enumerate(tracks.instance_ids) if identity in numbers]
        values = [numbers.get(identity, 0) for identity in tracks.instance_ids]
    if not rows:
        return labels
    wrong = next((values[row] for row in rows if not 1 <= values[row] <= MAX_OBJECT), None)
    if wrong is not None:
        raise DataError(f'{where}: object {wrong} cannot be written to a label map, which holds 1 to {MAX_OBJECT}')
    rows.sort(key=lambda row: (tracks.scores[row], -values[row]))
    for row, mask in zip(rows, decode_all(tracks.present_masks(rows, where), height, width)):
        labels[mask > 0] = values[row]
    return labels


def result_labels(result: VideoResult, numbers: Mapping[int, int] | None = None) -> Iterator[np.ndarray]:
    """Label maps (H, W) uint8 of all frames of a video, one at a time; arguments of :func:`frame_labels`."""
    for index, frame in enumerate(result.frames):
        where = f'result of video {result.video_id}, frame {index}'
        yield frame_labels(frame, result.height, result.width, numbers, where)


def as_proposals(result: VideoResult) -> dict[int, int]:
    """Numbers 1 to at most 20 of the tracks of a video, by falling sum of scores, for the unsupervised task."""
    total: dict[int, float] = {}
    for frame in result.frames:
        for identity, score in zip(frame.instance_ids, frame.scores):
            if identity >= 0:
                total[identity] = total.get(identity, 0.0) + score
    best = sorted(total, key=lambda identity: (-total[identity], identity))[:MAX_PROPOSALS]
    return {identity: number for number, identity in enumerate(best, 1)}


def write_label_maps(maps: Iterable[tuple[str, np.ndarray]], path: str | Path) -> Path:
    """Write label maps as PNG files with the palette of DAVIS, and give the path back.

    Args:
        maps: (path relative to the root of the results, labels (H, W) uint8).
        path: a folder, or an archive that ends in .zip.

    Raises:
        ConfigError: ``path`` asks for another kind of file.
        DataError: it cannot be written.
    """
    path = Path(path)
    if path.suffix in ('.json', '.pkl'):
        raise ConfigError(f'{path}: label maps are written to a folder or a .zip, not to a {path.suffix} file')
    if path.suffix != '.zip':
        for name, labels in maps:
            write_label_map(path / name, labels)
        return path
    with atomic_file(path) as file:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, 'w') as archive:  # PNG files do not get smaller
            for name, labels in maps:
                archive.writestr(zipfile.ZipInfo(name), encode_label_map(labels))
        file.write(buffer.getvalue())
    return path
