"""The numbers of a video instance evaluation and how they are shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmdet.evaluation.average_precision import mean_of_present
from mmdet.evaluation.tables import text_table
from mmdet.occlusion import OCCLUSION_CLASSES

FloatArray = NDArray[np.float64]

AREAS = ('small', 'medium', 'large')
OCCLUSIONS = tuple(OCCLUSION_CLASSES)
LIMITS = (1, 10, 100)


@dataclass(frozen=True)
class Number:
    """Which part of the arrays one published number averages.

    Attributes:
        name: such as ``AP50``.
        of: the array.
        threshold: index of the IoU threshold, None for all.
        area, occlusion, limit: indices on the other axes; 0 is 'all' for the first two.
    """

    name: str
    of: Literal['precision', 'recall']
    threshold: int | None = None
    area: int = 0
    occlusion: int = 0
    limit: int = len(LIMITS) - 1


def published_numbers(with_occlusion: bool) -> tuple[Number, ...]:
    """The 12 numbers of YouTube-VIS, or the 18 of OVIS, in the order of their evaluators.

    OVIS calls both a size and an occlusion class 'medium'; the latter is ``moderate`` here.
    """
    occlusions = OCCLUSIONS if with_occlusion else ()
    return (
        Number('AP', 'precision'),
        Number('AP50', 'precision', threshold=0),
        Number('AP75', 'precision', threshold=5),
        *(Number(f'AP_{name}', 'precision', area=i) for i, name in enumerate(AREAS, 1)),
        *(Number(f'AP_{name}', 'precision', occlusion=i) for i, name in enumerate(occlusions, 1)),
        *(Number(f'AR{limit}', 'recall', limit=i) for i, limit in enumerate(LIMITS)),
        *(Number(f'AR_{name}', 'recall', area=i) for i, name in enumerate(AREAS, 1)),
        *(Number(f'AR_{name}', 'recall', occlusion=i) for i, name in enumerate(occlusions, 1)),
    )


@dataclass(frozen=True)
class TrackAP:
    """Result of a video instance evaluation; -1 in any array or number means that there was no ground truth to find.

    Axes: T 10 IoU thresholds 0.50:0.05:0.95, P 101 recalls 0:0.01:1, K categories in the order of their ids (one if
    class-agnostic), A areas (all, small, medium, large), O occlusions (all, light, moderate, heavy), M limits of 1, 10,
    100 detections per video and category. O exists for OVIS only.

    Attributes:
        precision: (T, P, K, A, M) or (T, P, K, A, O, M).
        recall: (T, K, A, M) or (T, K, A, O, M).
        scores: shape of ``precision``; score of the detection at which a recall is reached.
        categories: names by id.
        ious: (D, G) by (video id, category id): at most 100 detections by falling score, ground truths in file order.
        with_occlusion: whether the O axis exists.
        class_agnostic: whether all categories were one; their id is then -1 in ``ious``.
        counts: numbers of videos, annotations and detections that took part.
    """

    precision: FloatArray
    recall: FloatArray
    scores: FloatArray
    categories: dict[int, str]
    ious: dict[tuple[int, int], FloatArray]
    with_occlusion: bool = False
    class_agnostic: bool = False
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def numbers(self) -> dict[str, float]:
        """The published numbers by name."""
        return {number.name: self._mean(number, slice(None)) for number in published_numbers(self.with_occlusion)}

    @property
    def per_category(self) -> dict[int, dict[str, float]]:
        """The same numbers for each category id alone; empty if class-agnostic."""
        if self.class_agnostic:
            return {}
        numbers = published_numbers(self.with_occlusion)
        return {
            category_id: {number.name: self._mean(number, slice(k, k + 1)) for number in numbers}
            for k, category_id in enumerate(self.categories)
        }

    def table(self) -> str:
        """Text for the console: the numbers, then one row per category that has ground truth."""
        head = ('AP', 'AP50', 'AP75', 'AR1', 'AR10', 'AR100')
        rows: list[tuple[str | float, ...]] = [
            (f'{self.categories[category_id]} ({category_id})', *(values[name] for name in head))
            for category_id, values in self.per_category.items()
        ]
        present = [row for row in rows if row[1] != -1]
        blocks = [text_table(('number', 'value'), list(self.numbers.items()))]
        if present:
            blocks.append(text_table(('category (id)', *head), present))
        if len(rows) > len(present):
            blocks.append(f'{len(rows) - len(present)} more categories have no ground truth.')
        return '\n\n'.join(blocks)

    def as_dict(self) -> dict[str, Any]:
        """Every number as plain values, ready for JSON."""
        return {
            'summary': self.numbers,
            'per_category': {
                str(category_id): {'name': self.categories[category_id], **values}
                for category_id, values in self.per_category.items()
            },
            'class_agnostic': self.class_agnostic,
            'counts': self.counts,
        }

    def json(self) -> str:
        """:meth:`as_dict` as JSON text."""
        return json.dumps(self.as_dict(), indent=1)

    def _mean(self, number: Number, categories: slice) -> float:
        values = getattr(self, number.of)  # (T, [P,] K, A, [O,] M)
        if not self.with_occlusion:
            values = values[..., None, :]
        thresholds = slice(None) if number.threshold is None else slice(number.threshold, number.threshold + 1)
        return mean_of_present(values[thresholds, ..., categories, number.area, number.occlusion, number.limit])


def stack_categories(curves: Sequence[FloatArray], areas: int, occlusions: int | None) -> FloatArray:
    """Join K arrays (..., R, M) to (..., K, A, M), or (..., K, A, O, M) where R is areas x occlusions."""
    joined = np.stack(curves, axis=-3)
    middle = (areas,) if occlusions is None else (areas, occlusions)
    return joined.reshape(*joined.shape[:-2], *middle, joined.shape[-1])
