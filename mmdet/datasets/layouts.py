"""Recognises the folder layouts in which video data sets are downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mmdet.datasets.schema import Problem
from mmdet.errors import DataError

__all__ = ['LAYOUTS', 'FoundPart', 'Layout', 'Part', 'find_parts', 'missing_pieces', 'recognise']


@dataclass(frozen=True)
class Part:
    """One split of a layout: the paths, relative to the root, at which its files may be."""

    name: str
    annotations: tuple[str, ...]
    images: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """A known way to lay out a data set.

    Attributes:
        name: shown to the user.
        parts: splits, the one for training first.
        source: where it is got.
        occlusion: whether its annotations carry occlusion levels.
        kind: what its annotation files are: ``json``, or lists and meta files that say which label maps or regions to
            read (``davis``, ``youtube-vos``, ``vot``).
    """

    name: str
    parts: tuple[Part, ...]
    source: str
    occlusion: bool = False
    kind: Literal['json', 'davis', 'youtube-vos', 'vot'] = 'json'


@dataclass(frozen=True)
class FoundPart:
    """A split on disk; a path is None where nothing is there."""

    name: str
    ann_file: Path | None
    img_prefix: Path | None


LAYOUTS = (
    Layout(
        'YouTube-VIS 2021',
        tuple(Part(s, (f'{s}/instances.json',), (f'{s}/JPEGImages',)) for s in ('train', 'valid', 'test')),
        'https://youtube-vos.org/dataset/vis/ (2021 version)',
    ),
    Layout(
        'YouTube-VIS 2019',
        (
            Part('train', ('train.json', 'annotations/instances_train_sub.json'), ('train/JPEGImages',)),
            Part('valid', ('valid.json', 'annotations/instances_val_sub.json'), ('valid/JPEGImages',)),
            Part('test', ('test.json', 'annotations/instances_test_sub.json'), ('test/JPEGImages',)),
        ),
        'https://youtube-vos.org/dataset/vis/ (2019 version)',
    ),
    Layout(
        'split folders with frames, annotations beside them (shapes, custom sets)',
        tuple(
            Part(s, (f'annotations/{s}.json', f'annotations/instances_{s}.json'), (f'{s}/JPEGImages',))
            for s in ('train', 'valid', 'test')
        ),
        'docs/data.md',
    ),
    Layout(
        'one folder of frames with one annotation file (custom sets)',
        (Part('all', ('annotations/instances.json', 'instances.json', 'annotations.json'), ('JPEGImages',)),),
        'docs/data.md',
    ),
    Layout(
        'OVIS',
        tuple(
            Part(s, (f'annotations_{s}.json', f'annotations/annotations_{s}.json'), (s, f'{s}/JPEGImages'))
            for s in ('train', 'valid', 'test')
        ),
        'https://songbai.site/ovis/',
        occlusion=True,
    ),
    Layout(
        'COCO',
        (
            Part(
                'train',
                ('annotations/instances_train2017.json', 'annotations/instances_train.json'),
                ('train2017', 'train', 'images/train2017'),
            ),
            Part(
                'val',
                ('annotations/instances_val2017.json', 'annotations/instances_val.json'),
                ('val2017', 'val', 'images/val2017'),
            ),
        ),
        'https://cocodataset.org/#download',
    ),
    Layout(
        'DAVIS 2017',
        tuple(Part(s, (f'ImageSets/2017/{s}.txt',), ('JPEGImages/480p',)) for s in ('train', 'val', 'test-dev')),
        'https://davischallenge.org/davis2017/code.html',
        kind='davis',
    ),
    Layout(
        'DAVIS 2016',
        tuple(
            Part(s, (f'ImageSets/2016/{s}.txt', f'ImageSets/480p/{s}.txt'), ('JPEGImages/480p',))
            for s in ('train', 'val')
        ),
        'https://davischallenge.org/davis2016/code.html',
        kind='davis',
    ),
    Layout(
        'YouTube-VOS',
        tuple(Part(s, (f'{s}/meta.json',), (f'{s}/JPEGImages',)) for s in ('train', 'valid', 'test')),
        'https://youtube-vos.org/dataset/vos/',
        kind='youtube-vos',
    ),
    Layout('VOT 2016, 2018 and 2019', (Part('all', ('list.txt',), ('.',)),), 'https://votchallenge.net/', kind='vot'),
)


OF_MANY_FILES = (  # recognised by mmdet.datasets.tracking_layouts and check_crops
    ('MOTChallenge', 'train/<sequence>/gt/gt.txt'),
    ('KITTI MOTS', 'instances_txt/<sequence>.txt'),
    ('MOTSChallenge', 'train/<sequence>/gt/gt.txt'),
    ('Market-1501', 'bounding_box_train/<person>_c<camera>...jpg'),
)


def recognise(root: str | Path) -> Layout:
    """The layout of which most pieces are under ``root``; the first of equals. An annotation file must be there.

    Raises:
        DataError: no such folder, or no annotation file at any known place.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f'{root}: no such folder')
    scores = [_score(layout, root) for layout in LAYOUTS]
    best = max(scores)
    if best == (0, 0):
        known = '\n'.join(
            f'  {name}: {place}'
            for name, place in [*((layout.name, layout.parts[0].annotations[0]) for layout in LAYOUTS), *OF_MANY_FILES]
        )
        raise DataError(
            f'{root}: no annotation file at a place that a known layout has:\n{known}\n'
            f'Unpack the annotation archive there, or name the annotation file itself and --img-prefix'
        )
    return LAYOUTS[scores.index(best)]


def _score(layout: Layout, root: Path) -> tuple[int, int]:
    parts = find_parts(layout, root)
    with_file = [part for part in parts if part.ann_file]
    return len(with_file) + sum(part.img_prefix is not None for part in with_file), len(with_file)


def find_parts(layout: Layout, root: str | Path) -> list[FoundPart]:
    """What of every split is there."""
    root = Path(root)
    return [
        FoundPart(
            part.name,
            next((root / name for name in part.annotations if (root / name).is_file()), None),
            next((root / name for name in part.images if (root / name).is_dir()), None),
        )
        for part in layout.parts
    ]


def missing_pieces(layout: Layout, root: str | Path) -> Iterator[Problem]:
    """Pieces of the layout that are not there. A split that is absent as a whole is harmless."""
    everything = find_parts(layout, root)
    used = {found.img_prefix for found in everything if found.ann_file}  # folders may be shared between splits
    for part, found in zip(layout.parts, everything):
        annotations, images = ' or '.join(part.annotations), ' or '.join(part.images)
        if not found.ann_file and (not found.img_prefix or found.img_prefix in used):
            yield Problem(str(root), f"split '{part.name}' is not there; from {layout.source}", harmless=True)
        elif not found.ann_file:
            yield Problem(str(root), f"split '{part.name}' has images but lacks {annotations}; from {layout.source}")
        elif not found.img_prefix:
            yield Problem(str(root), f"split '{part.name}' lacks the images {images}; from {layout.source}")
