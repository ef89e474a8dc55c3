"""Finds everything that is wrong with a data set before hours of training do.

Structure is checked by :mod:`mmdet.datasets.schema` as when the data set is loaded; here every mask is taken apart and
every image is looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from mmdet.datasets.check_crops import check_market, is_market
from mmdet.datasets.check_sequences import check_sequences
from mmdet.datasets.coco import as_video_document
from mmdet.datasets.image_file import check_size, find_image, header_size, read_image
from mmdet.datasets.layouts import find_parts, missing_pieces, recognise
from mmdet.datasets.schema import Problem, entry_ok, read_json, structure_problems
from mmdet.datasets.tracking_layouts import TrackingSet, find_tracking_sets
from mmdet.errors import ConfigError, DataError
from mmdet.holdout import HOLDOUT_VERSION, holdout_ids
from mmdet.occlusion import class_counts, track_occlusion
from mmdet.ops.rle import area, normalise_rle, to_bbox
from mmdet.structures import RLE

__all__ = ['CheckOptions', 'Findings', 'check_data', 'check_document', 'check_file', 'image_problems', 'mask_problems']

Item = TypeVar('Item')

# A box may differ from its mask's box by this many pixels or this share of its size: polygons have sub-pixel corners,
# and tools disagree about the last pixel.
BOX_TOLERANCE_PIXELS = 3.0
BOX_TOLERANCE_SHARE = 0.05
AREA_TOLERANCE_PIXELS = 32.0
AREA_TOLERANCE_SHARE = 0.1
HARMLESS_RATIO = 0.5  # box IoU or ratio of areas up to which a difference is loose drawing, not an error


@dataclass(frozen=True)
class CheckOptions:
    """How thorough a check is.

    Attributes:
        decode_images: decode every image instead of reading its header and looking for its end.
        skip_images: leave images alone.
        occlusion: every track must have occlusion levels.
        progress: show progress bars on a terminal.
    """

    decode_images: bool = False
    skip_images: bool = False
    occlusion: bool = False
    progress: bool = False


@dataclass
class Findings:
    """Problems in the order in which they were found; at most ``limit`` are kept, all are counted."""

    limit: int = 0  # 0: no limit
    problems: list[Problem] = field(default_factory=list)
    count: int = 0
    notes: list[Problem] = field(default_factory=list)
    note_count: int = 0

    def add(self, problem: Problem) -> None:
        """Count a problem or a harmless note, and keep it if there is room."""
        kept = self.notes if problem.harmless else self.problems
        self.count += not problem.harmless
        self.note_count += problem.harmless
        if not self.limit or len(kept) < self.limit:
            kept.append(problem)

    def lines(self) -> Iterator[str]:
        """The findings as text, problems first."""
        yield from (f'PROBLEM  {problem}' for problem in self.problems)
        if self.count > len(self.problems):
            yield f'... and {self.count - len(self.problems)} more problems'
        yield from (f'note     {note}' for note in self.notes)
        if self.note_count > len(self.notes):
            yield f'... and {self.note_count - len(self.notes)} more notes'

    def tell(self, echo: Callable[[str], None]) -> None:
        """Report the findings and how many there are."""
        for line in self.lines():
            echo(line)
        echo(f'{self.count} problems, {self.note_count} notes')


def check_data(
    path: str | Path,
    img_prefix: str | None = None,
    options: CheckOptions | None = None,
    limit: int = 100,
    echo: Callable[[str], None] = print,
) -> int:
    """Check a data set's root folder, or one annotation file with its folder of images, and report as text.

    Returns:
        The number of problems; harmless notes are not counted.

    Raises:
        DataError: the folder has no known layout, or there is no such file.
        ConfigError: ``img_prefix`` is given with a folder.
    """
    options, findings = options or CheckOptions(), Findings(limit)
    if Path(path).is_dir():
        if img_prefix is not None:
            raise ConfigError(f'{path} is a folder; --img-prefix goes with an annotation file')
        problems = _folder_problems(path, options, echo)
    elif Path(path).is_file():
        images = Path(img_prefix) if img_prefix is not None else None
        problems = check_file(Path(path), images, options, echo)
        if images is None and not options.skip_images:
            findings.add(Problem(str(path), 'images were not looked at; give --img-prefix', harmless=True))
    else:
        raise DataError(f'{path}: no such file or folder')
    for problem in problems:
        findings.add(problem)
    findings.tell(echo)
    return findings.count


def _folder_problems(path: str | Path, options: CheckOptions, echo: Callable[[str], None]) -> Iterator[Problem]:
    """Problems of a folder of any layout that is known."""
    if is_market(path):
        yield from check_market(path, options.skip_images, echo)
        return
    sets = find_tracking_sets(path)
    for tracking in sets:
        yield from _tracking_problems(tracking, options, echo)
    if sets:
        return
    layout = recognise(path)
    echo(f'{path}: {layout.name}')
    options = CheckOptions(options.decode_images, options.skip_images, layout.occlusion, options.progress)
    yield from missing_pieces(layout, path)
    for part in find_parts(layout, path):
        if part.ann_file and layout.kind == 'json':
            yield from check_file(part.ann_file, part.img_prefix, options, echo)
        elif part.ann_file:
            yield from check_sequences(layout.kind, part, options, echo)


def _tracking_problems(part: TrackingSet, options: CheckOptions, echo: Callable[[str], None]) -> Iterator[Problem]:
    """Everything wrong with a part of a tracking benchmark's data set."""
    echo(f'{part.source}: {part.layout}')
    try:
        document = part.read()
    except DataError as error:
        yield Problem(str(part.source), str(error).removeprefix(f'{part.source}: '))
        return
    if part.images is None and not options.skip_images:
        yield Problem(str(part.source), 'the frames are not there, so they were not looked at', harmless=True)
    yield from check_document(document, str(part.source), part.images, options, echo)


