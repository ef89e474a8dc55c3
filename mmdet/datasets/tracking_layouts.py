"""Recognises the folder layouts of tracking benchmarks, whose annotations are many text files instead of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdet.datasets.motchallenge import mot_document
from mmdet.datasets.mots import MOTSLayout, mots_document
from mmdet.errors import DataError
from mmdet.formats import SeqmapRow, read_seqmap

__all__ = ['TrackingSet', 'find_tracking_sets']


@dataclass(frozen=True)
class TrackingSet:
    """A part of such a data set.

    Attributes:
        layout: name of the layout.
        source: folder of the annotations (or of the frames, where there are none).
        images: folder of the frames, None where they are not there.
        read: makes the YouTube-VIS document.
    """

    layout: str
    source: Path
    images: Path | None
    read: Callable[[], dict[str, Any]]


def find_tracking_sets(root: str | Path) -> list[TrackingSet]:
    """Parts of a tracking data set under ``root``; empty where its layout is another one."""
    root = Path(root)
    found: list[TrackingSet] = []
    for name in ('instances_txt', 'instances'):
        if (root / name).is_dir():
            images = root / 'training' / 'image_02'
            found.append(_mots_set('KITTI MOTS', root / name, images, 'kitti', _rows(root, images)))
    for folder in (root / 'train', root / 'test', root):
        samples = sorted(folder.glob('*/gt/gt.txt')) or sorted(folder.glob('*/seqinfo.ini'))
        if not samples:
            continue
        if _holds_masks(samples[0]):
            found.append(_mots_set('MOTSChallenge', folder, folder, 'motschallenge', None))
        else:
            found.append(_mot_set(folder))
    return found


def _mots_set(
    layout: str, source: Path, images: Path, kind: MOTSLayout, rows: list[SeqmapRow] | None
) -> TrackingSet:
    return TrackingSet(
        layout, source, images if images.is_dir() else None, lambda: mots_document(source, images, kind, rows)
    )


def _mot_set(folder: Path) -> TrackingSet:
    images = folder if any(folder.glob('*/img1')) else None
    return TrackingSet('MOTChallenge', folder, images, lambda: mot_document(folder, folder))


def _rows(root: Path, images: Path) -> list[SeqmapRow] | None:
    """Lengths of sequences, needed where there are no frames to count."""
    if images.is_dir():
        return None
    rows: list[SeqmapRow] = []
    for path in sorted((root / 'seqmaps').glob('*.seqmap')):
        rows += [row for row in read_seqmap(path) if row.name not in {known.name for known in rows}]
    return rows or None


def _holds_masks(path: Path) -> bool:
    """Whether a ``gt.txt`` is of MOTSChallenge: six columns separated by blanks."""
    if path.name != 'gt.txt':
        return False
    try:
        with path.open(encoding='utf-8') as file:
            line = file.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'{path}: cannot be read as text: {error}') from error
    return ',' not in line and len(line.split()) == 6
