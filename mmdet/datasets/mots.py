"""KITTI MOTS and MOTSChallenge: masks of cars and pedestrians in text files or 16-bit instance maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

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
from mmdet.errors import ConfigError, DataError
from mmdet.formats import (
    IGNORE,
    MOTS_CLASSES,
    PEDESTRIAN,
    MaskTable,
    SeqmapRow,
    mots_seqmap,
    mots_sources,
    read_mask_pngs,
    read_masks,
    read_seqmap,
)
from mmdet.holdout import HOLDOUT_FRACTION, SplitName
from mmdet.registry import DATASETS

__all__ = ['MOTSDataset', 'MOTSLayout', 'mots_document']

MOTSLayout = Literal['kitti', 'motschallenge']
FIRST_FRAME = {'kitti': 0, 'motschallenge': 1}


@DATASETS.register_module()
class MOTSDataset(VideoDataset):
    """KITTI MOTS, MOTSChallenge and sets in their layouts.

    * ``kitti``: ``ann_file`` is ``instances_txt`` or ``instances`` (maps), ``img_prefix`` ``training/image_02``; frames
      are ``<sequence>/000000.png`` and on. Classes car and pedestrian.
    * ``motschallenge``: ``ann_file`` and ``img_prefix`` are ``train``; frames ``<sequence>/img1/000001.jpg``, text in
      ``<sequence>/gt/gt.txt``. Class pedestrian.

    Regions to be ignored become one crowd annotation per video whose ``role`` is ``region``; it belongs to the first
    class. An identity that changes its class is an object of each. A video's id comes from its name, so it stays when
    other sequences come or go: 1 more than a name that is a number. Other arguments: :class:`VideoDataset`.

    Args:
        ann_file: see above; '' for sequences without ground truth.
        layout: one of the two.
        sequences: names of the sequences to read; None for all.
        seqmap: file that lists the sequences (and their lengths) instead, relative to ``data_root``.
        part: ``train``, ``val`` or ``test``: the benchmark's own sequences, instead.
    """

    def __init__(
        self,
        ann_file: str = 'instances_txt',
        data_root: str = '',
        img_prefix: str = 'training/image_02',
        pipeline: Sequence[Any] = (),
        split: SplitName | None = None,
        holdout_fraction: float = HOLDOUT_FRACTION,
        test_mode: bool = False,
        num_ref_frames: int = 1,
        max_ref_distance: int | None = None,
        filter_empty: bool = True,
        classes: Sequence[str] | None = None,
        layout: MOTSLayout = 'kitti',
        sequences: Sequence[str] | None = None,
        seqmap: str | None = None,
        part: str | None = None,
    ) -> None:
        if layout not in FIRST_FRAME:
            raise ConfigError(f"MOTSDataset: layout {layout!r} does not exist; use 'kitti' or 'motschallenge'")
        if sum(choice is not None for choice in (sequences, seqmap, part)) > 1:
            raise ConfigError('MOTSDataset: give one of sequences, seqmap and part')
        self.layout = layout
        self.with_truth = bool(ann_file)
        self.rows = [SeqmapRow(name) for name in sequences] if sequences is not None else None
        if seqmap is not None:
            self.rows = read_seqmap(Path(data_root).expanduser() / seqmap)
        elif part is not None:
            self.rows = mots_seqmap(layout, part)
        self._wanted = classes
        super().__init__(
            ann_file,
            data_root,
            img_prefix,
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
        truth = self.ann_file if self.with_truth else None
        return mots_document(truth, self.img_prefix, self.layout, self.rows, self._wanted)


def mots_document(
    truth: str | Path | None,
    images: str | Path,
    layout: MOTSLayout,
    rows: Sequence[SeqmapRow] | None = None,
    classes: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Sequences as a YouTube-VIS document; ``annotations`` is None without ground truth.

    Args:
        truth: folder of text files, of instance maps, or of MOTSChallenge sequences; None without ground truth.
        images: folder of the sequences' frames.
        layout: which benchmark's.
        rows: sequences to read, None for all.
        classes: names of the classes that are used; regions to be ignored get the first.

    Raises:
        DataError: a folder, sequence or frame is missing, or a file is damaged; file, line, frame and id are named.
    """
    images = Path(images)
    source = Path(truth) if truth is not None else images
    if not source.is_dir():
        raise DataError(f'{source}: no such folder; check data_root, ann_file and img_prefix')
    found = _sequences_in(source, layout, truth is not None)
    wanted = None if rows is None else [row.name for row in rows]
    lengths = {row.name: None if row.last is None else row.last - FIRST_FRAME[layout] + 1 for row in rows or ()}
    numbers = sequence_numbers(found, str(source))
    names = MOTS_CLASSES if layout == 'kitti' else {PEDESTRIAN: MOTS_CLASSES[PEDESTRIAN]}
    videos: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for name in choose_sequences(found, wanted, str(source)):
        frames = _frames_of(images, name, layout)
        length = lengths.get(name) or len(frames) or None
        table = _read_truth(found[name], layout, length) if truth is not None else None
        video = video_entry(numbers[name], _sequence_files(name, images, frames, layout, lengths.get(name), table))
        videos.append(video)
        if table is not None:
            region_class = next((c for c, n in names.items() if classes and n == classes[0]), next(iter(names)))
            annotations += _annotations(table, video, region_class, first_id=len(annotations) + 1)
    categories = [{'id': class_id, 'name': label} for class_id, label in names.items()]
    return {'videos': videos, 'categories': categories, 'annotations': annotations if truth is not None else None}