def check_file(
    ann_file: str | Path,
    img_prefix: str | Path | None,
    options: CheckOptions,
    echo: Callable[[str], None] = print,
) -> Iterator[Problem]:
    """Everything wrong with one annotation file and, where ``img_prefix`` is given, its images."""
    file = str(ann_file)
    try:
        document = read_json(file)
        if 'images' in document and 'videos' not in document:
            document = as_video_document(document, file)
    except DataError as error:
        yield Problem(file, str(error).removeprefix(f'{file}: '))
        return
    yield from check_document(document, file, img_prefix, options, echo)


def check_document(
    document: dict[str, Any],
    file: str,
    img_prefix: str | Path | None,
    options: CheckOptions,
    echo: Callable[[str], None] = print,
) -> Iterator[Problem]:
    """Everything wrong with a YouTube-VIS document that was read from ``file``; see :func:`check_file`."""
    yield from structure_problems(document, file)
    videos = {v['id']: v for v in document.get('videos') or () if _usable_video(v)}
    annotations = document.get('annotations')
    yield from _emptiness(annotations, file)
    usable = [a for a in annotations or () if _usable_annotation(a, videos)]
    echo(_summary(file, videos, usable, document.get('categories') or []))
    if any(a.get('occlusion') is not None for a in usable):
        echo(_occlusion_summary(file, videos, usable))
    for annotation in _bar(usable, 'masks', options):
        yield from mask_problems(annotation, videos[annotation['video_id']], file)
        if options.occlusion and annotation.get('occlusion') is None:
            message = "the list 'occlusion' is missing; the OVIS metric needs it"
            yield Problem(file, message, annotation['video_id'], annotation['id'])
    if img_prefix is None or options.skip_images:
        return
    if not Path(img_prefix).is_dir():
        yield Problem(str(img_prefix), 'no such folder of images')
        return
    for video in _bar(list(videos.values()), 'videos', options):
        yield from image_problems(video, Path(img_prefix), file, options.decode_images)


