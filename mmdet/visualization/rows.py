"""Reads tracks of one frame for drawing, whichever of their forms they come in."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from mmdet.structures import RLE
from mmdet.visualization.colours import NO_IDENTITY, RGB, identity_colour

__all__ = ['TrackRow', 'track_rows']


class TrackRow(NamedTuple):
    """One object of a frame.

    Attributes:
        instance_id: identity; None for a plain detection, negative where a tracker gave none.
        label: class from 0.
        score: in [0, 1]; None for ground truth.
        bbox: x1 y1 x2 y2 in pixels of the original frame.
        mask: None where there is only a box.
        forecast: boxes expected in the next frames, nearest first, in the same pixels; () where there are none.
        corners: x, y of a rotated box, in order; None where there is none.
        lost: whether the object is out of sight, so that the rest is where it is looked for.
    """

    instance_id: int | None
    label: int
    score: float | None
    bbox: tuple[float, float, float, float]
    mask: RLE | None
    forecast: tuple[tuple[float, float, float, float], ...] = ()
    corners: tuple[tuple[float, float], ...] | None = None
    lost: bool = False

    @property
    def colour(self) -> RGB:
        """RGB by identity; a plain detection has that of its class."""
        if self.instance_id is None:
            return identity_colour(self.label) if self.label >= 0 else NO_IDENTITY
        return identity_colour(self.instance_id)

    def captions(self, classes: Sequence[str] | None) -> list[str]:
        """``name id lost score`` without what is not known or so, and shorter forms for where there is no room."""
        known = classes is not None and 0 <= self.label < len(classes)
        name = classes[self.label] if classes is not None and known else f'class {self.label}'
        identity = [str(self.instance_id)] if self.instance_id is not None and self.instance_id >= 0 else []
        score = [f'{self.score:.2f}'] if self.score is not None else []
        lost = ['lost'] if self.lost else []
        forms = [[name, *identity, *lost, *score], [name, *identity, *lost], [*identity, *lost]]
        return list(dict.fromkeys(' '.join(form) for form in forms if form))


def track_rows(tracks: Any, score_thr: float = 0.0) -> list[TrackRow]:
    """Rows of ``tracks`` that reach ``score_thr``, in their order.

    Args:
        tracks: anything with ``bboxes`` (N, 4) and ``labels`` (N,), and where known ``instance_ids`` (N,), ``scores``
            (N,), ``rotated_boxes`` (N, 4, 2), ``masks`` (list of RLE or None), ``forecasts`` (N, K, 4) and ``lost``
            (N,): ``InstanceData`` or lists, on any device.
        score_thr: rows below are left out; rows without a score stay.
    """
    bboxes = _numbers(tracks.bboxes).reshape(-1, 4).tolist()
    labels = _numbers(tracks.labels).astype(int).tolist()
    ids = _column(tracks, 'instance_ids', len(bboxes))
    scores = _column(tracks, 'scores', len(bboxes))
    masks = list(getattr(tracks, 'masks', None) or [None] * len(bboxes))
    forecasts = [_known(forecast) for forecast in _column(tracks, 'forecasts', len(bboxes))]
    rotated = [c and tuple(map(tuple, c)) for c in _column(tracks, 'rotated_boxes', len(bboxes))]
    lost = [bool(value) for value in _column(tracks, 'lost', len(bboxes))]
    rows = [
        TrackRow(None if identity is None else int(identity), label, score, tuple(bbox), *rest)
        for identity, label, score, bbox, *rest in zip(
            ids, labels, scores, bboxes, masks, forecasts, rotated, lost
        )
    ]
    return [row for row in rows if row.score is None or row.score >= score_thr]


def _known(forecast: list[list[float]] | None) -> tuple[tuple[float, float, float, float], ...]:
    """The boxes of a forecast up to the first that is NaN or infinite."""
    known = itertools.takewhile(lambda box: np.isfinite(box).all(), forecast or [])
    return tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in known)


def _numbers(values: Any) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def _column(tracks: Any, name: str, length: int) -> list[Any]:
    values = getattr(tracks, name, None)
    return [None] * length if values is None else _numbers(values).tolist()
