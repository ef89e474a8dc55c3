"""A fixed part of a training file to validate on, where the official validation set has no public ground truth."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal, get_args

from mmdet.errors import ConfigError

__all__ = ['HOLDOUT_FRACTION', 'HOLDOUT_VERSION', 'SPLITS', 'SplitName', 'holdout_ids', 'split_ids']

HOLDOUT_FRACTION = 0.1
HOLDOUT_VERSION = 1  # part of what is hashed: a change of the rule gets a new number, old results keep theirs
SplitName = Literal['train-holdout', 'holdout']
SPLITS: tuple[SplitName, ...] = get_args(SplitName)


def holdout_ids(
    video_ids: Iterable[int], fraction: float = HOLDOUT_FRACTION, version: int = HOLDOUT_VERSION
) -> set[int]:
    """Ids of the videos that are held out.

    A video is held out when the first 8 bytes of sha256(``f'{version}:{video_id}'``), read as a big-endian number in
    [0, 1), are below ``fraction``. So it depends on its own id only: adding or removing other videos moves none, and a
    larger fraction contains every smaller one.

    Raises:
        ConfigError: ``fraction`` is not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise ConfigError(f'holdout_fraction must be between 0 and 1, got {fraction}')
    return {video_id for video_id in video_ids if _place(video_id, version) < fraction}


def _place(video_id: int, version: int) -> float:
    digest = hashlib.sha256(f'{version}:{video_id}'.encode()).digest()
    return int.from_bytes(digest[:8], 'big') / 2**64


def split_ids(video_ids: Iterable[int], split: str | None, fraction: float) -> set[int]:
    """Ids of the videos in a split: all (``None``), without (``'train-holdout'``) or only (``'holdout'``) the held out.

    Raises:
        ConfigError: no such split, or nothing is left in it.
    """
    everything = set(video_ids)
    if split is None:
        return everything
    held_out = holdout_ids(everything, fraction)
    parts = {'train-holdout': everything - held_out, 'holdout': held_out}
    if split not in parts:
        raise ConfigError(f"split must be None, 'train-holdout' or 'holdout', got {split!r}")
    if not parts[split]:
        raise ConfigError(
            f"split '{split}' with holdout_fraction={fraction} leaves none of {len(everything)} videos; "
            f'choose another fraction'
        )
    return parts[split]
