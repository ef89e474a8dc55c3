"""Writes the square around every object of a data set, so that training reads small files instead of whole frames.

The layout is that of :mod:`mmdet.datasets.siam.crop_folder`. The bytes depend on data set and options alone.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shutil import rmtree
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mmdet.datasets.annotations import VideoInfo
from mmdet.datasets.base import VideoDataset
from mmdet.datasets.image_file import check_size, read_image
from mmdet.datasets.siam.crop_folder import crop_path, facts_path, mask_path
from mmdet.datasets.siam.crop_space import CROP_SIZE, CropView
from mmdet.datasets.siam.objects import object_slots, slot_view
from mmdet.errors import ConfigError, DataError
from mmdet.files import write_bytes, write_json

__all__ = ['write_crops']

FORMAT = 1  # raise it with every change that alters a file
PARTS = '.parts'


@dataclass(frozen=True)
class _Video:
    """What there is to do for one video."""

    position: int
    name: str
    rows: NDArray[np.int64]  # of the annotation table
    slots: NDArray[np.int64]


def write_crops(
    dataset: VideoDataset,
    out: str | Path,
    subset: str,
    min_area: float = 0,
    workers: int = 1,
    quality: int = 95,
    progress: bool = True,
) -> Path:
    """Write all squares of a data set and their index; the index's path.

    An interrupted run goes on where it was; a finished set is left alone. Tracks are numbered within their video, in
    the order of the annotation file. Crowds are left out.

    Args:
        dataset: any video data set in training mode.
        out: folder of the squares; several subsets may share it.
        subset: name of index and folder.
        min_area: objects of fewer pixels in a frame are left out there.
        workers: threads.
        quality: of the JPEG files, 1 to 100.
        progress: show a progress bar.

    Raises:
        ConfigError: ``out`` holds another set of this name, or a value that cannot be.
        DataError: an image or mask is missing or damaged, or a file cannot be written.
    """
    if workers < 1 or not 1 <= quality <= 100 or PurePosixPath(subset).name != subset:
        raise ConfigError(f'workers={workers}, quality={quality}, subset={subset!r}: one of these cannot be')
    videos = _videos(dataset, min_area)
    index, parts = Path(out) / f'{subset}.json', Path(out) / PARTS / subset
    facts = _facts(dataset, videos, quality)
    try:
        if _claim(index, facts):
            return index
        waiting = [video for video in videos if not (parts / f'{video.position:06d}.json').is_file()]

        def work(video: _Video) -> None:
            entry, masks = _write_video(dataset, video, index.with_suffix('') / video.name, quality)
            write_json(parts / f'{video.position:06d}.json', {'tracks': entry, 'masks': masks})

        every = 0.1 if sys.stderr.isatty() else 30.0
        bar = tqdm(total=len(videos), initial=len(videos) - len(waiting), unit='video', mininterval=every)
        bar.disable = not progress
        with bar:
            for _ in _in_threads(work, waiting, workers):
                bar.update()
        _close(index, facts, parts, videos)
    except OSError as error:
        place = error.filename or out
        raise DataError(f'{place}: cannot write ({error.strerror}); call it again to go on') from error
    return index


def _videos(dataset: VideoDataset, min_area: float) -> list[_Video]:
    slots, rows = object_slots(dataset, min_area)
    if len(slots) == 0:
        raise DataError(f'{dataset.ann_file}: there is no object to cut out')
    positions = dataset.table.video[rows]
    first = np.append(np.flatnonzero(np.diff(positions, prepend=-1)), len(positions))
    names = _names(dataset.videos)
    return [
        _Video(int(positions[a]), names[int(positions[a])], rows[a:b], slots[a:b])
        for a, b in itertools.pairwise(first.tolist())
    ]


def _names(videos: Sequence[VideoInfo]) -> list[str]:
    """A folder for every video: that of its frames, for a single image its name, its id where these are not unique."""
    names = []
    for video in videos:
        first = PurePosixPath(video.file_names[0])
        names.append(first.with_suffix('').as_posix() if video.length == 1 else first.parent.as_posix())
    count = Counter(names)
    plain = [count[name] == 1 and name != '.' and '..' not in name and not name.startswith('/') for name in names]
    return [name if good else f'{video.id}' for name, good, video in zip(names, plain, videos)]


def _facts(dataset: VideoDataset, videos: Sequence[_Video], quality: int) -> dict[str, Any]:
    """What decides the bytes of the set."""
    digest = hashlib.sha256()
    for video in videos:
        digest.update(json.dumps([video.name, list(dataset.videos[video.position].file_names)]).encode())
        digest.update(video.slots.tobytes())
        digest.update(dataset.table.bboxes[video.slots].tobytes())
    source = {'annotations': Path(dataset.ann_file).name, 'fingerprint': digest.hexdigest()}
    return {'format': FORMAT, 'size': CROP_SIZE, 'quality': quality, **source}


def _claim(index: Path, facts: dict[str, Any]) -> bool:
    """Whether the set is complete; otherwise its name is ours from now on."""
    path = facts_path(index)
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        if index.exists():
            raise ConfigError(f'{index} is there already, made by another program; choose another name') from None
        write_json(path, {**facts, 'complete': False})
        return False
    except ValueError as error:
        raise DataError(f'{path}: damaged ({error}); delete it and the set') from error
    if {key: found.get(key) for key in facts} != facts:
        raise ConfigError(f'{path}: another set of this name is there, of other annotations or options; choose another')
    return bool(found.get('complete')) and index.is_file()


def _write_video(dataset: VideoDataset, video: _Video, folder: Path, quality: int) -> tuple[dict[str, Any], bool]:
    """Index entry of a video whose squares are written, and whether all have masks."""
    info, table = dataset.videos[video.position], dataset.table
    frames = video.slots - table.slot_starts[video.rows]
    tracks = np.unique(video.rows, return_inverse=True)[1]
    entry: dict[str, dict[str, list[float]]] = {f'{track:02d}': {} for track in range(int(tracks.max()) + 1)}
    with_masks = True
    folder.mkdir(parents=True, exist_ok=True)
    for frame in np.unique(frames).tolist():
        path = dataset.image_path(info, frame)
        where = f'{dataset.ann_file}, video {info.id}, frame {frame}'
        image = read_image(path, where)
        check_size(path, image.shape[:2], (info.height, info.width), where)
        for i in np.flatnonzero(frames == frame):
            view = slot_view(dataset, int(video.rows[i]), int(video.slots[i]), image)
            stem, track = f'{frame:06d}', f'{tracks[i]:02d}'
            with_masks &= _write_square(view, folder, stem, track, quality)
            x, y, w, h = table.bboxes[video.slots[i]].astype(float).tolist()
            entry[track][stem] = [x, y, x + w, y + h]
    return entry, with_masks


def _write_square(view: CropView, folder: Path, stem: str, track: str, quality: int) -> bool:
    whole = np.array([0.0, 0.0, CROP_SIZE - 1, CROP_SIZE - 1])
    picture = cv2.cvtColor(view.picture(whole, CROP_SIZE), cv2.COLOR_RGB2BGR)
    _write_image(crop_path(folder, stem, track), picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    mask = view.outline(whole, CROP_SIZE)
    if mask is not None:
        _write_image(mask_path(folder, stem, track), mask * np.uint8(255), [])
    return mask is not None


def _write_image(path: Path, image: NDArray, options: list[int]) -> None:
    done, data = cv2.imencode(path.suffix, image, options)
    if not done:
        raise DataError(f'{path}: cannot be encoded')
    path.write_bytes(data.tobytes())  # a video counts as done only with its part file


def _in_threads(work: Callable[[_Video], None], videos: Sequence[_Video], workers: int) -> Iterator[None]:
    """Call ``work`` on all videos; yields after each. Few are under way at a time, so that an error stops all soon."""
    waiting = iter(videos)
    with ThreadPoolExecutor(workers) as pool:
        running = {pool.submit(work, video) for video in itertools.islice(waiting, 2 * workers)}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                    yield
                running |= {pool.submit(work, video) for video in itertools.islice(waiting, len(done))}
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _close(index: Path, facts: dict[str, Any], parts: Path, videos: Sequence[_Video]) -> None:
    """Join the parts into the index."""
    subset = index.stem
    document, masks = {}, []
    for video in videos:
        part = json.loads((parts / f'{video.position:06d}.json').read_bytes())
        document[f'{subset}/{video.name}'] = part['tracks']
        masks.append(part['masks'])
    if any(masks) and not all(masks):
        lacking = next(video.name for video, known in zip(videos, masks) if not known)
        raise DataError(f'{index}: some objects have masks and some have not, such as in video {lacking}')
    write_bytes(index, json.dumps(document).encode() + b'\n')
    write_json(facts_path(index), {**facts, 'masks': all(masks), 'complete': True})
    rmtree(parts)
    if not os.listdir(parts.parent):
        parts.parent.rmdir()
