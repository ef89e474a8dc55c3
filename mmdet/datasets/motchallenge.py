"""MOTChallenge: boxes of pedestrians in ``<sequence>/{img1, det/det.txt, gt/gt.txt, seqinfo.ini}``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from mmdet.datasets.base import VideoDataset
from mmdet.datasets.tracking_files import (
    SequenceFiles,
    choose_sequences,
    frame_size,
    list_frames,
    refuse_gaps,
    sequence_numbers,
    track_annotations,
    video_entry,
)
from mmdet.errors import DataError
from mmdet.formats import (
    BoxTable,
    SequenceInfo,
    counted_rows,
    distractor_rows,
    read_boxes,
    read_seqinfo,
    read_seqmap,
)
from mmdet.formats.boxes import Kind
from mmdet.holdout import HOLDOUT_FRACTION, SplitName
from mmdet.registry import DATASETS
from mmdet.structures import RLE

__all__ = ['MOTChallengeDataset', 'mot_document']

PEDESTRIAN = 1


@DATASETS.register_module()
class MOTChallengeDataset(VideoDataset):
    """MOT15 to MOT20 and sets in their layout; one class, pedestrian.

    Files give boxes only: a mask is its box cut at the frame's border, so that detectors which learn boxes train on it.
    Boxes that are not to be found are crowd annotations whose ``role`` is ``distractor`` (a result on it is excused) or
    ``bystander``. A video's id comes from its name, as :func:`~mmdet.datasets.tracking_files.sequence_numbers` says. A
    sequence whose size neither ``seqinfo.ini`` nor a frame tells is as large as its boxes reach. Other arguments:
    :class:`VideoDataset`.

    Args:
        ann_file: folder of the sequences, such as ``train``.
        img_prefix: the same folder, or another one with the same sequences' frames; '' for the same.
        sequences: names of the sequences to read; None for all.
        seqmap: list of their names in a file instead, relative to ``data_root``.
    """

    def __init__(
        self,
        ann_file: str = 'train',
        data_root: str = '',
        img_prefix: str = '',
        pipeline: Sequence[Any] = (),
        split: SplitName | None = None,
        holdout_fraction: float = HOLDOUT_FRACTION,
        test_mode: bool = False,
        num_ref_frames: int = 1,
        max_ref_distance: int | None = None,
        filter_empty: bool = True,
        classes: Sequence[str] | None = None,
        sequences: Sequence[str] | None = None,
        seqmap: str | None = None,
    ) -> None:
        self.sequences = sequences
        if seqmap is not None:
            self.sequences = [row.name for row in read_seqmap(Path(data_root).expanduser() / seqmap)]
        super().__init__(
            ann_file,
            data_root,
            img_prefix or ann_file,
            pipeline,
            split,
            holdout_fraction,
            test_mode,
            num_ref_frames,
            max_ref_distance,
            filter_empty,
            classes,
        )

    def read_document(self) -> dict[str, Any]:
        """The sequences' files as a YouTube-VIS document."""
        return mot_document(self.ann_file, self.img_prefix, self.sequences)

    def detections(self, video_id: int) -> BoxTable:
        """Public detections (``det/det.txt``) of a video.

        Raises:
            DataError: no such video, or its file is missing or damaged.
        """
        video = next((video for video in self.videos if video.id == video_id), None)
        if video is None:
            raise DataError(f'{self.ann_file}: there is no video {video_id}')
        name = PurePath(video.file_names[0]).parts[0]  # frames are <sequence>/<folder>/<number>
        return read_boxes(Path(self.ann_file) / name / 'det' / 'det.txt', 'det', video.length)


