"""YouTube-VIS 2019 and 2021, OVIS, and every custom set in their format, read exactly as downloaded."""

from __future__ import annotations

from typing import Any

from mmdet.datasets.base import VideoDataset
from mmdet.datasets.schema import Problem, read_json
from mmdet.errors import DataError
from mmdet.registry import DATASETS

__all__ = ['OVISDataset', 'YouTubeVISDataset']


@DATASETS.register_module()
class YouTubeVISDataset(VideoDataset):
    """Videos in the official YouTube-VIS JSON format.

    Class names come from the file, labels are positions in its category list, video and category ids may be any whole
    numbers and return unchanged in results. ``annotations`` may be null or missing (public validation files); masks may
    be compressed or uncompressed RLE or polygons; ``length``, ``bboxes`` and ``areas`` may be left out. Arguments:
    :class:`mmdet.datasets.base.VideoDataset`.
    """

    def read_document(self) -> dict[str, Any]:
        """The file as it is."""
        return read_json(self.ann_file)


@DATASETS.register_module()
class OVISDataset(YouTubeVISDataset):
    """OVIS: the YouTube-VIS format with an occlusion level per track and frame, which its metric needs."""

    def check_document(self, document: dict[str, Any]) -> None:
        """Every track must have occlusion levels.

        Raises:
            DataError: one has not; video and annotation are named.
        """
        for annotation in document.get('annotations') or ():
            if annotation.get('occlusion') is None:
                message = "the list 'occlusion' is missing; for a set without occlusion levels use YouTubeVISDataset"
                raise DataError(str(Problem(self.ann_file, message, annotation['video_id'], annotation['id'])))
