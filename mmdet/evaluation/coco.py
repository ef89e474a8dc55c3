"""Box and mask average precision on still images, with pycocotools' own evaluator.

Images are one-frame videos everywhere else in this package: the video id is the image id.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmdet.errors import AnnotationsMissingError, ConfigError, DataError
from mmdet.evaluation.average_precision import mean_of_present
from mmdet.evaluation.files import read_json
from mmdet.evaluation.tables import text_table
from mmdet.evaluation.video_result import VideoResult
from mmdet.evaluation.vis_results import load_results
from mmdet.ops import rle

KINDS = ('bbox', 'segm')
NAMES = (
    *('AP', 'AP50', 'AP75', 'AP_small', 'AP_medium', 'AP_large'),
    *('AR1', 'AR10', 'AR100', 'AR_small', 'AR_medium', 'AR_large'),
)


@dataclass(frozen=True)
class _Truth:
    """A checked COCO annotation file: sizes (height, width) by image id, names by category id, and its annotations."""

    source: str
    sizes: dict[int, tuple[int, int]]
    categories: dict[int, str]
    annotations: list[dict[str, Any]]


@dataclass(frozen=True)
class ImageAP:
    """COCO's 12 numbers of one kind; -1 where there was nothing to find.

    Attributes:
        kind: ``bbox`` or ``segm``.
        numbers: by name.
        per_category: AP, AP50 and AR100 by category id.
        categories: names by id.
    """

    kind: str
    numbers: dict[str, float]
    per_category: dict[int, dict[str, float]] = field(default_factory=dict)
    categories: dict[int, str] = field(default_factory=dict)

    def table(self) -> str:
        """Text for the console: the numbers, then one row per category that has ground truth."""
        present = {key: values for key, values in self.per_category.items() if values['AP'] != -1}
        rows: list[tuple[str | float, ...]] = [
            (f'{self.categories[key]} ({key})', *values.values()) for key, values in present.items()
        ]
        table = text_table((self.kind, 'value'), list(self.numbers.items()))
        return table + '\n\n' + text_table(('category (id)', 'AP', 'AP50', 'AR100'), rows) if rows else table

    def as_dict(self) -> dict[str, Any]:
        """Every number as plain values, ready for JSON."""
        categories = {
            str(key): {'name': self.categories[key], **values} for key, values in self.per_category.items()
        }
        return {'summary': self.numbers, 'per_category': categories}


def evaluate_coco_files(
    ground_truth: str | Path, results: str | Path, kinds: Sequence[str] = KINDS
) -> dict[str, ImageAP]:
    """Evaluate a COCO result file. Kinds whose key (``bbox``, ``segmentation``) no result has are left out.

    Raises:
        AnnotationsMissingError, ConfigError: as :func:`evaluate_coco`.
        DataError: as there; or a file is missing or damaged, or no result has what ``kinds`` needs.
    """
    entries = load_results(results)
    truth = read_json(ground_truth, 'annotation')
    present = [kind for kind in kinds if not entries or any(_result_key(kind) in entry for entry in entries)]
    if not present:
        raise DataError(f'{results}: no result has {" or ".join(_result_key(kind) for kind in kinds)}')
    return evaluate_coco(truth, entries, present, str(ground_truth), str(results))


def evaluate_coco(
    ground_truth: dict[str, Any],
    results: Sequence[dict[str, Any]],
    kinds: Sequence[str] = KINDS,
    source: str = 'annotations',
    results_source: str = 'results',
) -> dict[str, ImageAP]:
    """COCO box and mask AP.

    Args:
        ground_truth: COCO dict: images, categories, annotations. Not changed.
        results: dicts with image_id, category_id, score, and bbox [x, y, w, h] or segmentation (RLE) for ``kinds``.
        kinds: ``bbox``, ``segm``.
        source: name of the annotation file for messages.
        results_source: name of the result file for messages.

    Raises:
        AnnotationsMissingError: there is no ground truth.
        DataError: an id is unknown, a mask is damaged or of another size than its image, or a number is not finite.
        ConfigError: an unknown kind.
    """
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise ConfigError(f'COCO has no evaluation of kind {unknown[0]!r}; it has {", ".join(KINDS)}')
    truth = _read_truth(ground_truth, source)
    numbers = {}
    for kind in kinds:
        detections = [
            _read_result(index, entry, kind, truth, results_source) for index, entry in enumerate(results)
        ]
        numbers[kind] = _run(truth, detections, kind)
    return numbers


def coco_results(results: Iterable[VideoResult], category_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Detections of one-frame videos as COCO results, with box and mask.

    Raises:
        DataError: a video has more than one frame, or a label has no category id.
    """
    entries = []
    for result in results:
        if result.length != 1:
            raise DataError(f'video {result.video_id} has {result.length} frames; COCO evaluates single images')
        frame = result.frames[0]
        for label, score, (x1, y1, x2, y2), mask in zip(frame.labels, frame.scores, frame.bboxes, frame.masks):
            if not 0 <= label < len(category_ids):
                raise DataError(f'image {result.video_id}: label {label}, but there are {len(category_ids)} classes')
            entries.append({
                'image_id': result.video_id,
                'category_id': category_ids[label],
                'score': score,
                'bbox': [x1, y1, x2 - x1, y2 - y1],
                'segmentation': mask,
            })
    return entries