def _sequences_in(source: Path, layout: MOTSLayout, is_truth: bool) -> dict[str, Path]:
    """Where every sequence's ground truth lies, or its frames."""
    if not is_truth:
        return {path.name: path for path in source.iterdir() if path.is_dir()}
    if layout == 'motschallenge':
        return {path.parent.parent.name: path for path in source.glob('*/gt/gt.txt')}
    return mots_sources(source)


def _folder_of(name: str, layout: MOTSLayout) -> str:
    return f'{name}/img1' if layout == 'motschallenge' else name


def _frames_of(images: Path, name: str, layout: MOTSLayout) -> list[str]:
    """Names of a sequence's images, each there once; none where there are no images."""
    folder = images / _folder_of(name, layout)
    frames = list_frames(folder)
    refuse_gaps(folder, frames, FIRST_FRAME[layout])
    return frames


def _read_truth(path: Path, layout: MOTSLayout, length: int | None) -> MaskTable:
    """Masks of a sequence; ``length`` is None where neither frames nor a sequence map tell it."""
    first = FIRST_FRAME[layout]
    return read_mask_pngs(path, length, first, complete=True) if path.is_dir() else read_masks(path, first_frame=first)


def _sequence_files(
    name: str, images: Path, frames: list[str], layout: MOTSLayout, length: int | None, table: MaskTable | None
) -> SequenceFiles:
    """Frames of a sequence; without images their names follow from its length."""
    inside = _folder_of(name, layout)
    first = FIRST_FRAME[layout]
    where = table.source if table else str(images / inside)
    if not frames:
        if length is None:
            raise DataError(f'{images / inside}: no frames there, and no sequence map tells the length of {name}')
        suffix = '.jpg' if layout == 'motschallenge' else '.png'
        frames = [f'{number + first:06d}{suffix}' for number in range(length)]
    if length is not None and len(frames) != length:
        raise DataError(f'{images / inside}: {len(frames)} frames, but the sequence map has {length} of {name}')
    if table is not None and len(table) and int(table.frames.max()) >= len(frames):
        row = int(table.frames.argmax())
        raise DataError(f'{table.place(row)}: the sequence has only {len(frames)} frames in {images / inside}')
    names = [f'{inside}/{frame}' for frame in frames]
    return SequenceFiles(name, names, frame_size(images / names[0], table.size if table else None, where), first)


def _annotations(table: MaskTable, video: dict[str, Any], region_class: int, first_id: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    objects = np.unique(np.stack([table.ids, table.class_ids]), axis=1, return_inverse=True)[1].reshape(-1)
    for row, annotation in track_annotations(
        video, table.frames, objects, table.masks.rles(), areas=table.masks.areas.astype(np.float64)
    ):
        region = table.class_ids[row] == IGNORE
        class_id = region_class if region else int(table.class_ids[row])
        known = {'id': first_id + len(found), 'category_id': class_id, 'iscrowd': int(region)}
        role = {'role': 'region'} if region else {}
        found.append({**known, 'track_id': int(table.ids[row]), **role, **annotation})
    return found
