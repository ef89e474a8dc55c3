"""The one form in which tracks of a video leave the model, and the folder that keeps them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from mmdet.errors import DataError
from mmdet.evaluation.files import atomic_file, parse_json
from mmdet.files import PARTIAL
from mmdet.ops.rle_batch import inspect_masks
from mmdet.structures import RLE, FrameSample

_TYPES: dict[str, type | tuple[type, ...]] = {
    'instance_ids': int,
    'labels': int,
    'scores': (int, float),
    'masks': (dict, type(None)),
    'lost': bool,
}
_OPTIONAL = ('rotated_boxes', 'lost')
STATES = ('skipped', 'started', 'failed', 'tracked')  # of a frame under a reset protocol


@dataclass
class FrameTracks:
    """Tracks of one frame as parallel lists of N.

    Attributes:
        instance_ids: identities; a negative one is no identity, and exports leave its row out.
        labels: positions of the categories in the data set's ``classes``.
        scores: in [0, 1].
        bboxes: x1 y1 x2 y2 in pixels of the original frame, right and bottom exclusive.
        masks: at the size of the original frame; None where the detector has no masks.
        rotated_boxes: four corners x, y of each, in original pixels; None where the model makes none.
        lost: whether the model says that it lost the object; None where it does not tell.
    """

    instance_ids: list[int]
    labels: list[int]
    scores: list[float]
    bboxes: list[list[float]]
    masks: list[RLE | None]
    rotated_boxes: list[list[list[float]]] | None = None
    lost: list[bool] | None = None

    def __len__(self) -> int:
        return len(self.instance_ids)

    def present_masks(self, rows: Iterable[int], where: str) -> list[RLE]:
        """Masks of some rows, for results that are made of masks.

        Raises:
            DataError: a row has none; the message begins with ``where``.
        """
        found = []
        for row in rows:
            mask = self.masks[row]
            if mask is None:
                raise DataError(
                    f'{where}, track {self.instance_ids[row]}: has boxes but no masks, which this form of results is '
                    "made of. Use a detector with masks, or a metric for boxes; PrecomputedDetector's box_masks=True "
                    'takes rectangles as masks'
                )
            found.append(mask)
        return found
    def to_dict(self) -> dict[str, list]:
        """The lists by name, without those that are not known."""
        return {name: values for name, values in vars(self).items() if values is not None}

    def check(self, height: int, width: int, where: str) -> None:
        """Refuse lists of different lengths, values of a wrong type, numbers that are not finite, and bad masks.

        Raises:
            DataError: the message begins with ``where``.
        """
        for name, values in self.to_dict().items():
            if not isinstance(values, list) or len(values) != len(self.instance_ids):
                raise DataError(f"{where}: '{name}' is not a list of {len(self.instance_ids)}, one per track")
            kinds = _TYPES.get(name, list)
            if any(isinstance(value, bool) != (kinds is bool) or not isinstance(value, kinds) for value in values):
                raise DataError(f"{where}: '{name}' holds a value of a wrong type")
        for identity, score, bbox in zip(self.instance_ids, self.scores, self.bboxes):
            numbers = [score, *bbox]
            if len(bbox) != 4 or not all(isinstance(v, int | float) and math.isfinite(v) for v in numbers):
                raise DataError(f'{where}, track {identity}: score {score} or box {bbox} is not finite or not complete')
        for identity, corners in zip(self.instance_ids, self.rotated_boxes or ()):
            if not _four_corners(corners):
                raise DataError(f'{where}, track {identity}: rotated box {corners} is not four corners x, y')
        batch = inspect_masks(self.masks, height, width)
        for row, problem in batch.problems.items():
            raise DataError(f'{where}, track {self.instance_ids[row]}: {problem}')
        self.masks = batch.masks


def _four_corners(value: Any) -> bool:
    try:
        corners = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return corners.shape == (4, 2) and bool(np.isfinite(corners).all())


@dataclass
class VideoResult:
    """Tracks of one whole video.

    Attributes:
        video_id: the annotation file's own id.
        height, width: of the original frames in pixels.
        length: number of frames.
        file_names: file of every frame as the data set named it, '' where there is none (camera).
        frames: one per frame, in order.
        states: under a reset protocol one of :data:`STATES` per frame; None for an ordinary run.
    """

    video_id: int
    height: int
    width: int
    length: int
    file_names: list[str]
    frames: list[FrameTracks]
    states: list[str] | None = None

    def to_json(self) -> bytes:
        """JSON text; the same tracks always give the same bytes.

        Raises:
            DataError: a value cannot be written, such as a score that is not a number.
        """
        self.check(f'result of video {self.video_id}')
        content = {key: value for key, value in vars(self).items() if value is not None}
        content['frames'] = [frame.to_dict() for frame in self.frames]
        return json.dumps(content, sort_keys=True, separators=(',', ':'), allow_nan=False).encode()

    @classmethod
    def from_json(cls, data: bytes, source: str = 'video result') -> VideoResult:
        """Inverse of :meth:`to_json`.

        Raises:
            DataError: damaged or not of this form; the message names ``source``, frame and track.
        """
        content = parse_json(data, source, 'video result')
        _expect_keys(content, cls, source)
        if not isinstance(content['frames'], list):
            raise DataError(f"{source}: 'frames' is not a list")
        for index, frame in enumerate(content['frames']):
            _expect_keys(frame, FrameTracks, f'{source}, frame {index}')
        result = cls(**{**content, 'frames': [FrameTracks(**frame) for frame in content['frames']]})
        result.check(source)
        return result

    def check(self, source: str) -> None:
        """Refuse a result that contradicts itself.

        Raises:
            DataError: the message begins with ``source``.
        """
        if any(type(v) is not int for v in (self.video_id, self.height, self.width, self.length)):
            raise DataError(f'{source}: video_id, height, width and length must be whole numbers')
        if not len(self.frames) == len(self.file_names) == self.length:
            raise DataError(
                f'{source}: {len(self.frames)} frames and {len(self.file_names)} file names, length {self.length}'
            )
        if self.states is not None and (
            len(self.states) != self.length or any(state not in STATES for state in self.states)
        ):
            raise DataError(f"{source}: 'states' needs one of {', '.join(STATES)} for each of {self.length} frames")
        for index, frame in enumerate(self.frames):
            frame.check(self.height, self.width, f'{source}, frame {index}')


def _expect_keys(content: Any, cls: Any, where: str) -> None:
    known = {field.name for field in fields(cls)}
    needed = {field.name for field in fields(cls) if field.default is MISSING}
    if not isinstance(content, dict) or not needed <= set(content) <= known:
        found = sorted(content) if isinstance(content, dict) else type(content).__name__
        optional = f', and may have {sorted(known - needed)}' if known - needed else ''
        raise DataError(f'{where}: needs exactly the keys {sorted(needed)}{optional}, found {found}')


class VideoResultCollector:
    """Gathers the finished frames of a stream into one result per video."""

    def __init__(self) -> None:
        self._result: VideoResult | None = None
        self._expected = -1

    def add(self, sample: FrameSample) -> VideoResult | None:
        """Take the next frame; give the result back when this was the video's last one.

        Args:
            sample: with ``pred_tracks`` and the meta of :mod:`mmdet.structures`. A ``video_length`` of -1 is a stream
                without known end: its result comes from :meth:`finish`.

        Raises:
            DataError: a frame is missing, comes twice or out of order, or its size or tracks are wrong.
        """
        video_id, frame_id = int(sample.video_id), int(sample.frame_id)
        height, width = (int(v) for v in sample.ori_shape)
        if self._result is None:
            self._result = VideoResult(video_id, height, width, 0, [], [])
            self._expected = int(sample.get('video_length', -1))
        result, where = self._result, f'result of video {video_id}, frame {frame_id}'
        if video_id != result.video_id:
            raise DataError(f'{where} came before the end of video {result.video_id}: {self._progress()}')
        if frame_id != result.length:
            raise DataError(f'{where} came out of order: {self._progress()}')
        if (height, width) != (result.height, result.width):
            raise DataError(f'{where} is {height} x {width}, the frames before are {result.height} x {result.width}')
        tracks = tracks_of(sample)
        tracks.check(height, width, where)
        result.frames.append(tracks)
        result.file_names.append(str(sample.get('img_path', None) or ''))
        result.length += 1
        return self._take() if result.length == self._expected else None

    def finish(self) -> VideoResult | None:
        """End of the stream: the result of a video of unknown length, None if nothing is open.

        Raises:
            DataError: the open video is of known length and not complete.
        """
        if self._result is None:
            return None
        if self._expected >= 0:
            raise DataError(f'the stream ended inside video {self._result.video_id}: {self._progress()}')
        return self._take()

    def _take(self) -> VideoResult | None:
        result, self._result = self._result, None
        return result

    def _progress(self) -> str:
        have = self._result.length if self._result else 0
        of = f' of {self._expected}' if self._expected >= 0 else ''
        return f'{have}{of} frames have come; frames must arrive in order, each once'


def tracks_of(sample: FrameSample) -> FrameTracks:
    """The tracks of a finished frame as plain lists.

    Raises:
        DataError: the sample has no ``pred_tracks``.
    """
    where = f'video {sample.get("video_id")}, frame {sample.get("frame_id")}'
    if 'pred_tracks' not in sample:
        raise DataError(f'{where} has no pred_tracks; results are collected after the tracker')
    tracks = sample.pred_tracks
    if tracks is None:
        raise DataError(f"{where}: the tracker's update returned None instead of the detections with identities")
    try:
        ids, labels, scores, bboxes = (
            np.asarray(tracks[name]).tolist() for name in ('instance_ids', 'labels', 'scores', 'bboxes')
        )
        more = {name: np.asarray(tracks[name]).tolist() for name in ('rotated_boxes', 'lost') if name in tracks}
        return FrameTracks(ids, labels, scores, bboxes, list(tracks.masks), **more)
    except (KeyError, AttributeError) as error:
        needed = 'instance_ids, labels, scores, bboxes and masks'
        raise DataError(f'{where}: pred_tracks needs {needed} ({error})') from error


class ResultStore:
    """A folder with one JSON file per video, written whole or not at all, read one at a time.

    Memory does not grow with the data set, and processes share nothing but the folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path(self, video_id: int) -> Path:
        """File of one video."""
        return self.folder / f'video_{video_id}.json'

    def write(self, result: VideoResult) -> Path:
        """Keep the result of one video, replacing an older one.

        Raises:
            DataError: the result is not sound or the folder cannot be written.
        """
        path = self.path(result.video_id)
        data = result.to_json()
        with atomic_file(path) as file:
            file.write(data)
        return path

    def read(self, video_id: int) -> VideoResult:
        """Result of one video.

        Raises:
            DataError: missing, damaged or of another video.
        """
        path = self.path(video_id)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError(f'{path}: no result of video {video_id}: {error.strerror}') from error
        result = VideoResult.from_json(data, str(path))
        if result.video_id != video_id:
            raise DataError(f'{path}: holds the result of video {result.video_id}')
        return result

    def missing(self, video_ids: Iterable[int]) -> list[int]:
        """The videos of ``video_ids`` that have no file yet."""
        return [video_id for video_id in video_ids if not self.path(video_id).is_file()]

    def read_all(self, video_ids: Iterable[int]) -> Iterator[VideoResult]:
        """Results in the order of ``video_ids``, one in memory at a time.

        Raises:
            DataError: videos are missing (named before the first is read), or one is damaged.
        """
        video_ids = list(video_ids)
        missing = self.missing(video_ids)
        if missing:
            names = ', '.join(str(v) for v in missing[:10]) + (', ...' if len(missing) > 10 else '')
            raise DataError(
                f'{self.folder}: no results for {len(missing)} of {len(video_ids)} videos (ids {names}). '
                'Run the test again for these videos.'
            )
        return (self.read(video_id) for video_id in video_ids)

    def clear(self) -> None:
        """Delete the results of an earlier run, and nothing else in the folder."""
        for pattern in ('video_*.json', f'.video_*.json.*{PARTIAL}'):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)