def to_coco_ground_truth(data: dict[str, Any]) -> dict[str, Any]:
    """COCO form of a YouTube-VIS style dict in which every video has one frame.

    Raises:
        DataError: a video has more than one frame or an annotation more or less than one mask.
    """
    images = [{'id': v['id'], 'height': v['height'], 'width': v['width']} for v in data.get('videos', ())]
    annotations = []
    for entry in data.get('annotations') or ():
        masks, boxes, sizes = (entry.get(key) for key in ('segmentations', 'bboxes', 'areas'))
        if not isinstance(masks, list) or len(masks) != 1:
            raise DataError(f'annotation {entry.get("id")}: needs exactly one mask, as COCO evaluates single images')
        if masks[0] is None and not (boxes and boxes[0]):
            continue
        annotation = {key: entry.get(key, 0) for key in ('id', 'category_id', 'iscrowd')}
        annotation |= {'image_id': entry['video_id'], 'segmentation': masks[0]}
        annotation |= {'bbox': boxes[0]} if boxes else {}
        annotation |= {'area': sizes[0]} if sizes else {}
        annotations.append(annotation)
    return {'images': images, 'categories': data.get('categories', []), 'annotations': annotations}


def _read_truth(data: dict[str, Any], source: str) -> _Truth:
    if not isinstance(data, dict) or not all(isinstance(data.get(key), list) for key in ('images', 'categories')):
        raise DataError(f'{source}: is not a COCO annotation file (a dict with images, categories and annotations)')
    if not data.get('annotations'):
        raise AnnotationsMissingError(f'{source} has no annotations, so nothing can be evaluated with it.')
    try:
        sizes = {image['id']: (image['height'], image['width']) for image in data['images']}
        categories = {category['id']: str(category['name']) for category in data['categories']}
    except (KeyError, TypeError) as error:
        raise DataError(f'{source}: an image lacks id, height or width, or a category id or name ({error})') from error
    truth = _Truth(source, sizes, categories, data['annotations'])
    places = (f'{source}: annotation at position {index}' for index in range(len(truth.annotations)))
    identities = [_check_ids(entry, truth, where) for entry, where in zip(truth.annotations, places)]
    if len(set(identities)) < len(identities):
        raise DataError(f'{source}: an annotation id appears twice')
    return truth


def _check_ids(entry: Any, truth: _Truth, where: str) -> Any:
    """Refuse an entry of an unknown image or category; give its own id back."""
    if not isinstance(entry, dict):
        raise DataError(f'{where}: is not a dict')
    for key, known in (('image_id', truth.sizes), ('category_id', truth.categories)):
        if type(entry.get(key)) is not int or entry[key] not in known:
            raise DataError(f'{where}: {key} {entry.get(key)!r} is not in {truth.source}')
    return entry.get('id')


def _result_key(kind: str) -> str:
    return 'bbox' if kind == 'bbox' else 'segmentation'


def _read_result(index: int, entry: Any, kind: str, truth: _Truth, source: str) -> dict[str, Any]:
    """A detection in the form of pycocotools' own result loader: its area is that of the box or of the mask."""
    where = f'{source}: result {index}'
    _check_ids(entry, truth, where)
    score = entry.get('score')
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        raise DataError(f"{where}: 'score' must be a finite number, found {score!r}")
    shape = _shape(entry, kind, truth, where)
    return {**shape, **{key: entry[key] for key in ('image_id', 'category_id', 'score')}, 'id': index + 1, 'iscrowd': 0}


def _read_annotation(position: int, entry: dict[str, Any], kind: str, truth: _Truth) -> dict[str, Any]:
    """An annotation under a new id from 1, as an id of 0 would count as no match."""
    shape = _shape(entry, kind, truth, f'{truth.source}: annotation {entry.get("id")} (image {entry["image_id"]})')
    shape['area'] = entry.get('area', shape['area'])
    keys = {key: entry[key] for key in ('image_id', 'category_id')}
    return {**shape, **keys, 'id': position + 1, 'iscrowd': int(entry.get('iscrowd') or 0)}


def _shape(entry: dict[str, Any], kind: str, truth: _Truth, where: str) -> dict[str, Any]:
    """The checked box [x, y, w, h] or mask of an entry, and its area in pixels."""
    if kind == 'segm' or 'bbox' not in entry:
        mask = rle.normalise_rle(entry.get('segmentation'), *truth.sizes[entry['image_id']], where)
        return {'segmentation': mask, 'bbox': rle.to_bbox([mask])[0].tolist(), 'area': int(rle.area([mask])[0])}
    box = entry['bbox']
    numbers = isinstance(box, list | tuple) and all(isinstance(v, int | float) and math.isfinite(v) for v in box)
    if not numbers or len(box) != 4:
        raise DataError(f"{where}: 'bbox' must be four finite numbers [x, y, width, height], found {box!r}")
    return {'bbox': list(box), 'area': box[2] * box[3]}


def _run(truth: _Truth, detections: list[dict[str, Any]], kind: str) -> ImageAP:
    annotations = [_read_annotation(i, entry, kind, truth) for i, entry in enumerate(truth.annotations)]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_index(truth, annotations), _index(truth, detections), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    precision, recall = evaluation.eval['precision'], evaluation.eval['recall']  # (T, P, K, A, M), (T, K, A, M)
    per_category = {
        category_id: {
            'AP': mean_of_present(precision[:, :, k, 0, -1]),
            'AP50': mean_of_present(precision[0, :, k, 0, -1]),
            'AR100': mean_of_present(recall[:, k, 0, -1]),
        }
        for k, category_id in enumerate(sorted(truth.categories))
    }
    numbers = dict(zip(NAMES, np.asarray(evaluation.stats, float).tolist()))
    return ImageAP(kind, numbers, per_category, truth.categories)


def _index(truth: _Truth, entries: list[dict[str, Any]]) -> COCO:
    coco = COCO()
    coco.dataset = {
        'images': [{'id': key, 'height': size[0], 'width': size[1]} for key, size in truth.sizes.items()],
        'categories': [{'id': key, 'name': name} for key, name in truth.categories.items()],
        'annotations': entries,
    }
    coco.createIndex()
    return coco