def _bar(items: list[Item], unit: str, options: CheckOptions) -> Iterable[Item]:
    return tqdm(items, unit=f' {unit}', disable=None if options.progress else True, leave=False)


def _emptiness(annotations: Any, file: str) -> Iterator[Problem]:
    if annotations is None:
        yield Problem(file, 'no ground truth: good for testing and export, not for evaluation', harmless=True)
    elif annotations == []:
        yield Problem(file, 'the list of annotations is empty: nothing to train on or to evaluate with')


def _usable_video(video: Any) -> bool:
    if not isinstance(video, dict) or not all(isinstance(video.get(key), int) for key in ('id', 'height', 'width')):
        return False
    names = video.get('file_names')
    return video['height'] > 0 and video['width'] > 0 and isinstance(names, list) and bool(names)


def _usable_annotation(annotation: Any, videos: dict[Any, dict]) -> bool:
    """Whether its structure is sound enough to look at its masks; if not, that was reported already."""
    if not isinstance(annotation, dict) or not all(isinstance(annotation.get(k), int) for k in ('id', 'video_id')):
        return False
    if annotation['video_id'] not in videos:
        return False
    length = len(videos[annotation['video_id']]['file_names'])
    lists = {k: annotation.get(k) for k in ('segmentations', 'bboxes', 'areas')}
    return all(
        isinstance(values, list)
        and len(values) == length
        and (key == 'segmentations' or all(entry_ok(key, value) for value in values))
        for key, values in lists.items()
        if values is not None or key == 'segmentations'
    )


def _summary(file: str, videos: dict[Any, dict], annotations: list[dict], categories: list) -> str:
    frames = sum(len(video['file_names']) for video in videos.values())
    masks = sum(mask is not None for a in annotations for mask in a['segmentations'])
    held_out = len(holdout_ids(videos)) if videos else 0
    return (
        f'{file}: {len(videos)} videos ({held_out} in hold-out version {HOLDOUT_VERSION} of 0.1), {frames} frames, '
        f'{len(annotations)} tracks, {masks} masks, {len(categories)} categories'
    )


def _occlusion_summary(file: str, videos: dict[Any, dict], annotations: list[dict]) -> str:
    """How much the tracks of the whole file are occluded, and those of the part that is held out."""
    known: dict[Any, list[float]] = {video_id: [] for video_id in videos}
    for annotation in annotations:
        try:
            occlusion = track_occlusion(annotation.get('occlusion'), len(annotation['segmentations']))
        except DataError:
            continue  # reported with the structure
        known[annotation['video_id']].append(occlusion)
    parts = {'occlusion of tracks': set(videos), 'in the hold-out': holdout_ids(videos)}
    counts = []
    for part, chosen in parts.items():
        classes = class_counts(chain.from_iterable(known[video_id] for video_id in chosen))
        counts.append(f'{part}: ' + ', '.join(f'{count} {name}' for name, count in classes.items()))
    return f'{file}: {"; ".join(counts)} (on a limit: in both classes)'


def mask_problems(annotation: dict[str, Any], video: dict[str, Any], file: str) -> Iterator[Problem]:
    """Masks of one track that are damaged, empty or disagree with the track's boxes and areas."""
    place = {'file': file, 'video': video['id'], 'annotation': annotation['id']}
    rles: list[RLE] = []
    frames: list[int] = []
    for frame, mask in enumerate(annotation['segmentations']):
        if mask is None:
            continue
        try:
            rles.append(normalise_rle(mask, video['height'], video['width']))
            frames.append(frame)
        except DataError as error:
            yield Problem(**place, message=str(error), frame=frame)
    areas, boxes = area(rles), to_bbox(rles)
    for frame in np.array(frames, dtype=int)[areas == 0].tolist():
        yield Problem(**place, message='the mask is empty; not trained on', frame=frame, harmless=True)
    yield from _box_problems(annotation, frames, areas, boxes, place)
    yield from _area_problems(annotation, frames, areas, place)


