"""Pictures of a test run: for every video an overlay, and a contact sheet beside the ground truth if there is any."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import numpy as np

from mmdet.datasets.image_file import read_image
from mmdet.errors import DataError
from mmdet.structures import RLE
from mmdet.visualization.contact_sheet import contact_sheet, evenly_spaced, write_image
from mmdet.visualization.overlay import OverlayStyle, draw_tracks
from mmdet.visualization.trails import Trails
from mmdet.visualization.video_writer import VideoWriter

__all__ = ['REPORT_STYLE', 'VideoPictures', 'render_video_result']

REPORT_STYLE = OverlayStyle(score_thr=0.3, min_short_side=360)
TILE_WIDTH = 400  # of the contact sheet, in pixels


class _Result(Protocol):
    """What is needed of ``mmdet.evaluation.VideoResult``."""

    video_id: int
    frames: list[Any]


@dataclass(frozen=True)
class VideoPictures:
    """Files made for one video."""

    video: Path
    contact_sheet: Path


@dataclass
class _Annotated:
    """Ground truth of one frame in the form that drawing takes."""

    instance_ids: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    bboxes: list[list[float]] = field(default_factory=list)
    masks: list[RLE | None] = field(default_factory=list)


def render_video_result(
    dataset: Any,
    result: _Result,
    out_dir: str | Path,
    *,
    fps: float = 10.0,
    columns: int = 4,
    style: OverlayStyle = REPORT_STYLE,
    trail_length: int = 0,
) -> VideoPictures:
    """Draw the tracks of one video; frames are read one at a time.

    Args:
        dataset: has ``videos`` with ``id`` and ``file_names``, ``classes``, ``has_annotations`` and
            ``image_path(video, frame) -> Path``.
        result: an ``mmdet.evaluation.VideoResult``.
        out_dir: gets ``<video id>_<folder>.mp4`` and ``.jpg``.
        fps: rate of the overlay video.
        style: how tracks are drawn; the default leaves out those of a score below 0.3.
        columns: frames on the contact sheet; a second row shows their ground truth where there is any.
        trail_length: frames that drawn paths reach back; 0 draws none.

    Raises:
        DataError: the video is not in the data set, has another number of frames, or a frame cannot be read.
        VideoSourceError: the video cannot be written.
    """
    video = _video_of(dataset, result)
    stem = Path(out_dir) / _name(video)
    shown = evenly_spaced(len(result.frames), columns)
    predicted: list[np.ndarray] = []
    annotated: list[np.ndarray] = []
    trails = Trails(trail_length) if trail_length else None
    with VideoWriter(stem.with_name(stem.name + '.mp4'), fps) as writer:
        for index, tracks in enumerate(result.frames):
            image = read_image(dataset.image_path(video, index), f'video {video.id}, frame {index}')
            overlay = draw_tracks(image, tracks, dataset.classes, style, trails)
            writer.write(overlay)
            if index in shown:  # drawn afresh, with labels that can still be read on a small tile
                tile_style = replace(style, mark_scale=max(overlay.shape[1] / TILE_WIDTH, 1.0))
                predicted.append(draw_tracks(image, tracks, dataset.classes, tile_style))
                if dataset.has_annotations:
                    annotated.append(draw_tracks(image, _annotated(video, index), dataset.classes, tile_style))
    sheet = _sheet(predicted, annotated, shown, f'video {stem.name}: {len(result.frames)} frames')
    return VideoPictures(writer.path, write_image(stem.with_name(stem.name + '.jpg'), sheet))


def _video_of(dataset: Any, result: _Result) -> Any:
    video = next((video for video in dataset.videos if video.id == result.video_id), None)
    if video is None:
        raise DataError(f'result of video {result.video_id}: the data set has no video of that id')
    if len(video.file_names) != len(result.frames) or not result.frames:
        raise DataError(
            f'result of video {result.video_id} has {len(result.frames)} frames, the data set {len(video.file_names)}'
        )
    return video


def _name(video: Any) -> str:
    """File name of a video's pictures: its id and the folder of its frames, in letters that every system takes."""
    folder = PurePosixPath(str(video.file_names[0]).replace('\\', '/')).parent.name
    return re.sub(r'[^\w.-]+', '_', f'{video.id}_{folder}' if folder else f'{video.id}')


def _annotated(video: Any, frame: int) -> _Annotated:
    truth = _Annotated()
    for track in video.annotations:
        mask = track.mask(frame)
        if mask is None:
            continue
        x, y, width, height = (float(v) for v in track.bboxes[frame])
        truth.instance_ids.append(track.id)
        truth.labels.append(track.label)
        truth.bboxes.append([x, y, x + width, y + height])
        truth.masks.append(mask)
    return truth


def _sheet(
    predicted: Sequence[np.ndarray], annotated: Sequence[np.ndarray], frames: Sequence[int], title: str
) -> np.ndarray:
    rows, captions = [predicted], [[f'frame {frame}: result' if annotated else f'frame {frame}' for frame in frames]]
    if annotated:
        rows.append(annotated)
        captions.append([f'frame {frame}: ground truth' for frame in frames])
    return contact_sheet(rows, captions, title, TILE_WIDTH)
