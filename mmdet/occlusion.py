"""How much a track is hidden, by the rule of OVIS, as data sets count it and evaluation scores by it.

Definition: "Occluded Video Instance Segmentation: A Benchmark" (Qi et al., IJCV 2022) and the benchmark's evaluator.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mmdet.errors import DataError

__all__ = ['OCCLUSION_CLASSES', 'OCCLUSION_SHARES', 'class_counts', 'track_occlusion']

OCCLUSION_SHARES = {'no_occlusion': 0.0, 'slight_occlusion': 0.25, 'severe_occlusion': 0.75}
# by name the least and largest occlusion of a track; both belong to the class, so that a track may be in two
OCCLUSION_CLASSES = {'light': (0.0, 0.25), 'moderate': (0.25, 0.5), 'heavy': (0.5, 1.0)}


def track_occlusion(flags: Any, length: int, where: str = 'annotation') -> float:
    """How much a track is occluded, in [0, 1]: mean share of the more occluded half of its frames.

    Args:
        flags: per frame ``no_occlusion``, ``slight_occlusion``, ``severe_occlusion`` or None where absent.
        length: frames of the track.
        where: begins messages.

    Raises:
        DataError: flags are missing, too few, or unknown words.
    """
    if not isinstance(flags, list) or len(flags) != length:
        count = f'has {len(flags)}' if isinstance(flags, list) else 'has no'
        raise DataError(
            f"{where}: {count} 'occlusion' flags for {length} frames. OVIS numbers need one per frame; "
            'evaluate as YouTube-VIS for numbers without occlusion.'
        )
    unknown = [flag for flag in flags if flag is not None and str(flag) not in OCCLUSION_SHARES]
    if unknown:
        raise DataError(f'{where}: occlusion flag {unknown[0]!r} is none of {", ".join(OCCLUSION_SHARES)}')
    shares = sorted((OCCLUSION_SHARES[flag] for flag in flags if flag is not None), reverse=True)
    top = shares[: (len(shares) + 1) // 2]
    return sum(top) / len(top) if top else 0.0


def class_counts(occlusions: Iterable[float]) -> dict[str, int]:
    """Tracks in every class of occlusion; one on the limit of two classes counts in both."""
    values = list(occlusions)
    return {name: sum(low <= v <= high for v in values) for name, (low, high) in OCCLUSION_CLASSES.items()}
