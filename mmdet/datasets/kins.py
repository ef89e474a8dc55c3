"""KINS (amodal masks on KITTI images) to crops around single objects, in COCO form.

KINS gives every object two masks; the visible one is taken. The objects of an image are painted one over the other in
the order of the file, so that every pixel belongs to at most one, and each object of the wanted class gets a window of
its own. Objects of related classes in the window are marked as a region to be ignored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from shutil import rmtree
from typing import Any, Literal

import cv2
import numpy as np

from mmdet.datasets.image_file import check_size, read_image
from mmdet.datasets.schema import read_json
from mmdet.datasets.transforms.crop import object_window
from mmdet.errors import ConfigError, DataError
from mmdet.files import write_json
from mmdet.ops import rle
from mmdet.progress import progress_bar

__all__ = ['OTHERS', 'KINSCrops', 'convert_kins', 'paint_objects']

OTHERS = {'car': ('tram', 'truck', 'van', 'misc'), 'pedestrian': ('cyclist', 'rider', 'person-sitting')}
SIZES = {'car': (640, 160), 'pedestrian': (256, 160)}
NAMES = {1: 'cyclist', 2: 'pedestrian', 3: 'rider', 4: 'car', 5: 'tram', 6: 'truck', 7: 'van', 8: 'misc'}
VISIBLE_KEYS = ('inmodal_seg', 'i_segm')  # of the first and of the second release
WANTED = 26_000  # pixels of wanted objects hold this plus the object's number, those of others their number alone
PARTS = '.parts'


@dataclass(frozen=True)
class KINSCrops:
    """Which crops are made.

    Attributes:
        name: class that is wanted, ``car`` or ``pedestrian``.
        size: (width, height) in pixels; None takes 640 x 160 for cars and 256 x 160 for pedestrians.
        image_format: ``png``, or ``jpg`` at a fifth of the space.
    """

    name: str = 'car'
    size: tuple[int, int] | None = None
    image_format: Literal['png', 'jpg'] = 'png'

    def __post_init__(self) -> None:
        if self.name not in OTHERS:
            raise ConfigError(f'crops are made of {" or ".join(OTHERS)}, not of {self.name!r}')
        if self.image_format not in ('png', 'jpg'):
            raise ConfigError(f"crops are written as 'png' or 'jpg', not as {self.image_format!r}")
        if self.size is not None and min(self.size) < 1:
            raise ConfigError(f'the size of a crop is (width, height) in pixels, got {self.size}')

    @property
    def window(self) -> tuple[int, int]:
        """Width and height of a crop in pixels."""
        return self.size or SIZES[self.name]


@dataclass(frozen=True)
class _Image:
    """One image of the annotation file with what there is to paint on it, in the file's order."""

    entry: dict[str, Any]
    objects: tuple[dict[str, Any], ...]
    source: str

    @property
    def stem(self) -> str:
        return Path(self.entry['file_name']).with_suffix('').as_posix().replace('/', '_')

    @property
    def where(self) -> str:
        return f'{self.source}, image {self.entry["id"]}'


def convert_kins(
    annotations: str | Path,
    images: str | Path,
    out: str | Path,
    plan: KINSCrops | None = None,
    split: str | None = None,
    workers: int = 1,
    progress: bool = True,
) -> Path:
    """Write ``out/<split>/<image>_<n>.png`` and ``out/<split>.json`` for COCOVideoDataset, and return the latter.

    The bytes depend on the input and ``plan`` alone. What an interrupted run has done is kept; a finished set is left
    alone.

    Args:
        annotations: KINS file.
        images: folder that its file names are relative to.
        out: folder of the set; made where it does not exist.
        plan: which crops.
        split: name of file and folder; None takes that of ``annotations``.
        workers: threads.
        progress: show a progress bar.

    Raises:
        DataError: the file or an image is missing or damaged, or has no object of the class; file and image named.
        ConfigError: ``out`` holds crops of another plan under this name.
    """
    plan, out = plan or KINSCrops(), Path(out)
    if workers < 1:
        raise ConfigError(f'workers is {workers}; it has to be a whole number from 1')
    split = split or Path(annotations).stem
    document = read_json(annotations)
    work = _images(document, plan, str(annotations))
    facts = _facts(annotations, plan)
    target = out / f'{split}.json'
    if _claim(target, out / PARTS / split, facts):
        return target
    try:
        parts = _make_all(work, Path(images), target, plan, workers, progress)
        _join(parts, target, plan, facts)
        rmtree(out / PARTS / split)
    except OSError as error:
        advice = 'what is done is kept: call it again to go on'
        raise DataError(f'{error.filename or out}: cannot write crops ({error.strerror}); {advice}') from error
    return target


