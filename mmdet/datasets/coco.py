"""COCO images as videos of one frame, to train a detector on before or together with video."""

from __future__ import annotations

from typing import Any

from mmdet.datasets.base import VideoDataset
from mmdet.datasets.schema import read_json
from mmdet.errors import DataError
from mmdet.registry import DATASETS

__all__ = ['COCOVideoDataset', 'as_video_document']


@DATASETS.register_module()
class COCOVideoDataset(VideoDataset):
    """COCO instances: every image is a video of one frame, whose id is the image's.

    A training clip repeats the image as its own reference frame. Arguments: :class:`mmdet.datasets.base.VideoDataset`.
    """

    def read_document(self) -> dict[str, Any]:
        """The COCO file as a YouTube-VIS document."""
        return as_video_document(read_json(self.ann_file), self.ann_file)


def as_video_document(document: dict[str, Any], file: str) -> dict[str, Any]:
    """Turn a COCO instances document into a YouTube-VIS one; polygons and crowd RLEs are kept as they are.

    Raises:
        DataError: not a COCO instances document.
    """
    images = document.get('images')
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        hint = '; files with videos are read by YouTubeVISDataset' if 'videos' in document else ''
        raise DataError(f"{file}: a COCO file needs the list 'images'{hint}")
    annotations = document.get('annotations')
    if annotations is not None and not all(isinstance(a, dict) for a in annotations):
        raise DataError(f"{file}: 'annotations' must be a list of objects")
    return {
        **{key: value for key, value in document.items() if key not in ('images', 'annotations')},
        'videos': [_video(image) for image in images],
        'annotations': None if annotations is None else [_track(a) for a in annotations],
    }


def _video(image: dict[str, Any]) -> dict[str, Any]:
    names = [image['file_name']] if 'file_name' in image else []
    return {'id': image.get('id'), 'file_names': names, 'height': image.get('height'), 'width': image.get('width')}


def _track(annotation: dict[str, Any]) -> dict[str, Any]:
    track = {
        'id': annotation.get('id'),
        'video_id': annotation.get('image_id'),
        'category_id': annotation.get('category_id'),
        'iscrowd': annotation.get('iscrowd', 0),
        'segmentations': [annotation.get('segmentation')],
    }
    if 'bbox' in annotation:
        track['bboxes'] = [annotation['bbox']]
    if 'area' in annotation:
        track['areas'] = [annotation['area']]
    return track