def mot_document(folder: str | Path, images: str | Path, sequences: Sequence[str] | None = None) -> dict[str, Any]:
    """Sequences of a folder as a YouTube-VIS document; ``annotations`` is None where no sequence has ground truth.

    Raises:
        DataError: a folder or sequence is missing, or a file is damaged; file, line and frame are named.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f'{folder}: no such folder of sequences; check data_root and ann_file')
    found = [path.name for path in folder.iterdir() if _is_sequence(path)]
    videos: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    known = False
    numbers = sequence_numbers(found, str(folder))
    for name in choose_sequences(found, sequences, str(folder)):
        video = video_entry(numbers[name], _sequence_files(folder / name, Path(images)))
        videos.append(video)
        path = folder / name / 'gt' / 'gt.txt'
        if path.is_file():
            known = True
            table = read_boxes(path, 'gt', len(video['file_names']))
            annotations += _annotations(table, video, first_id=len(annotations) + 1)
    categories = [{'id': PEDESTRIAN, 'name': 'pedestrian'}]
    return {'videos': videos, 'categories': categories, 'annotations': annotations if known else None}


def _is_sequence(path: Path) -> bool:
    return any((path / part).exists() for part in ('seqinfo.ini', 'gt/gt.txt', 'det/det.txt', 'img1'))


def _sequence_files(folder: Path, images: Path) -> SequenceFiles:
    path = folder / 'seqinfo.ini'
    info = read_seqinfo(path) if path.is_file() else None
    image_folder = info.image_folder if info else 'img1'
    place = images / folder.name / image_folder
    frames = list_frames(place)
    if info and frames and len(frames) != info.length:
        raise DataError(f'{path}: seqLength is {info.length}, but there are {len(frames)} frames in {place}')
    refuse_gaps(place, frames)
    if info and not frames:
        frames = [f'{number:06d}{info.suffix}' for number in range(1, info.length + 1)]
    if not frames:
        raise DataError(f'{folder}: neither a seqinfo.ini nor frames in {place}')
    names = [f'{folder.name}/{image_folder}/{name}' for name in frames]
    known = _size_of(info)
    if known is None and not (images / names[0]).is_file():
        known = _reach_of_boxes(folder, len(names))
    return SequenceFiles(folder.name, names, frame_size(images / names[0], known, str(path)), 1)


def _size_of(info: SequenceInfo | None) -> tuple[int, int] | None:
    return (info.height, info.width) if info and info.height and info.width else None


def _reach_of_boxes(folder: Path, length: int) -> tuple[int, int] | None:
    """Height and width of the smallest frame that holds all detected and true boxes; None where there are none."""
    kinds: tuple[Kind, ...] = ('det', 'gt')
    files = [(folder / kind / f'{kind}.txt', kind) for kind in kinds]
    boxes = [read_boxes(path, kind, length).bboxes for path, kind in files if path.is_file()]
    corners = np.concatenate([np.zeros((0, 4)), *boxes])[:, 2:]
    if not (corners > 0).any():
        return None
    width, height = np.ceil(corners.max(0).clip(1)).astype(int).tolist()
    return height, width


def _annotations(table: BoxTable, video: dict[str, Any], first_id: int) -> list[dict[str, Any]]:
    size = video['height'], video['width']
    groups = np.unique(np.stack([table.ids, table.class_ids, table.scores != 0]), axis=1, return_inverse=True)[1]
    masks, areas = _box_masks(table.bboxes, *size)
    counted, excuses = counted_rows(table), distractor_rows(table, video['name'])
    found: list[dict[str, Any]] = []
    for row, annotation in track_annotations(video, table.frames, groups.reshape(-1), masks, table.bboxes, areas):
        role = {} if counted[row] else {'role': 'distractor' if excuses[row] else 'bystander'}
        known = {'id': first_id + len(found), 'category_id': PEDESTRIAN, 'iscrowd': int(not counted[row])}
        found.append({**known, 'track_id': int(table.ids[row]), **role, **annotation})
    return found


def _box_masks(bboxes: np.ndarray, height: int, width: int) -> tuple[list[RLE], np.ndarray]:
    """Boxes (N, 4) rounded and cut at the frame's border as masks, and their pixels (N,)."""
    corners = np.rint(bboxes).clip(0, [width, height, width, height])
    sizes = corners[:, 2:] - corners[:, :2]
    encoded = coco_mask.frPyObjects(np.concatenate([corners[:, :2], sizes], 1), height, width) if len(bboxes) else []
    nothing = coco_mask.frPyObjects({'size': [height, width], 'counts': [height * width]}, height, width)
    areas = sizes.prod(1)
    texts = [mask['counts'] if pixels else nothing['counts'] for mask, pixels in zip(encoded, areas)]
    return [RLE(size=[height, width], counts=text.decode('ascii')) for text in texts], areas
