"""YouTube-VOS: J and F of objects of categories that were trained on (seen) and of others (unseen).

The benchmark scores on a server and has not published its program. Here an object is scored in the frames that the meta
file lists for it, but for the first, in which it is given; measures and tolerance are those of DAVIS; an object's
number is its mean over frames, a group's the mean over its objects, and the overall score the mean of the four groups.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmdet.errors import DataError
from mmdet.evaluation.davis import MEASURES
from mmdet.evaluation.mask_similarity import accuracy, boundary_tolerance, box_around, outline, similarity
from mmdet.evaluation.tables import text_table

__all__ = ['ObjectScore', 'VOSScores', 'score_object']

GROUPS = ('seen', 'unseen')


@dataclass(frozen=True)
class ObjectScore:
    """J and F of one object, means over its scored frames.

    Attributes:
        video, id, category: which object it is.
        J: region similarity.
        F: boundary accuracy.
        frames: names of the T frames that were scored.
        per_frame: (T, 2) J and F of each.
    """

    video: str
    id: int
    category: str
    J: float
    F: float
    frames: tuple[str, ...] = ()
    per_frame: np.ndarray = field(default_factory=lambda: np.zeros((0, len(MEASURES))), compare=False)

    def series(self, frames: Sequence[str]) -> np.ndarray:
        """J and F (2, len(frames)) in the given frames; NaN where the object is not scored."""
        values = np.full((len(MEASURES), len(frames)), np.nan)
        values[:, [frames.index(frame) for frame in self.frames]] = self.per_frame.T
        return values


def score_object(truth: np.ndarray, result: np.ndarray) -> np.ndarray:
    """J and F (T, 2) of masks (T, H, W) bool or uint8 0/1 of one object in every frame.

    Raises:
        DataError: different shapes, or no frames.
    """
    if truth.shape != result.shape or len(truth) == 0:
        raise DataError(f'masks of (frames, height, width) {result.shape} cannot be scored against {truth.shape}')
    radius = boundary_tolerance(*truth.shape[1:])
    scores = np.empty((len(truth), 2))
    for row, (own, found) in enumerate(zip(truth.astype(np.uint8), result.astype(np.uint8))):
        box = box_around(own | found)
        a, b = outline(own, radius, box), outline(found, radius, box)
        scores[row] = similarity(a, b), accuracy(a, b)
    return scores


@dataclass
class VOSScores:
    """Scores of a set of objects.

    Attributes:
        seen: categories of the training set; None: not known, and no groups are formed.
        objects: every scored object.
    """

    seen: Collection[str] | None = None
    objects: list[ObjectScore] = field(default_factory=list)

    @property
    def numbers(self) -> dict[str, float]:
        """``overall``, ``J_seen``, ``J_unseen``, ``F_seen`` and ``F_unseen``; without ``seen`` J, F and their mean.

        A group without objects is left out, of the overall mean too.
        """
        if not self.objects:
            raise DataError('no object was scored')
        if self.seen is None:
            numbers = {m: float(np.mean([getattr(o, m) for o in self.objects])) for m in MEASURES}
            return {'overall': float(np.mean(list(numbers.values()))), **numbers}
        parts = {
            'seen': [o for o in self.objects if o.category in self.seen],
            'unseen': [o for o in self.objects if o.category not in self.seen],
        }
        numbers = {
            f'{m}_{group}': float(np.mean([getattr(o, m) for o in parts[group]]))
            for m in MEASURES
            for group in GROUPS
            if parts[group]
        }
        return {'overall': float(np.mean(list(numbers.values()))), **numbers}

    def table(self) -> str:
        """The numbers, and a line per category."""
        categories = sorted({o.category for o in self.objects})
        rows: list[list[str | float | int]] = []
        for category in categories:
            members = [o for o in self.objects if o.category == category]
            means = [float(np.mean([getattr(o, m) for o in members])) for m in MEASURES]
            group = '' if self.seen is None else GROUPS[category not in self.seen]
            rows.append([category, group, len(members), *means])
        whole = self.numbers
        overall = text_table(list(whole), [list(whole.values())])
        return f'{overall}\n\n{text_table(["category", "group", "objects", *MEASURES], rows)}'

    def as_dict(self) -> dict[str, object]:
        """Every number, ready for JSON."""
        return {**self.numbers, 'per_object': {f'{o.video}_{o.id}': {'J': o.J, 'F': o.F} for o in self.objects}}
