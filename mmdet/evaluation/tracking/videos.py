"""Observations from what this program's data sets and models have: YouTube-VIS annotations, result entries, results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from mmdet.errors import DataError
from mmdet.evaluation.tracking.observations import ANY_CLASS, Observations, Role
from mmdet.evaluation.tracking.scenes import ExcuseRule
from mmdet.evaluation.video_result import VideoResult
from mmdet.evaluation.vis_ground_truth import Video
from mmdet.evaluation.vis_tracks import Track, read_annotation, read_result
from mmdet.formats import BoxTable
from mmdet.ops.mask_runs import MaskProblem, MaskSet
from mmdet.ops.rle import to_bbox
from mmdet.structures import RLE

Overlap = Literal['boxes', 'masks']


def observe_annotations(
    entries: Sequence[dict[str, Any]], video: Video, overlap: Overlap, source: str
) -> Observations:
    """True objects of a video: every annotation is a track; crowds excuse results of their class.

    An annotation's ``role`` refines this: ``bystander`` only takes part in the matching, ``region`` excuses any class.

    Raises:
        DataError: masks or boxes are wrong; file, annotation and frame are named.
    """
    roles = []
    for entry in entries:
        crowd = entry.get('role') != 'bystander'
        roles.append((Role.EXCUSES if crowd else Role.BYSTANDER) if entry.get('iscrowd') else Role.COUNTED)
    classes = [ANY_CLASS if entry.get('role') == 'region' else entry['category_id'] for entry in entries]
    if overlap == 'boxes' and all(entry.get('bboxes') is not None for entry in entries):
        return _of_box_lists(entries, classes, roles, video, source)
    tracks = [read_annotation(entry, video, f'{source}: annotation {entry["id"]}') for entry in entries]
    return _of_tracks(tracks, classes, roles, video, overlap)


def usual_rule(annotations: Iterable[Mapping[str, Any]]) -> ExcuseRule:
    """The rule of the benchmark that annotations are of, see :func:`class_scene`.

    ``matched`` where there are MOTChallenge's distractors and bystanders; ``inside`` for regions and crowds.
    """
    roles = {annotation.get('role') for annotation in annotations}
    return 'matched' if roles & {'distractor', 'bystander'} else 'inside'


def observe_entries(entries: dict[str, dict[str, Any]], video: Video, overlap: Overlap) -> Observations:
    """Results of a video in YouTube-VIS form, by the names that messages give them: every entry is a track.

    Raises:
        DataError: masks or scores are wrong; entry and frame are named.
    """
    tracks = [read_result(entry, video, where) for where, entry in entries.items()]
    classes = [entry['category_id'] for entry in entries.values()]
    return _of_tracks(tracks, classes, [Role.COUNTED] * len(tracks), video, overlap)


class ResultRows(NamedTuple):
    """Everything of a result that has an identity, N rows."""

    frames: np.ndarray  # (N,)
    rows: np.ndarray  # (N,) place in their frame
    ids: np.ndarray  # (N,)
    class_ids: np.ndarray  # (N,) category ids


def result_rows(result: VideoResult, category_ids: Sequence[int]) -> ResultRows:
    """The rows of a video's result.

    Raises:
        DataError: a label has no category id, or a frame has an identity twice.
    """
    chosen = [
        (frame, row, identity, tracks.labels[row])
        for frame, tracks in enumerate(result.frames)
        for row, identity in enumerate(tracks.instance_ids)
        if identity >= 0
    ]
    frames, rows, ids, labels = np.array(chosen, np.int64).reshape(-1, 4).T
    _check_identities(frames, ids, result.video_id)
    return ResultRows(frames, rows, ids, _categories(labels.tolist(), category_ids, result.video_id))


def _check_identities(frames: np.ndarray, ids: np.ndarray, video_id: int) -> None:
    span = ids.max(initial=0) + 1
    places, counts = np.unique(frames * span + ids, return_counts=True)
    if (counts > 1).any():
        frame, identity = divmod(int(places[counts.argmax()]), int(span))
        raise DataError(
            f'results of video {video_id}, frame {frame}: identity {identity} appears {counts.max()} times, but '
            "an object is in one place at a time; the tracker gave it twice (MaskTrackTracker does so unless its "
            "duplicate_policy is 'unique')"
        )


def result_boxes(result: VideoResult, category_ids: Sequence[int]) -> BoxTable:
    """Boxes of everything with an identity, their classes as category ids.

    Boxes without area are left out, as no file may have them: where a track leaves the frame, a published program cuts
    its box at the border and so turns it inside out (``DeepSORTTracker(paper=True)``).

    Raises:
        DataError: a label has no category id, or a frame has an identity twice.
    """
    frames, rows, ids, class_ids = result_rows(result, category_ids)
    tracks = [(result.frames[f], r) for f, r in zip(frames.tolist(), rows.tolist())]
    bboxes = np.array([frame.bboxes[row] for frame, row in tracks], np.float64).reshape(-1, 4)
    scores = np.array([frame.scores[row] for frame, row in tracks], np.float64)
    kept = np.flatnonzero((bboxes[:, 2:] > bboxes[:, :2]).all(1))
    return BoxTable(
        source=f'results of video {result.video_id}',
        frames=frames[kept],
        ids=ids[kept],
        bboxes=bboxes[kept],
        scores=scores[kept],
        class_ids=class_ids[kept],
        visibility=np.full(len(kept), -1.0),
    )


def observe_result(result: VideoResult, category_ids: Sequence[int], overlap: Overlap) -> Observations:
    """Tracks of a video as the model gave them; boxes without area and masks without pixels are left out.

    Raises:
        DataError: a label has no category id, or a frame has an identity twice.
    """
    if overlap == 'boxes':
        return Observations.of_box_table(result_boxes(result, category_ids))
    frames, rows, ids, class_ids = result_rows(result, category_ids)
    where = f'results of video {result.video_id}'
    places = zip(frames.tolist(), rows.tolist())
    masks = [mask for f, r in places for mask in result.frames[f].present_masks([r], where)]
    return of_masks(frames, ids, class_ids, masks, (result.height, result.width), where)


def of_masks(
    frames: np.ndarray,
    ids: np.ndarray,
    class_ids: np.ndarray,
    masks: Sequence[RLE],
    size: tuple[int, int],
    where: str,
    roles: np.ndarray | None = None,
) -> Observations:
    """Observations from N masks; those without pixels are left out.

    Raises:
        DataError: a mask is damaged or of another size; ``where`` begins the message.
    """
    try:
        found = MaskSet.of([mask['counts'] for mask in masks], frames, size)
    except MaskProblem as problem:
        raise DataError(f'{where}, frame {frames[problem.row]}: {problem}') from None
    roles = np.zeros(len(frames), np.int64) if roles is None else roles
    objects = Observations(frames, ids, class_ids, found, found.areas.astype(np.float64), roles)
    return objects if found.areas.all() else objects.take(found.areas > 0)


def _categories(labels: Sequence[int], category_ids: Sequence[int], video_id: int) -> np.ndarray:
    wrong = [label for label in labels if not 0 <= label < len(category_ids)]
    if wrong:
        raise DataError(
            f'result of video {video_id}: label {wrong[0]}, but the data set has {len(category_ids)} classes. Does the '
            'model belong to this data set?'
        )
    return np.array([category_ids[label] for label in labels], np.int64)


def _of_box_lists(
    entries: Sequence[dict[str, Any]], classes: Sequence[int], roles: Sequence[int], video: Video, source: str
) -> Observations:
    rows: list[tuple[int, int, list[float]]] = []
    for position, entry in enumerate(entries):
        if len(entry['bboxes']) != video.length:
            raise DataError(
                f"{source}: annotation {entry['id']}: 'bboxes' has {len(entry['bboxes'])} entries, the video has "
                f'{video.length} frames'
            )
        rows += [(frame, position, box) for frame, box in enumerate(entry['bboxes']) if box]
    tracks = np.array([position for _, position, _ in rows], np.int64)
    bboxes = np.array([box for _, _, box in rows], np.float64).reshape(-1, 4)
    bboxes[:, 2:] += bboxes[:, :2]
    frames = np.array([frame for frame, _, _ in rows], np.int64)
    class_ids, role_of = np.array(classes, np.int64), np.array(roles, np.int64)
    return Observations.of_boxes(frames, tracks, class_ids[tracks], bboxes, role_of[tracks])


def _of_tracks(
    tracks: Sequence[Track], classes: Sequence[int], roles: Sequence[int], video: Video, overlap: Overlap
) -> Observations:
    rows = [
        (position, frame, mask)
        for position, track in enumerate(tracks)
        for frame, mask in enumerate(track.masks)
        if mask is not None and track.areas[frame]
    ]
    ids = np.array([position for position, _, _ in rows], np.int64)
    frames = np.array([frame for _, frame, _ in rows], np.int64)
    masks = [mask for _, _, mask in rows]
    class_ids, role_of = np.array(classes, np.int64)[ids], np.array(roles, np.int64)[ids]
    if overlap == 'masks':
        size = (video.height, video.width)
        return of_masks(frames, ids, class_ids, masks, size, f'video {video.id}', role_of)
    boxes = to_bbox(masks)
    boxes[:, 2:] += boxes[:, :2]
    return Observations.of_boxes(frames, ids, class_ids, boxes, role_of)
