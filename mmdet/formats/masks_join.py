"""Joins MOTS results of several runs, such as one for cars and one for pedestrians, into one set of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmdet.errors import ConfigError, DataError
from mmdet.formats.masks import CAR, PEDESTRIAN, MaskTable, read_masks, write_masks
from mmdet.ops.disjoint import make_disjoint
from mmdet.ops.rle import area


def join_mots_results(folders: Sequence[str | Path], out: str | Path) -> list[Path]:
    """Join the files ``<sequence>.txt`` of several result folders; the files that were written.

    Args:
        folders: where masks share a pixel, it goes to the folder that comes first. One alone may have overlaps, whose
            pixels go to the line that comes first.
        out: folder to write to.

    Raises:
        ConfigError: no folder, one of them twice, or ``out`` is one of them.
        DataError: a folder has no results, or not those of the sequences of the others; or a file is damaged.
    """
    places = [Path(folder) for folder in folders]
    if not places or len({place.resolve() for place in [*places, Path(out)]}) <= len(places):
        raise ConfigError('joining results takes different folders, and another one to write to')
    for place in places:
        if not place.is_dir():
            raise DataError(f'{place}: no such folder of results')
    names = [sorted(path.name for path in place.glob('*.txt')) for place in places]
    for place, own in zip(places, names):
        odd = sorted(set(own) ^ set(names[0]))
        if odd or not own:
            raise DataError(f'{place}: {odd[0]} is not in every folder' if odd else f'{place}: no <sequence>.txt')
    written = []
    for name in names[0]:
        # frames stay as they are called in the files, whether those count from 0 or from 1
        alone = len(places) == 1
        tables = [read_masks(place / name, classes=(CAR, PEDESTRIAN), overlaps=alone) for place in places]
        written.append(Path(out) / name)
        write_masks(written[-1], join_masks(tables))
    return written


def join_masks(tables: Sequence[MaskTable]) -> MaskTable:
    """One table of the rows of all, by frame, with new identities and without common pixels.

    Identities count from 1, no two tables have one in common. Pixels of several masks go to the earlier table, in one
    table to the earlier row; masks of which nothing is left are left out.

    Raises:
        DataError: masks are of different sizes.
    """
    owners = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    order = np.argsort(np.concatenate([table.frames for table in tables]), kind='stable')
    frames, ids, classes = (
        np.concatenate([getattr(table, name) for table in tables])[order] for name in ('frames', 'ids', 'class_ids')
    )
    owners = owners[order]
    rows = [mask for table in tables for mask in table.masks.rles()]
    masks = [rows[row] for row in order.tolist()]
    for start, end in _runs(frames):
        masks[start:end] = make_disjoint(masks[start:end], (-owners[start:end]).tolist())
    new_ids = np.unique(np.stack([owners, ids], 1), axis=0, return_inverse=True)[1].reshape(-1) + 1
    left = np.flatnonzero(area(masks) > 0)
    source = ' and '.join(table.source for table in tables)
    return MaskTable.of(source, frames[left], new_ids[left], classes[left], [masks[row] for row in left.tolist()])


def _runs(frames: np.ndarray) -> list[tuple[int, int]]:
    """First row and row after the last of every frame, of sorted frames (N,)."""
    starts = np.flatnonzero(np.diff(frames, prepend=-1))
    return list(zip(starts.tolist(), [*starts[1:].tolist(), len(frames)]))
