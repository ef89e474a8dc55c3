"""The hyper-parameters of following a target, and what they may be."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from mmdet.errors import ConfigError


@dataclass(frozen=True)
class TrackingOptions:
    """``test_cfg`` of :class:`~mmdet.models.siammask.SiamMask`; none of it changes weights.

    Attributes:
        penalty_k: how much a change of size and aspect ratio costs, >= 0.
        window_influence: share of the cosine window in the final score, in [0, 1].
        lr: how fast the size follows, in [0, 1]; 1 takes it over, as for DAVIS.
        mask_threshold: a pixel belongs to the mask where its value is greater (``seg_thr`` of the original);
            a second stage has thresholds of its own.
        context_amount: of the target's mean side that is added around it, on every side half.
        min_size: smallest width and height of a target in pixels.
        min_mask_area: a mask whose largest outline encloses more pixels than this gives the rotated box.
        lost_score: below this score of the chosen anchor, or with an empty mask, an object counts as lost.
        max_batch: objects whose crops go through the network together, which bounds memory.
        fuse_masks: give a pixel that several objects claim to the one with the highest value (DAVIS, YouTube-VOS).
    """

    penalty_k: float = 0.09
    window_influence: float = 0.39
    lr: float = 0.38
    mask_threshold: float = 0.3
    context_amount: float = 0.5
    min_size: float = 10.0
    min_mask_area: float = 100.0
    lost_score: float = 0.5
    max_batch: int = 16
    fuse_masks: bool = False

    def __post_init__(self) -> None:
        for name in ('window_influence', 'lr', 'mask_threshold', 'lost_score'):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f'test_cfg.{name} lies between 0 and 1, got {getattr(self, name)}')
        for name in ('penalty_k', 'context_amount', 'min_size', 'min_mask_area'):
            if getattr(self, name) < 0:
                raise ConfigError(f'test_cfg.{name} cannot be negative, got {getattr(self, name)}')
        if self.max_batch < 1:
            raise ConfigError(f'test_cfg.max_batch must be at least 1, got {self.max_batch}')

    @classmethod
    def from_config(cls, config: Mapping[str, Any] | None) -> TrackingOptions:
        """Options of a config's ``test_cfg``.

        Raises:
            ConfigError: unknown keys or impossible values.
        """
        known = [field.name for field in fields(cls)]
        for key in config or {}:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                hint = f" Did you mean '{close[0]}'?" if close else ''
                raise ConfigError(f"test_cfg of SiamMask has no key '{key}'.{hint} It takes: {', '.join(known)}.")
        return cls(**(config or {}))