def _box_problems(
    annotation: dict[str, Any], frames: list[int], areas: np.ndarray, boxes: np.ndarray, place: dict[str, Any]
) -> Iterator[Problem]:
    given = annotation.get('bboxes')
    if not given:
        return
    with_mask = {t for t, mask in enumerate(annotation['segmentations']) if mask is not None}
    for frame in sorted(with_mask ^ {t for t, box in enumerate(given) if box}):
        message = 'there is a mask but no box' if frame in with_mask else 'there is a box but no mask'
        yield Problem(**place, message=f'{message}; give both or neither', frame=frame)
    for frame, size, box in zip(frames, areas, boxes):
        if not given[frame] or size == 0:
            continue
        off, iou = _compare_boxes(_inside(given[frame], annotation['segmentations'][frame]), box)
        if off > max(BOX_TOLERANCE_PIXELS, BOX_TOLERANCE_SHARE * float(box[2:].max())):
            message = f'box {_rounded(given[frame])} is not that of the mask, {_rounded(box)} (x, y, width, height)'
            yield Problem(**place, message=message, frame=frame, harmless=iou > HARMLESS_RATIO)


def _inside(box: Sequence[float], mask: Any) -> np.ndarray:
    """The part of an x, y, width, height box that lies in the frame; boxes may reach beyond it, masks cannot."""
    x, y, w, h = (float(value) for value in box)
    if not isinstance(mask, dict):
        return np.array([x, y, w, h])
    height, width = mask['size']
    left, top = min(max(x, 0.0), width), min(max(y, 0.0), height)
    return np.array([left, top, min(max(x + w, 0.0), width) - left, min(max(y + h, 0.0), height) - top])


def _compare_boxes(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Largest distance between the sides of two x, y, width, height boxes, and their IoU."""
    corners1 = np.concatenate([first[:2], first[:2] + first[2:]])
    corners2 = np.concatenate([second[:2], second[:2] + second[2:]])
    inter = (np.minimum(corners1[2:], corners2[2:]) - np.maximum(corners1[:2], corners2[:2])).clip(0).prod()
    union = first[2:].prod() + second[2:].prod() - inter
    return float(np.abs(corners1 - corners2).max()), float(inter / max(union, 1e-9))


def _area_problems(
    annotation: dict[str, Any], frames: list[int], areas: np.ndarray, place: dict[str, Any]
) -> Iterator[Problem]:
    given = annotation.get('areas')
    for frame, size in zip(frames, areas):
        if not given or annotation.get('iscrowd'):
            return
        if given[frame] is None:
            yield Problem(**place, message='there is a mask but no area', frame=frame)
        elif abs(given[frame] - size) > max(AREA_TOLERANCE_PIXELS, AREA_TOLERANCE_SHARE * size):
            close = HARMLESS_RATIO < given[frame] / max(size, 1e-9) < 1 / HARMLESS_RATIO
            message = f'area {given[frame]:g} is not that of the mask, {size}'
            yield Problem(**place, message=message, frame=frame, harmless=close)


def _rounded(box: Iterable[float]) -> str:
    return str([round(float(value), 1) for value in box])


def image_problems(video: dict[str, Any], folder: Path, file: str, decode: bool) -> Iterator[Problem]:
    """Frames of one video that are missing, damaged, listed twice or of another size than the file says."""
    expected = (video['height'], video['width'])
    for name, count in Counter(map(str, video['file_names'])).items():
        if count > 1:
            yield Problem(file, f'{name} is listed {count} times', video['id'])
    for frame, name in enumerate(map(str, video['file_names'])):
        path = find_image(folder / name)
        where = Problem(file, '', video['id'], None, frame).where
        try:
            size = read_image(path, where).shape[:2] if decode else header_size(path, where)
            check_size(path, size, expected, where)
        except DataError as error:
            message = str(error).removeprefix(f'{path} ({where}): ')
            yield Problem(str(path), f'{message} (listed in {file})', video['id'], None, frame)
