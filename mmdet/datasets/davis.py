"""DAVIS 2016 and 2017, and every set in their layout, read as downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from mmdet.datasets.annotations import VideoInfo
from mmdet.datasets.prompted import OnError, PromptedVideoDataset, mask_track, read_in_threads, root_folder
from mmdet.errors import ConfigError, DataError
from mmdet.holdout import HOLDOUT_FRACTION, SplitName
from mmdet.registry import DATASETS
from mmdet.sequences.davis import DavisSequence, read_davis, read_names
from mmdet.sequences.label_maps import is_drawn_white, merged_objects, object_numbers

__all__ = ['DAVISDataset', 'davis_document']

UnknownObjects = Literal['error', 'ignore']


@DATASETS.register_module()
class DAVISDataset(PromptedVideoDataset):
    """``JPEGImages/480p/<sequence>``, ``Annotations/480p/<sequence>`` and a list of sequences.

    Objects are those of a sequence's first label map. The id of a video is its line in the list, from 1. A sequence
    with a label map for its first frame alone (test sets) can be run, not scored.

    Args:
        ann_file: list of sequences, such as ``ImageSets/2017/val.txt``.
        data_root: root of the set.
        img_prefix: folder of the frames, relative to the root.
        map_prefix: folder of the label maps, relative to the root.
        merge_objects: take all objects of a sequence as one, as DAVIS 2016 does.
        unknown_objects: what to do about a number that the first map has not: ``error`` or ``ignore``.
        pipeline, split, holdout_fraction, test_mode, num_ref_frames, max_ref_distance, filter_empty: as in
            :class:`mmdet.datasets.base.VideoDataset`.
    """

    def __init__(
        self,
        ann_file: str = 'ImageSets/2017/val.txt',
        data_root: str = '',
        img_prefix: str = 'JPEGImages/480p',
        map_prefix: str = 'Annotations/480p',
        merge_objects: bool = False,
        unknown_objects: UnknownObjects = 'error',
        pipeline: Sequence[Any] = (),
        split: SplitName | None = None,
        holdout_fraction: float = HOLDOUT_FRACTION,
        test_mode: bool = False,
        num_ref_frames: int = 1,
        max_ref_distance: int | None = None,
        filter_empty: bool = True,
    ) -> None:
        if unknown_objects not in ('error', 'ignore'):
            raise ConfigError(f"DAVISDataset: unknown_objects is 'error' or 'ignore', got {unknown_objects!r}")
        self.map_prefix = str(root_folder(data_root, map_prefix))
        self.merge_objects = merge_objects
        self.unknown_objects = unknown_objects
        self._sequences: dict[str, DavisSequence] = {}
        self._white: dict[str, bool] = {}  # whether 255 is the object, by sequence
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
        )

    def read_document(self) -> dict[str, Any]:
        """All label maps as a YouTube-VIS document."""
        names = read_names(self.ann_file)
        images, maps = root_folder('', self.img_prefix), root_folder('', self.map_prefix)
        sequences = read_davis(names, images, maps, self.ann_file)
        self._sequences = {sequence.name: sequence for sequence in sequences}
        return davis_document(sequences, self.merge_objects, self.unknown_objects)

    def label_map(self, video: VideoInfo, frame: int) -> np.ndarray:
        """Object numbers (H, W) uint8 of a frame, all 1 with ``merge_objects``; void stays 255.

        Raises:
            DataError: there is no label map, or it is damaged.
        """
        sequence = self._sequences[self.sequence_name(video)]
        labels = sequence.labels(frame)
        if not self.merge_objects:
            return labels
        if sequence.name not in self._white:
            self._white[sequence.name] = is_drawn_white(sequence.labels(0))
        return merged_objects(labels, self._white[sequence.name])

    def _load(self, document: dict[str, Any]) -> None:
        super()._load(document)
        if self.test_mode:
            complete = all(self._sequences[self.sequence_name(video)].complete for video in self.videos)
            self.has_annotations = self.has_annotations and complete


def davis_document(
    sequences: Sequence[DavisSequence],
    merge_objects: bool = False,
    unknown_objects: UnknownObjects = 'error',
    on_error: OnError | None = None,
) -> dict[str, Any]:
    """A YouTube-VIS document of label maps; sequences with an error are left out where ``on_error`` takes it.

    Raises:
        DataError: a map is missing, damaged, of another size than the frames, empty where it must not be, or has an
            object that the first one has not.
    """

    def read(position: int, sequence: DavisSequence) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        height, width = sequence.size
        names = [f'{sequence.name}/{image}' for image in sequence.images]
        video = {'id': position + 1, 'file_names': names, 'height': height, 'width': width, 'length': len(names)}
        return video, _tracks(position, sequence, merge_objects, unknown_objects)

    parts = list(read_in_threads(read, sequences, on_error))
    return {
        'videos': [video for video, _ in parts],
        'categories': [{'id': 1, 'name': 'object'}],
        'annotations': [track for _, tracks in parts for track in tracks],
    }


def _tracks(
    position: int, sequence: DavisSequence, merge_objects: bool, unknown_objects: UnknownObjects
) -> list[dict[str, Any]]:
    white = merge_objects and is_drawn_white(sequence.labels(0))
    objects = [1] if white else sequence.objects()  # which refuses an empty first map
    objects = [1] if merge_objects else objects
    found: dict[int, list[tuple[int, np.ndarray]]] = {number: [] for number in objects}
    for frame, path in enumerate(sequence.maps):
        if path is None:
            continue
        labels = sequence.labels(frame)
        labels = merged_objects(labels, white) if merge_objects else labels
        for number in object_numbers(labels):
            if number in found:
                found[number].append((frame, labels == number))
            elif unknown_objects == 'error':
                raise DataError(
                    f'{path} (sequence {sequence.name}, frame {frame}): object {number} is not in the first frame, '
                    f'which has {", ".join(map(str, objects))}; correct the map, or set unknown_objects="ignore"'
                )
    return [mask_track(position, number, 1, len(sequence.images), masks) for number, masks in found.items()]
