"""Mask tracks of one video, read from annotation and result dicts, and the overlap between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdet.errors import DataError
from mmdet.evaluation.vis_ground_truth import Video
from mmdet.occlusion import track_occlusion
from mmdet.ops import rle_batch
from mmdet.structures import RLE


@dataclass(frozen=True)
class Track:
    """One annotation or one result.

    Attributes:
        masks: one per frame, None where absent.
        areas: (frames,) pixels of the masks.
        mean_area: mean over the frames in which the area is not 0; 0 if there are none.
        category_id: as in the file.
        id: of an annotation; 0 for results.
        score: of a result; 0 for annotations.
        crowd: whether an annotation marks a group.
        occlusion: of an annotation, in [0, 1]; 0 where flags are not used.
    """

    masks: list[RLE | None]
    areas: NDArray[np.int64]
    mean_area: float
    category_id: int
    id: int = 0
    score: float = 0.0
    crowd: bool = False
    occlusion: float = 0.0


def read_result(entry: dict[str, Any], video: Video, where: str, any_length: bool = False) -> Track:
    """Check one result of ``video`` (YouTube-VIS form).

    Raises:
        DataError: masks, their number or the score are wrong; the message begins with ``where``.
    """
    score = entry.get('score')
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        raise DataError(f"{where}: 'score' must be a finite number, found {score!r}")
    batch = _read_masks(entry, video, where, any_length)
    return Track(batch.masks, batch.areas, _mean_area(batch.areas), entry['category_id'], score=float(score))


def read_annotation(
    entry: dict[str, Any], video: Video, where: str, any_length: bool = False, with_occlusion: bool = False
) -> Track:
    """Check one annotation of ``video``. Its mean area comes from the ``areas`` in the file, if there are any.

    Raises:
        DataError: masks, areas, their number or the occlusion flags are wrong; the message begins with ``where``.
    """
    batch = _read_masks(entry, video, where, any_length)
    written = entry.get('areas')
    if written is None:
        written = batch.areas.tolist()
    if not isinstance(written, list) or not all(v is None or _is_number(v) for v in written):
        raise DataError(f"{where}: 'areas' must be a list of numbers and nulls")
    if len(written) != video.length and not any_length:
        raise DataError(f"{where}: 'areas' has {len(written)} entries, the video has {video.length} frames")
    occlusion = track_occlusion(entry.get('occlusion'), len(batch.masks), where) if with_occlusion else 0.0
    mean_area = _mean_area(np.array([v or 0 for v in written], float))
    crowd, category_id = bool(entry.get('iscrowd', 0)), entry['category_id']
    return Track(batch.masks, batch.areas, mean_area, category_id, entry['id'], crowd=crowd, occlusion=occlusion)


def track_ious(detections: Sequence[Track], ground_truths: Sequence[Track]) -> NDArray[np.float64]:
    """Intersection over union summed over the frames before dividing: (D, G).

    A frame in which one side is absent adds the other side's area to the union; an empty union gives 0. Lists of
    different lengths are paired up to the shorter one. Each frame is one call for all its pairs.
    """
    shape = (len(detections), len(ground_truths))
    if 0 in shape:
        return np.zeros(shape)
    common = np.zeros(shape, np.int64)
    for frame in range(min(_longest(detections), _longest(ground_truths))):
        rows, row_masks, row_areas = _present(detections, frame)
        columns, column_masks, column_areas = _present(ground_truths, frame)
        if rows and columns:
            found = rle_batch.intersections(row_masks, column_masks, row_areas, column_areas)
            common[np.ix_(rows, columns)] += found
    lengths = np.minimum.outer([len(t.masks) for t in detections], [len(t.masks) for t in ground_truths])
    sums = _area_up_to(detections, lengths) + _area_up_to(ground_truths, lengths.T).T
    return common / np.maximum(sums - common, 1)


def _present(tracks: Sequence[Track], frame: int) -> tuple[list[int], list[RLE], NDArray[np.int64]]:
    """Rows, masks and areas of the tracks that have pixels in a frame."""
    rows = [i for i, track in enumerate(tracks) if frame < len(track.masks) and track.areas[frame]]
    masks = [mask for i in rows if (mask := tracks[i].masks[frame]) is not None]
    return rows, masks, np.array([tracks[i].areas[frame] for i in rows], np.int64)


def _area_up_to(tracks: Sequence[Track], lengths: NDArray) -> NDArray[np.int64]:
    """Pixels of track i in its first ``lengths[i, j]`` frames: the shape of ``lengths``."""
    return np.stack([np.append(0, track.areas.cumsum())[row] for track, row in zip(tracks, lengths)])


def _longest(tracks: Sequence[Track]) -> int:
    return max(len(track.masks) for track in tracks)


def _read_masks(entry: dict[str, Any], video: Video, where: str, any_length: bool) -> rle_batch.MaskBatch:
    masks = entry.get('segmentations')
    if not isinstance(masks, list):
        raise DataError(f"{where}: 'segmentations' must be a list with one mask or null per frame, found {type(masks)}")
    if len(masks) != video.length and not any_length:
        raise DataError(
            f"{where}: 'segmentations' has {len(masks)} entries, but the video has {video.length} frames; "
            'write null for frames without a mask'
        )
    return rle_batch.check_masks(masks, video.height, video.width, where)


def _mean_area(areas: NDArray) -> float:
    present = areas[areas != 0]
    return float(present.mean()) if len(present) else 0.0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
