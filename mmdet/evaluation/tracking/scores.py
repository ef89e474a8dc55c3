"""Numbers of all sequences and classes, joined, and shown as tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mmdet.evaluation.tables import text_table
from mmdet.evaluation.tracking import clear_mot, hota_family, idf1, mots_counts
from mmdet.evaluation.tracking.mots_counts import combine_mots_tools
from mmdet.evaluation.tracking.numbers import Numbers, scalar
from mmdet.evaluation.tracking.scene import Scene

Protocol = Literal['trackeval', 'mots_tools']
MAX_ROWS = 80  # of a table for the console
TOGETHER = 'all'  # name of the row that joins all sequences
CLASS_MEAN, CLASS_SUM = 'class mean', 'all objects'
SIZES = ('Dets', 'GT_Dets', 'IDs', 'GT_IDs', 'Frames')
SUMMED = frozenset((*hota_family.COUNTS, *clear_mot.COUNTS, *idf1.COUNTS, *SIZES)) - {'MOTP_sum'}  # by class mean
_DETECTED = ('MT', 'PT', 'ML')
SHOWN: dict[str, tuple[str, ...]] = {
    'trackeval': (
        *('HOTA', 'DetA', 'AssA', 'LocA', 'MOTA', 'sMOTA', 'MOTP', 'IDF1', 'IDSW', 'Frag', 'CLR_Re', 'CLR_Pr'),
        *_DETECTED,
        *('CLR_FP', 'CLR_FN', 'GT_Dets'),
    ),
    'mots_tools': (
        *('sMOTSA', 'MOTSA', 'MOTSP', 'MODSA', 'recall', 'precision', 'F1', 'id_switches', 'fragments'),
        *_DETECTED,
        *('fp', 'fn', 'n_gt'),
    ),
}


def scene_numbers(scene: Scene) -> Numbers:
    """HOTA, CLEAR and identity numbers of a scene in one dict, and :data:`SIZES`."""
    sizes = {
        'Dets': len(scene.result_frames),
        'GT_Dets': len(scene.truth_frames),
        'IDs': scene.num_result_tracks,
        'GT_IDs': scene.num_truth_tracks,
        'Frames': scene.num_frames,
    }
    return {**hota_family.hota(scene), **clear_mot.clear(scene), **idf1.identity(scene), **sizes}


def combine(parts: Sequence[Numbers]) -> Numbers:
    """Numbers of several sequences, or of several classes with every object counting alike."""
    sizes = {name: sum(part[name] for part in parts) for name in SIZES}
    found = {**hota_family.combine_hota(parts), **clear_mot.combine_clear(parts), **idf1.combine_identity(parts)}
    return {**found, **sizes}


def class_mean(parts: Sequence[Numbers]) -> Numbers:
    """Numbers of several classes with every class counting alike: counts are summed, the rest is averaged."""
    return {
        name: np.sum([part[name] for part in parts], axis=0)
        if name in SUMMED
        else np.mean([part[name] for part in parts], axis=0)
        for name in parts[0]
    }


@dataclass(frozen=True)
class TrackingScores:
    """Every number of an evaluation over time.

    Attributes:
        protocol: how matches and switches were counted.
        scores: numbers by class and sequence; the sequence :data:`TOGETHER` joins all. With several classes there are
            also :data:`CLASS_MEAN` and :data:`CLASS_SUM` (``trackeval``), which have this row alone.
    """

    protocol: Protocol
    scores: dict[str, dict[str, Numbers]]

    @classmethod
    def join(cls, protocol: Protocol, per_class: Mapping[str, Mapping[str, Numbers]]) -> TrackingScores:
        """From the numbers of every class and sequence."""
        joined: Callable[[Sequence[Numbers]], Numbers] = combine if protocol == 'trackeval' else combine_mots_tools
        scores = {name: {**found, TOGETHER: joined(list(found.values()))} for name, found in per_class.items()}
        if len(scores) > 1 and protocol == 'trackeval':
            parts = [found[TOGETHER] for found in scores.values()]
            scores[CLASS_MEAN] = {TOGETHER: class_mean(parts)}
            scores[CLASS_SUM] = {TOGETHER: combine(parts)}
        return cls(protocol, scores)

    def summary(self) -> dict[str, float]:
        """Numbers over all sequences: of all classes by name, and each class as ``car_HOTA``; main ones first.

        Counts are sums over the classes, the rest means over those with ground truth; numbers that are not finite are
        left out.
        """
        rows = {name: found[TOGETHER] for name, found in self.scores.items() if name not in (CLASS_MEAN, CLASS_SUM)}
        truths = 'GT_Dets' if self.protocol == 'trackeval' else 'n_gt'
        present = [numbers for numbers in rows.values() if numbers[truths]] or list(rows.values())
        names = dict.fromkeys([*SHOWN[self.protocol], *present[0]])
        counts = SUMMED if self.protocol == 'trackeval' else mots_counts.COUNTS
        found = {
            name: float(sum(scalar(numbers[name]) for numbers in rows.values()))
            if name in counts
            else float(np.mean([scalar(numbers[name]) for numbers in present]))
            for name in names
        }
        if len(rows) > 1:
            found |= {f'{c}_{name}': scalar(value) for c, numbers in rows.items() for name, value in numbers.items()}
        return {name: value for name, value in found.items() if math.isfinite(value)}

    def table(self) -> str:
        """The main numbers as text: of every class and sequence, or of every class where that would be too long."""
        shown = SHOWN[self.protocol]
        if sum(len(found) for found in self.scores.values()) > MAX_ROWS:
            joined = {name: found[TOGETHER] for name, found in self.scores.items()}
            rows = [[name, *(_shown(found[column]) for column in shown)] for name, found in joined.items()]
            return f'all sequences ({self.protocol})\n' + text_table(['class', *shown], rows)
        parts = []
        for name, sequences in self.scores.items():
            order = [key for key in sequences if key != TOGETHER] + [TOGETHER]
            rows = [[key, *(_shown(sequences[key][column]) for column in shown)] for key in order]
            parts.append(f'{name} ({self.protocol})\n' + text_table(['sequence', *shown], rows))
        return '\n\n'.join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON; what is not finite becomes null."""
        return {
            'protocol': self.protocol,
            'scores': {
                name: {key: _plain_numbers(numbers) for key, numbers in found.items()}
                for name, found in self.scores.items()
            },
        }


def _shown(value: Any) -> str | float | int:
    number = scalar(value)
    if not math.isfinite(number):
        return str(number)
    return int(number) if isinstance(value, int | np.integer) else f'{number:.4f}'


def _plain_numbers(numbers: Numbers) -> dict[str, Any]:
    return {name: _plain(value) for name, value in numbers.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.ndim:
        return [_plain(v) for v in value.tolist()]
    value = value.item() if isinstance(value, np.generic | np.ndarray) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
