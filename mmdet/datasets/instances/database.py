"""Writes an instance database: a picture per instance and frame, and one JSON file that lists the tracks.

A picture is the instance's enlarged box as PNG with four channels. The fourth says whose a pixel is (``ALPHA``), so
that the file alone holds all that points are drawn from; in a viewer it makes the instance stand out.

Layout: ``database.json``, ``videos/<video>.json`` (what is known of a finished video; an interrupted run goes on after
the last one) and ``crops/<video>/<identity>_<frame>.png``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from tqdm import tqdm

from mmdet.datasets.instances.sources import AnnotatedFrame, SourceVideo
from mmdet.errors import DataError
from mmdet.files import write_json
from mmdet.geometry import CONTEXT_ENLARGEMENT, enlarge_boxes

INDEX = 'database.json'
FORMAT = 1
ALPHA = {'own': 255, 'same class': 128, 'other class': 64, 'background': 0}


def write_database(
    folder: str | Path, videos: Sequence[SourceVideo], classes: Sequence[str], *, progress: bool = True
) -> Path:
    """Write every instance of every frame.

    Videos that an earlier run finished are not read again; the result is the same as of one run.

    Args:
        folder: of the database.
        videos: what to read.
        classes: names by label.
        progress: show a bar with the remaining time.

    Returns:
        The index file.

    Raises:
        DataError: a source cannot be read, the folder cannot be written, or it holds a database of other classes.
    """
    folder = Path(folder)
    _check_folder(folder, classes)
    records = []
    try:
        with tqdm(total=sum(video.length for video in videos), unit='frame', disable=not progress) as bar:
            for video in videos:
                records.append(_finished(folder, video) or _write_video(folder, video, bar))
                bar.n = sum(record['length'] for record in records)
                bar.refresh()
        tracks = [track for record in records for track in record['tracks']]
        write_json(folder / INDEX, {'format': FORMAT, 'classes': list(classes), 'tracks': tracks})
    except OSError as error:
        raise DataError(f'{folder} cannot be written: {error.strerror}') from error
    return folder / INDEX


def _check_folder(folder: Path, classes: Sequence[str]) -> None:
    mark = folder / 'classes.json'
    if not mark.exists():
        write_json(mark, list(classes))
        return
    theirs = json.loads(mark.read_text())
    if theirs != list(classes):
        raise DataError(
            f'{folder} holds instances of the classes {", ".join(theirs)}, not {", ".join(classes)}; choose another '
            'folder'
        )


def _finished(folder: Path, video: SourceVideo) -> dict[str, Any] | None:
    """The record of a video that is written already; None where it is not, or where crops of it were lost."""
    path = folder / 'videos' / f'{video.name}.json'
    if not path.exists():
        return None
    record = json.loads(path.read_text())
    if record['length'] != video.length:
        raise DataError(
            f'{path}: this video had {record["length"]} frames and has {video.length} now; choose another folder'
        )
    if record.get('state', video.state) != video.state:
        raise DataError(f'{path}: the annotations of this video have changed since; choose another folder')
    complete = all((folder / crop['file']).is_file() for track in record['tracks'] for crop in track['crops'])
    return record if complete else None


def _write_video(folder: Path, video: SourceVideo, bar: tqdm) -> dict[str, Any]:
    tracks: dict[int, dict[str, Any]] = {}
    for index in range(video.length):
        frame = video.read(index)
        for row, (identity, window) in enumerate(zip(frame.ids.tolist(), windows_of(frame.masks))):
            if window is None:
                continue  # nothing of it is visible
            file = f'crops/{video.name}/{identity}_{index:06d}.png'
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(_encoded(crop_of(frame, row, window)))  # counts once the record is written
            track = tracks.setdefault(
                identity, {'video': video.name, 'id': identity, 'label': int(frame.labels[row]), 'crops': []}
            )
            height, width = frame.image.shape[:2]
            track['crops'].append({'frame': index, 'file': file, 'window': [window[0], window[1], width, height]})
        bar.update()
    record = {'length': video.length, 'state': video.state, 'tracks': [tracks[identity] for identity in sorted(tracks)]}
    write_json(folder / 'videos' / f'{video.name}.json', record)
    return record


def windows_of(masks: np.ndarray) -> list[tuple[int, int, int, int] | None]:
    """x1 y1 x2 y2 of the enlarged box around each of (N, H, W) masks; None for an empty one."""
    height, width = masks.shape[1:]
    windows: list[tuple[int, int, int, int] | None] = []
    for mask in masks:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if not len(rows):
            windows.append(None)
            continue
        box = torch.tensor([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]])
        x1, y1, x2, y2 = enlarge_boxes(box, CONTEXT_ENLARGEMENT, (height, width))[0].tolist()
        windows.append((x1, y1, x2, y2))
    return windows


def crop_of(frame: AnnotatedFrame, row: int, window: tuple[int, int, int, int]) -> np.ndarray:
    """(h, w, 4) uint8 RGB and ownership of the window of instance ``row``."""
    x1, y1, x2, y2 = window
    masks = frame.masks[:, y1:y2, x1:x2]
    same = frame.labels == frame.labels[row]
    owner = np.full(masks.shape[1:], ALPHA['background'], np.uint8)
    owner[masks[~same].any(0)] = ALPHA['other class']
    owner[masks[same].any(0)] = ALPHA['same class']
    owner[masks[row]] = ALPHA['own']
    return np.dstack([frame.image[y1:y2, x1:x2], owner])


def _encoded(crop: np.ndarray) -> bytes:
    return cv2.imencode('.png', cv2.cvtColor(crop, cv2.COLOR_RGBA2BGRA))[1].tobytes()
