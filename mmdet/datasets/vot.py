"""VOT 2016, 2018 and 2019, and every set in their layout: one object per sequence, given as a box or polygon."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from mmdet.datasets.annotations import VideoInfo
from mmdet.datasets.clip import FramePrompts
from mmdet.datasets.prompted import OBJECTS_PER_VIDEO, PromptedVideoDataset
from mmdet.errors import DataError
from mmdet.holdout import HOLDOUT_FRACTION, SplitName
from mmdet.registry import DATASETS
from mmdet.sequences.regions import initial_box, polygon_bounds
from mmdet.sequences.vot import VOTSequence, read_vot

__all__ = ['VOTDataset', 'vot_document']


@DATASETS.register_module()
class VOTDataset(PromptedVideoDataset):
    """``list.txt``, ``<sequence>/groundtruth.txt`` and frames in ``<sequence>`` or ``<sequence>/color``.

    The box of a prompt is that of :func:`mmdet.sequences.initial_box`; there is no mask. The object's number is 1,
    the id of a video is its line in the list, from 1.

    Args:
        ann_file: list of sequences.
        data_root: root of the set, to which frames are relative too.
        pipeline, split, holdout_fraction, test_mode, num_ref_frames, max_ref_distance, filter_empty: as in
            :class:`mmdet.datasets.base.VideoDataset`.
    """

    def __init__(
        self,
        ann_file: str = 'list.txt',
        data_root: str = '',
        pipeline: Sequence[Any] = (),
        split: SplitName | None = None,
        holdout_fraction: float = HOLDOUT_FRACTION,
        test_mode: bool = False,
        num_ref_frames: int = 1,
        max_ref_distance: int | None = None,
        filter_empty: bool = True,
    ) -> None:
        self._sequences: dict[str, VOTSequence] = {}
        super().__init__(
            ann_file,
            data_root,
            '',
            pipeline,
            split,
            holdout_fraction,
            test_mode,
            num_ref_frames,
            max_ref_distance,
            filter_empty,
        )

    def read_document(self) -> dict[str, Any]:
        """Regions as polygons of a YouTube-VIS document."""
        sequences = read_vot(self.img_prefix, Path(self.ann_file).resolve())
        self._sequences = {sequence.name: sequence for sequence in sequences}
        return vot_document(sequences)

    def polygons(self, video: VideoInfo) -> np.ndarray:
        """Annotated corners (T, 4, 2) of a video."""
        return self._sequences[self.sequence_name(video)].polygons

    def attributes(self, video: VideoInfo) -> dict[str, np.ndarray]:
        """(T,) bool for every attribute that the sequence has a file of: occlusion, camera_motion, ..."""
        return self._sequences[self.sequence_name(video)].attributes

    def sequence_name(self, video: VideoInfo) -> str:
        """Name of a video's folder."""
        parts = Path(video.file_names[0]).parent.parts
        return '/'.join(parts[:-1] if parts[-1] == 'color' else parts)

    def prompts_at(self, video: VideoInfo, frame: int) -> FramePrompts | None:
        """The object in the first frame."""
        return self.restart_at(video, frame) if frame == 0 else None

    def restart_at(self, video: VideoInfo, frame: int) -> FramePrompts:
        """The object as it is given to a tracker that starts in any frame, as after a failure."""
        x, y, w, h = initial_box(self._sequences[self.sequence_name(video)].regions[frame])
        box = np.array([[x - w / 2, y - h / 2, x + w / 2, y + h / 2]], dtype=np.float32)
        return FramePrompts(bboxes=box, ids=np.ones(1, dtype=np.int64))

    def label_map(self, video: VideoInfo, frame: int) -> NoReturn:
        """VOT has none.

        Raises:
            DataError: always.
        """
        raise DataError(f'{self.ann_file}: VOT annotates boxes and polygons, not masks; score it with VOTMetric')


def vot_document(sequences: Sequence[VOTSequence]) -> dict[str, Any]:
    """A YouTube-VIS document of regions; masks are their polygons."""
    videos, annotations = [], []
    for position, sequence in enumerate(sequences):
        polygons = sequence.polygons
        height, width = sequence.size
        videos.append({'id': position + 1, 'file_names': list(sequence.images), 'height': height, 'width': width})
        bounds = polygon_bounds(polygons)
        boxes = np.concatenate([bounds[:, :2], bounds[:, 2:] - bounds[:, :2]], axis=1)
        annotations.append(
            {
                'id': OBJECTS_PER_VIDEO * position + 1,
                'video_id': position + 1,
                'category_id': 1,
                'iscrowd': 0,
                'segmentations': [[polygon.ravel().tolist()] for polygon in polygons],
                'bboxes': boxes.tolist(),
                'areas': _areas(polygons).tolist(),
            }
        )
    return {'videos': videos, 'categories': [{'id': 1, 'name': 'object'}], 'annotations': annotations}


def _areas(polygons: np.ndarray) -> np.ndarray:
    """Areas (T,) of polygons (T, 4, 2) by the shoelace formula."""
    x, y = polygons[..., 0], polygons[..., 1]
    return np.abs((x * np.roll(y, -1, 1) - np.roll(x, -1, 1) * y).sum(1)) / 2