def _facts(annotations: str | Path, plan: KINSCrops) -> dict[str, Any]:
    digest = hashlib.sha256(Path(annotations).read_bytes()).hexdigest()
    return {'class': plan.name, 'size': list(plan.window), 'format': plan.image_format, 'source_sha256': digest}


def _claim(target: Path, parts: Path, facts: dict[str, Any]) -> bool:
    """Whether ``target`` is finished; otherwise mark ``parts`` as ours.

    Raises:
        ConfigError: there are crops of another plan.
    """
    marker = parts / 'plan.json'
    for path, key in ((target, 'info'), (marker, None)):
        if not path.exists():
            continue
        content = read_json(path)
        found = content.get(key) if key else content
        if found != facts:
            raise ConfigError(f'{path} belongs to other crops ({found}); use another folder or split, or delete it')
        if key:
            return True
    write_json(marker, facts)
    return False


def _images(document: dict[str, Any], plan: KINSCrops, source: str) -> list[_Image]:
    """Images that show the wanted class, by file name."""
    for key in ('images', 'annotations'):
        if not isinstance(document.get(key), list) or not all(isinstance(e, dict) for e in document[key]):
            raise DataError(f"{source}: a KINS file needs the list '{key}'")
    names = {c['id']: c['name'] for c in document.get('categories') or () if 'id' in c and 'name' in c} or NAMES
    objects: dict[Any, list[dict[str, Any]]] = {}
    for annotation in document['annotations']:
        name = names.get(annotation.get('category_id'))
        if name == plan.name or name in OTHERS[plan.name]:
            objects.setdefault(annotation.get('image_id'), []).append({**annotation, 'wanted': name == plan.name})
    entries = {entry.get('id'): entry for entry in document['images']}
    lost = sorted(str(image_id) for image_id in objects if image_id not in entries)
    if lost:
        raise DataError(f'{source}: annotations belong to image {lost[0]}, which the file does not list')
    chosen = [i for i, found in objects.items() if any(o['wanted'] for o in found)]
    work = [_Image(_checked(entries[i], source), tuple(objects[i]), source) for i in chosen]
    if not work:
        known = ', '.join(map(str, names.values()))
        raise DataError(f"{source}: there is no object of the class '{plan.name}'; the file's classes are {known}")
    work.sort(key=lambda image: image.stem)
    for first, second in pairwise(work):
        if first.stem == second.stem:
            both = f'{first.entry["file_name"]} and {second.entry["file_name"]}'
            raise DataError(f'{source}: crops of {both} would be called the same; rename one of the images')
    return work


def _checked(entry: dict[str, Any], source: str) -> dict[str, Any]:
    numbers = [entry.get(key) for key in ('height', 'width')]
    if not isinstance(entry.get('file_name'), str) or not all(isinstance(n, int) and n > 0 for n in numbers):
        raise DataError(f"{source}: image {entry.get('id')} needs 'file_name', 'height' and 'width'")
    return entry


def _make_all(
    work: Sequence[_Image], images: Path, target: Path, plan: KINSCrops, workers: int, progress: bool
) -> list[Path]:
    """Cut the crops of every image; returns the files that list them, in the order of ``work``."""
    folder, parts = target.with_suffix(''), target.parent / PARTS / target.stem
    paths = [parts / f'{image.stem}.crops.json' for image in work]
    folder.mkdir(parents=True, exist_ok=True)
    waiting = [(image, path) for image, path in zip(work, paths) if not path.exists()]

    def make(job: tuple[_Image, Path]) -> None:
        write_json(job[1], _cut_image(job[0], images, folder, plan))

    done = len(work) - len(waiting)
    with (
        ThreadPoolExecutor(workers) as pool,
        progress_bar(len(work), 'image', done=done, shown=progress) as bar,
    ):
        try:
            for _ in pool.map(make, waiting):
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return paths


def paint_objects(masks: Iterable[np.ndarray], wanted: Iterable[bool], shape: tuple[int, int]) -> np.ndarray:
    """Number map (H, W) int32: 0, n for the n-th object, 26000 + n if it is wanted; later objects lie on top."""
    ids = np.zeros(shape, dtype=np.int32)
    for number, (mask, is_wanted) in enumerate(zip(masks, wanted), start=1):
        ids[mask != 0] = number + WANTED * is_wanted
    return ids


def _visible_mask(annotation: dict[str, Any], image: _Image) -> np.ndarray:
    height, width = image.entry['height'], image.entry['width']
    where = f'{image.where}, annotation {annotation.get("id")}'
    for key in VISIBLE_KEYS:
        if annotation.get(key):
            return rle.decode(rle.normalise_rle(annotation[key], height, width, where))
    raise DataError(
        f'{where}: there is no visible mask ({" or ".join(VISIBLE_KEYS)}); is this a KINS file? In a COCO file with '
        'plain masks, train on whole images with the transform CropAroundObject'
    )


def _cut_image(image: _Image, images: Path, folder: Path, plan: KINSCrops) -> list[dict[str, Any]]:
    """Write the crops of one image; returns their entries."""
    height, width = image.entry['height'], image.entry['width']
    pixels = read_image(images / image.entry['file_name'], image.where)
    check_size(images / image.entry['file_name'], pixels.shape[:2], (height, width), image.where)
    masks = [_visible_mask(annotation, image) for annotation in image.objects]
    ids = paint_objects(masks, [annotation['wanted'] for annotation in image.objects], (height, width))
    crops = []
    for number, wanted in enumerate(np.unique(ids[ids > WANTED])):
        rows, columns = (ids == wanted).nonzero()
        x1, y1, x2, y2 = object_window((columns.mean(), rows.mean()), plan.window, (width, height))
        name = f'{image.stem}_{number}.{plan.image_format}'
        _write_image(folder / name, pixels[y1:y2, x1:x2])
        crops.append(dict(file_name=name, height=y2 - y1, width=x2 - x1, objects=_objects_in(ids[y1:y2, x1:x2])))
    return crops


def _objects_in(ids: np.ndarray) -> list[dict[str, Any]]:
    """Masks of a crop: every wanted object, and all others as one region to be ignored."""
    masks = [(ids == wanted, 0) for wanted in np.unique(ids[ids > WANTED])]
    others = (ids > 0) & (ids < WANTED)
    if others.any():
        masks.append((others, 1))
    return [dict(segmentation=rle.encode(mask), iscrowd=crowd) for mask, crowd in masks]


def _write_image(path: Path, pixels: np.ndarray) -> None:
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if path.suffix == '.jpg' else []
    encoded = cv2.imencode(path.suffix, cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR), options)[1]
    path.write_bytes(encoded.tobytes())


def _join(parts: Sequence[Path], target: Path, plan: KINSCrops, facts: dict[str, Any]) -> None:
    """One COCO file of all crops, numbered from 1."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for path in parts:
        for crop in json.loads(path.read_bytes()):
            objects = crop.pop('objects')
            images.append({'id': len(images) + 1, **crop})
            masks = [found['segmentation'] for found in objects]
            for found, box, area in zip(objects, rle.to_bbox(masks).tolist(), rle.area(masks).tolist()):
                place = {'id': len(annotations) + 1, 'image_id': len(images), 'category_id': 1}
                annotations.append({**place, **found, 'bbox': box, 'area': area})
    categories = [{'id': 1, 'name': plan.name}]
    write_json(target, dict(info=facts, images=images, annotations=annotations, categories=categories))
